-- +goose Up
-- The second step of signing in. Owned by internal/identity.

CREATE TABLE second_factors (
    account_id   bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    secret       bytea       NOT NULL CHECK (octet_length(secret) > 28),
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0
);
COMMENT ON TABLE second_factors IS 'the secret that an account shares with its owner''s authenticator app (RFC 6238)';
COMMENT ON COLUMN second_factors.secret IS 'encrypted with SECRET_KEY';
COMMENT ON COLUMN second_factors.confirmed_at IS 'null until a first code has shown that the app has it; nothing is asked for before';
COMMENT ON COLUMN second_factors.last_step IS 'the half minute of the last code that was taken, since 1970: each code opens once';

CREATE TABLE recovery_codes (
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    code_hash  bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at    timestamptz,
    PRIMARY KEY (account_id, code_hash)
);
COMMENT ON TABLE recovery_codes IS 'codes on paper for the day on which the app is lost, each of which opens once';
COMMENT ON COLUMN recovery_codes.code_hash IS 'SHA-256 of the code, which has fifty random bits, with the account''s key';
