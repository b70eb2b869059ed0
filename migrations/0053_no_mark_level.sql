-- +goose Up
-- A mark is what its committee signed, in internal/mark; the table is internal/union's.

ALTER TABLE artisans DROP COLUMN mark_level;
