-- +goose Up
-- Two entries of one person become one. Owned by internal/union.

ALTER TABLE artisans ADD COLUMN merged_into bigint REFERENCES artisans ON DELETE RESTRICT,
    ADD CHECK (merged_into IS NULL OR state = 'left'),
    ADD CHECK (merged_into <> id);
CREATE INDEX artisans_merged_into ON artisans (merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON COLUMN artisans.merged_into IS 'the other entry of the same person, which has all that was this one''s; its address leads there';
