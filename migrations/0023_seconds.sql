-- +goose Up
-- Pieces with a small flaw. Owned by internal/catalog.

ALTER TABLE revisions ADD COLUMN second boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN revisions.second IS 'sold as a second: it has a small flaw, which lowers its price and is told to the buyer';
