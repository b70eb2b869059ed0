-- +goose Up
-- What committees decide. Owned by internal/moderation.

CREATE TABLE decisions (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    revision_id bigint      NOT NULL REFERENCES revisions ON DELETE CASCADE,
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    verdict     text        NOT NULL CHECK (verdict IN ('approved', 'changes_requested', 'rejected')),
    words       text        NOT NULL DEFAULT '',
    language    text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    at          timestamptz NOT NULL DEFAULT now(),
    -- Whoever says no says why.
    CHECK (verdict = 'approved' OR words <> '')
);
CREATE INDEX decisions_revision ON decisions (revision_id, id);
CREATE INDEX decisions_account ON decisions (account_id);
CREATE TRIGGER decisions_only_grow BEFORE UPDATE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

COMMENT ON TABLE decisions IS 'who decided what on a revision, when, and in which words';
COMMENT ON COLUMN decisions.words IS 'for the artisan, as the committee wrote them';
