-- +goose Up
-- The union's own sign. Owned by internal/union.

ALTER TABLE union_profile ADD COLUMN logo bigint REFERENCES pictures ON DELETE SET NULL;
CREATE INDEX union_profile_logo ON union_profile (logo);
COMMENT ON COLUMN union_profile.logo IS 'stands on labels, customs forms and the union''s page';
