-- +goose Up
-- How an artisan comes in: a link that works once. Owned by internal/union.

CREATE TABLE invitations (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    token_hash bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at    timestamptz,
    revoked_at timestamptz,
    CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX invitations_artisan ON invitations (artisan_id, created_at DESC);
CREATE INDEX invitations_account ON invitations (account_id);
-- A lost phone's link must not open after a new one was made.
CREATE UNIQUE INDEX invitations_one_open ON invitations (artisan_id) WHERE used_at IS NULL AND revoked_at IS NULL;

COMMENT ON TABLE invitations IS 'links by which artisans come in, each of which works once';
COMMENT ON COLUMN invitations.token_hash IS 'SHA-256 of the secret in the link';
COMMENT ON COLUMN invitations.account_id IS 'who of the union invited';
COMMENT ON COLUMN invitations.revoked_at IS 'when a newer one took its place';
