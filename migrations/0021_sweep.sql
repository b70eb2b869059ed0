-- +goose Up
-- Pictures that nobody uses do not stay for ever. Owned by internal/media.

ALTER TABLE pictures ADD COLUMN taken_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX pictures_taken ON pictures (taken_at);
COMMENT ON COLUMN pictures.taken_at IS 'when its owner last sent it: what is not used within a week of that is swept';
