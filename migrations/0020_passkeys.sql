-- +goose Up
-- Signing in with the phone's own key, and no password. Owned by internal/identity.

ALTER TABLE accounts ADD COLUMN passkey_handle bytea UNIQUE CHECK (octet_length(passkey_handle) BETWEEN 16 AND 64);
COMMENT ON COLUMN accounts.passkey_handle IS 'what authenticators know the account by: random, and the same for all of its passkeys';

CREATE TABLE passkeys (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id    bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    credential_id bytea       NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    credential    jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE INDEX passkeys_account ON passkeys (account_id);

COMMENT ON TABLE passkeys IS 'public keys of authenticators (W3C Web Authentication) by which accounts sign in';
COMMENT ON COLUMN passkeys.credential_id IS 'by which the authenticator names the key';
COMMENT ON COLUMN passkeys.credential IS 'the public key, what kind of authenticator holds it, and how often it has signed, as the library reads it';
COMMENT ON COLUMN passkeys.used_at IS 'when it last signed in';
