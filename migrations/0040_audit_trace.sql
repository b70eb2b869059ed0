-- +goose Up
-- Whoever acts for someone else leaves both names. Owned by internal/identity.

ALTER TABLE audit ADD COLUMN on_behalf text NOT NULL DEFAULT '';
COMMENT ON COLUMN audit.on_behalf IS 'slug of the artisan for whom a helper did it; empty where everyone acts for themselves';
CREATE INDEX audit_on_behalf ON audit (on_behalf, id DESC) WHERE on_behalf <> '';

-- Looked for by the name in the log.
CREATE INDEX audit_request ON audit (request_id) WHERE request_id <> '';
