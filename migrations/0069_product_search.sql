-- +goose Up
-- The office finds pieces by their titles, also those that have no card. Owned by internal/catalog.

CREATE INDEX revisions_titles ON revisions USING gin (lower(title::text) gin_trgm_ops);
