-- +goose Up
-- What becomes of the pieces while a workshop is closed. The table is internal/union's.

ALTER TABLE artisans
    ADD COLUMN closed_leaves boolean NOT NULL DEFAULT false,
    ADD COLUMN away          boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT away OR closed_leaves AND closed_from IS NOT NULL);

COMMENT ON COLUMN artisans.closed_leaves IS 'the pieces leave the market for the holidays, instead of staying with a later date';
COMMENT ON COLUMN artisans.away IS 'they have left it just now: kept true to the day by union.TurnSigns';
