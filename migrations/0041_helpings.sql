-- +goose Up
-- Who acts for an artisan, from an account of their own. Owned by internal/union.

CREATE TABLE helping_offers (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    at_office  boolean     NOT NULL,
    token_hash bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    code_hash  bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at    timestamptz,
    revoked_at timestamptz,
    CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX helping_offers_account ON helping_offers (account_id);
-- One at a time, so that a code names its offer.
CREATE UNIQUE INDEX helping_offers_one_open ON helping_offers (artisan_id) WHERE used_at IS NULL AND revoked_at IS NULL;

COMMENT ON TABLE helping_offers IS 'links and codes by which someone becomes an artisan''s helper, each of which works once';
COMMENT ON COLUMN helping_offers.account_id IS 'who made it: the artisan, or the union''s agent before whom the artisan stands';
COMMENT ON COLUMN helping_offers.at_office IS 'whether it was made at the union';
COMMENT ON COLUMN helping_offers.token_hash IS 'SHA-256 of the secret in the link';
COMMENT ON COLUMN helping_offers.code_hash IS 'SHA-256 of the six digits with the artisan''s key; they are good for an hour, and tries are counted';
COMMENT ON COLUMN helping_offers.revoked_at IS 'when a newer one took its place';

CREATE TABLE helpings (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    ref           uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    artisan_id    bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    account_id    bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    asked_at      timestamptz NOT NULL,
    confirmed_at  timestamptz,
    confirmed_how text        CHECK (confirmed_how IN ('studio', 'link', 'code', 'office')),
    ended_at      timestamptz,
    ended_by      bigint      REFERENCES accounts ON DELETE SET NULL,
    CHECK ((confirmed_at IS NULL) = (confirmed_how IS NULL)),
    CHECK (ended_at IS NOT NULL OR ended_by IS NULL)
);
CREATE INDEX helpings_artisan ON helpings (artisan_id, asked_at DESC);
CREATE INDEX helpings_account ON helpings (account_id, asked_at DESC);
CREATE INDEX helpings_ended_by ON helpings (ended_by);
CREATE UNIQUE INDEX helpings_one_open ON helpings (artisan_id, account_id) WHERE ended_at IS NULL;

COMMENT ON TABLE helpings IS 'who helps whom: an account that may act in the studio for an artisan from when it was confirmed until it was ended';
COMMENT ON COLUMN helpings.ref IS 'names it in addresses';
COMMENT ON COLUMN helpings.account_id IS 'the helper''s own account';
COMMENT ON COLUMN helpings.confirmed_how IS 'in the artisan''s studio, by a link or code that the artisan gave, or by one that the union gave to the artisan';
COMMENT ON COLUMN helpings.ended_by IS 'the artisan, the helper, or someone of the union';
