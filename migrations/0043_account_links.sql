-- +goose Up
-- How the union's staff come in. Owned by internal/identity.

ALTER TABLE accounts ADD COLUMN ref uuid NOT NULL UNIQUE DEFAULT gen_random_uuid();
COMMENT ON COLUMN accounts.ref IS 'names the account in addresses of the administration';

CREATE TABLE account_links (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind       text        NOT NULL CHECK (kind IN ('invitation', 'reset')),
    token_hash bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    made_by    bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at    timestamptz,
    revoked_at timestamptz,
    CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX account_links_made_by ON account_links (made_by);
CREATE UNIQUE INDEX account_links_one_open ON account_links (account_id) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX account_links_account ON account_links (account_id);

COMMENT ON TABLE account_links IS 'links by which an account gets a password, each of which works once';
COMMENT ON COLUMN account_links.token_hash IS 'SHA-256 of the secret in the link';
COMMENT ON COLUMN account_links.made_by IS 'who of the union made it';
COMMENT ON COLUMN account_links.revoked_at IS 'when a newer one took its place';
