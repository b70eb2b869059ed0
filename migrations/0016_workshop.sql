-- +goose Up
-- What artisans say of their workshop themselves. The table is internal/union's.

ALTER TABLE artisans
    ADD COLUMN shows_phone  boolean NOT NULL DEFAULT false,
    ADD COLUMN closed_from  date,
    ADD COLUMN closed_until date,
    ADD CHECK (num_nonnulls(closed_from, closed_until) IN (0, 2) AND closed_from <= closed_until);

COMMENT ON COLUMN artisans.shows_phone IS 'the artisan agreed that buyers see the number, to call or to write to';
COMMENT ON COLUMN artisans.closed_from IS 'first day of the next holidays, or of those that last';
COMMENT ON COLUMN artisans.closed_until IS 'their last day';
