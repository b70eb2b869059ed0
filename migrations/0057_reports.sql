-- +goose Up
-- What visitors report of pieces, and what committees rule of it. Owned by internal/moderation.

CREATE TABLE piece_rulings (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    product_id  bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    revision_id bigint      NOT NULL REFERENCES revisions ON DELETE CASCADE,
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    verdict     text        NOT NULL CHECK (verdict IN ('dismissed', 'changes_requested', 'taken_down', 'restored', 'upheld')),
    words       text        NOT NULL DEFAULT '' CHECK (char_length(words) <= 1000),
    language    text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    reasons     jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(reasons) = 'array'),
    at          timestamptz NOT NULL,
    -- Whoever rules says why.
    CHECK (words <> '' OR jsonb_array_length(reasons) > 0)
);
CREATE INDEX piece_rulings_product ON piece_rulings (product_id, id DESC);
CREATE INDEX piece_rulings_revision ON piece_rulings (revision_id);
CREATE INDEX piece_rulings_account ON piece_rulings (account_id);
CREATE TRIGGER piece_rulings_only_grow BEFORE UPDATE OR TRUNCATE ON piece_rulings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE piece_rulings IS 'what was ruled of a piece that is on the market: on reports, on taking it down, on an appeal; rows are added and never changed';
COMMENT ON COLUMN piece_rulings.revision_id IS 'which revision was looked at';
COMMENT ON COLUMN piece_rulings.verdict IS 'dismissed and changes_requested: on reports; taken_down: with reports or without; restored and upheld: on an appeal';
COMMENT ON COLUMN piece_rulings.words IS 'why, as they were written';
COMMENT ON COLUMN piece_rulings.reasons IS 'the committee''s phrases that were picked, as texts by language';

CREATE TABLE reports (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    product_id  bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    reason      text        NOT NULL CHECK (reason IN ('copied', 'not_handmade', 'misleading', 'unsafe', 'offensive', 'other')),
    words       text        NOT NULL DEFAULT '' CHECK (char_length(words) <= 1000),
    language    text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    contact     text        NOT NULL DEFAULT '' CHECK (char_length(contact) <= 200),
    fingerprint bytea       CHECK (octet_length(fingerprint) = 32),
    ruling_id   bigint      REFERENCES piece_rulings ON DELETE RESTRICT,
    at          timestamptz NOT NULL,
    CHECK (reason <> 'other' OR words <> ''),
    -- Who sent it is forgotten when it is ruled on.
    CHECK ((ruling_id IS NULL) = (fingerprint IS NOT NULL))
);
CREATE UNIQUE INDEX reports_once ON reports (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX reports_product ON reports (product_id, id);
CREATE INDEX reports_open ON reports (at, product_id) WHERE ruling_id IS NULL;
CREATE INDEX reports_ruling ON reports (ruling_id);
COMMENT ON TABLE reports IS 'what visitors say is wrong with a piece';
COMMENT ON COLUMN reports.contact IS 'e-mail or telephone of who reported it, where they gave one';
COMMENT ON COLUMN reports.fingerprint IS 'SHA-256 over address, piece, reason and words, so that the same thing said twice by one visitor counts once';
COMMENT ON COLUMN reports.ruling_id IS 'which ruling ended it; null while it waits';

CREATE TABLE takedowns (
    ruling_id       bigint PRIMARY KEY REFERENCES piece_rulings ON DELETE CASCADE,
    product_id      bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    was             text        NOT NULL CHECK (was IN ('on_sale', 'withdrawn')),
    appeal          text        NOT NULL DEFAULT '' CHECK (char_length(appeal) <= 1000),
    appeal_language text        NOT NULL DEFAULT 'fr' CHECK (appeal_language ~ '^[a-z]{2,3}$'),
    appealed_at     timestamptz,
    answer_id       bigint      REFERENCES piece_rulings ON DELETE CASCADE,
    restored        boolean     NOT NULL DEFAULT false,
    CHECK ((appeal = '') = (appealed_at IS NULL)),
    CHECK (answer_id IS NULL OR appealed_at IS NOT NULL),
    CHECK (NOT restored OR answer_id IS NOT NULL)
);
-- What is down cannot be taken down once more.
CREATE UNIQUE INDEX takedowns_standing ON takedowns (product_id) WHERE NOT restored;
CREATE INDEX takedowns_product ON takedowns (product_id);
CREATE INDEX takedowns_answer ON takedowns (answer_id);
CREATE INDEX takedowns_appealed ON takedowns (appealed_at) WHERE appealed_at IS NOT NULL AND answer_id IS NULL;
COMMENT ON TABLE takedowns IS 'pieces that the union took down, and what their makers said against it';
COMMENT ON COLUMN takedowns.ruling_id IS 'who took it down, when and why';
COMMENT ON COLUMN takedowns.was IS 'state of the piece before, to which it comes back';
COMMENT ON COLUMN takedowns.appeal IS 'the maker''s words, once for each time; empty where there are none';
COMMENT ON COLUMN takedowns.answer_id IS 'the ruling on the appeal';
COMMENT ON COLUMN takedowns.restored IS 'whether the appeal put the piece back';
