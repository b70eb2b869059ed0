-- +goose Up
-- What a committee looks at, how many must agree, and who is at it. Owned by internal/moderation.

CREATE TABLE committee_rules (
    committee_id bigint PRIMARY KEY REFERENCES committees ON DELETE CASCADE,
    approvals    integer NOT NULL DEFAULT 1 CHECK (approvals BETWEEN 1 AND 9),
    wary_from    integer NOT NULL DEFAULT 3 CHECK (wary_from BETWEEN 0 AND 99),
    promise_days integer NOT NULL DEFAULT 2 CHECK (promise_days BETWEEN 1 AND 60)
);
COMMENT ON TABLE committee_rules IS 'how a committee decides; a committee without a row decides by the defaults';
COMMENT ON COLUMN committee_rules.approvals IS 'so many members must approve a piece';
COMMENT ON COLUMN committee_rules.wary_from IS 'one more must approve where so many pieces of a workshop differed from their listing within a year; 0 for never';
COMMENT ON COLUMN committee_rules.promise_days IS 'working days within which the committee has promised to decide';

CREATE TABLE committee_texts (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    committee_id bigint  NOT NULL REFERENCES committees ON DELETE CASCADE,
    kind         text    NOT NULL CHECK (kind IN ('criterion', 'phrase')),
    words        jsonb   NOT NULL CHECK (is_texts(words)),
    sort         integer NOT NULL,
    retired_at   timestamptz
);
CREATE INDEX committee_texts_committee ON committee_texts (committee_id, kind, sort) WHERE retired_at IS NULL;
COMMENT ON TABLE committee_texts IS 'what a committee looks at, and the phrases it says no with, kept by itself';
COMMENT ON COLUMN committee_texts.kind IS 'criterion: ticked before approving; phrase: a reason for changes, read by the artisan in their language';
COMMENT ON COLUMN committee_texts.retired_at IS 'no longer offered; decisions that used it keep their copy';

CREATE TABLE claims (
    revision_id bigint PRIMARY KEY REFERENCES revisions ON DELETE CASCADE,
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    at          timestamptz NOT NULL
);
CREATE INDEX claims_account ON claims (account_id);
COMMENT ON TABLE claims IS 'who is looking at a piece just now, so that two do not judge it at once; it lapses by itself';

ALTER TABLE decisions
    ADD COLUMN reasons jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(reasons) = 'array'),
    ADD COLUMN seen    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(seen) = 'array'),
    DROP CONSTRAINT decisions_check,
    ADD CONSTRAINT decisions_say_why CHECK (verdict = 'approved' OR words <> '' OR jsonb_array_length(reasons) > 0),
    ADD CONSTRAINT decisions_once UNIQUE (revision_id, account_id);
COMMENT ON COLUMN decisions.reasons IS 'the committee''s phrases that were picked, as texts by language';
COMMENT ON COLUMN decisions.seen IS 'the criteria that were ticked, as texts by language';
