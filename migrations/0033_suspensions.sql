-- +goose Up
-- Workshops that the union closes for a while. Owned by internal/union.

CREATE TABLE suspensions (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    was        text        NOT NULL CHECK (was IN ('applied', 'invited', 'active')),
    why        text        NOT NULL CHECK (why <> ''),
    account_id bigint      REFERENCES accounts,
    at         timestamptz NOT NULL,
    lifted_at  timestamptz CHECK (lifted_at >= at)
);
CREATE UNIQUE INDEX suspensions_artisan ON suspensions (artisan_id) WHERE lifted_at IS NULL;
CREATE INDEX suspensions_of ON suspensions (artisan_id, at DESC);
CREATE INDEX suspensions_account ON suspensions (account_id);

COMMENT ON TABLE suspensions IS 'a workshop that the union closed for a while: its pieces are off the market, and it prepares only what was sold';
COMMENT ON COLUMN suspensions.was IS 'the artisan''s state before, which comes back';
COMMENT ON COLUMN suspensions.why IS 'the union''s own words; the artisan reads them, and nobody else outside the office';
COMMENT ON COLUMN suspensions.account_id IS 'who did it';
COMMENT ON COLUMN suspensions.lifted_at IS 'null while it lasts';
