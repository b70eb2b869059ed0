-- +goose Up
-- The committees' mark: who signed what, on which visit, and until when. Owned by internal/mark.

CREATE TABLE mark_levels (
    level smallint PRIMARY KEY CHECK (level BETWEEN 1 AND 9),
    name  jsonb    NOT NULL CHECK (is_texts(name))
);
COMMENT ON TABLE mark_levels IS 'how high a mark can be, from 1 upwards; the union names the levels';

CREATE TABLE mark_classes (
    code text  PRIMARY KEY CHECK (code ~ '^[A-Z]$'),
    name jsonb NOT NULL CHECK (is_texts(name))
);
COMMENT ON TABLE mark_classes IS 'what kind of craft a mark speaks of; the union names the classes';

-- The region's own scheme, to begin with.
INSERT INTO mark_levels (level, name) VALUES
    (1, '{"en": "one star", "fr": "une étoile", "es": "una estrella", "ar": "نجمة واحدة"}'),
    (2, '{"en": "two stars", "fr": "deux étoiles", "es": "dos estrellas", "ar": "نجمتان"}'),
    (3, '{"en": "three stars", "fr": "trois étoiles", "es": "tres estrellas", "ar": "ثلاث نجوم"}');
INSERT INTO mark_classes (code, name) VALUES
    ('A', '{"en": "traditional", "fr": "traditionnel", "es": "tradicional", "ar": "تقليدي"}'),
    ('B', '{"en": "innovative", "fr": "innovant", "es": "innovador", "ar": "مبتكر"}');

CREATE TABLE mark_rules (
    committee_id  bigint  PRIMARY KEY REFERENCES committees ON DELETE CASCADE,
    signatures    integer NOT NULL DEFAULT 2 CHECK (signatures BETWEEN 1 AND 9),
    months        integer NOT NULL DEFAULT 12 CHECK (months BETWEEN 1 AND 60),
    renew_days    integer NOT NULL DEFAULT 60 CHECK (renew_days BETWEEN 0 AND 365),
    specification jsonb   CHECK (is_texts(specification))
);
COMMENT ON TABLE mark_rules IS 'how a committee gives its mark; a committee without a row gives it by the defaults';
COMMENT ON COLUMN mark_rules.signatures IS 'so many members must sign';
COMMENT ON COLUMN mark_rules.months IS 'how long a mark stands, and how old the visit to the workshop may be';
COMMENT ON COLUMN mark_rules.renew_days IS 'in the last days of a mark, so many, the next one may be proposed';
COMMENT ON COLUMN mark_rules.specification IS 'what the mark asks for, by language; without it none is proposed';

CREATE TABLE kin (
    artisan_id  bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    other_id    bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    declared_by bigint      REFERENCES accounts ON DELETE RESTRICT,
    declared_at timestamptz NOT NULL,
    PRIMARY KEY (artisan_id, other_id),
    -- Kin is kin of its kin: each pair stands once.
    CHECK (artisan_id < other_id)
);
CREATE INDEX kin_other ON kin (other_id);
CREATE INDEX kin_declared_by ON kin (declared_by);
COMMENT ON TABLE kin IS 'who is family of whom: neither has a say in the other''s mark';
COMMENT ON COLUMN kin.declared_by IS 'the member themselves or the administrator; null in an invented market';

CREATE TABLE workshop_visits (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE RESTRICT,
    day        date        NOT NULL,
    visitor    text        NOT NULL CHECK (char_length(visitor) BETWEEN 1 AND 100),
    words      text        NOT NULL DEFAULT '' CHECK (char_length(words) <= 1000),
    account_id bigint      REFERENCES accounts ON DELETE RESTRICT,
    at         timestamptz NOT NULL
);
CREATE INDEX workshop_visits_artisan ON workshop_visits (artisan_id, day DESC);
CREATE INDEX workshop_visits_account ON workshop_visits (account_id);
CREATE TRIGGER workshop_visits_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON workshop_visits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE workshop_visits IS 'a committee saw a workshop at work, which its mark cannot do without';
COMMENT ON COLUMN workshop_visits.visitor IS 'who went, by name';
COMMENT ON COLUMN workshop_visits.account_id IS 'who wrote it down; null in an invented market';

CREATE TABLE marks (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    ref             text        NOT NULL UNIQUE CHECK (ref <> ''),
    artisan_id      bigint      NOT NULL REFERENCES artisans ON DELETE RESTRICT,
    product_id      bigint      REFERENCES products ON DELETE RESTRICT,
    committee_id    bigint      NOT NULL REFERENCES committees ON DELETE RESTRICT,
    level           smallint    NOT NULL REFERENCES mark_levels ON DELETE RESTRICT,
    class           text        NOT NULL REFERENCES mark_classes ON DELETE RESTRICT,
    specification   jsonb       NOT NULL CHECK (is_texts(specification)),
    words           text        NOT NULL DEFAULT '' CHECK (char_length(words) <= 1000),
    state           text        NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'granted', 'refused', 'withdrawn')),
    proposed_by     bigint      REFERENCES accounts ON DELETE RESTRICT,
    proposed_at     timestamptz NOT NULL,
    appeal_of       bigint      UNIQUE REFERENCES marks ON DELETE RESTRICT,
    visit_id        bigint      REFERENCES workshop_visits ON DELETE RESTRICT,
    decided_at      timestamptz,
    begins_at       timestamptz,
    ends_at         timestamptz CHECK (ends_at > begins_at),
    withdrawn_at    timestamptz,
    withdrawn_by    bigint      REFERENCES accounts ON DELETE RESTRICT,
    reason          text        NOT NULL DEFAULT '' CHECK (char_length(reason) <= 1000),
    reason_language text        NOT NULL DEFAULT 'fr' CHECK (reason_language ~ '^[a-z]{2,3}$'),
    lapsed_told_at  timestamptz,
    invented        boolean     NOT NULL DEFAULT false,
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    -- What stands, or stood, has its visit and its days.
    CHECK (num_nonnulls(visit_id, begins_at, ends_at) = CASE WHEN state IN ('granted', 'withdrawn') THEN 3 ELSE 0 END),
    CHECK (state <> 'withdrawn' OR withdrawn_at IS NOT NULL),
    -- Whoever withdraws says why.
    CHECK (withdrawn_at IS NULL OR reason <> ''),
    -- At no moment do two marks stand for one workshop, or for one piece.
    CONSTRAINT marks_one_standing EXCLUDE USING gist (
        int8range(artisan_id, artisan_id, '[]') WITH &&,
        int8range(coalesce(product_id, 0), coalesce(product_id, 0), '[]') WITH &&,
        tstzrange(begins_at, ends_at) WITH &&) WHERE (state = 'granted')
);
CREATE UNIQUE INDEX marks_one_open ON marks (artisan_id, coalesce(product_id, 0)) WHERE state = 'proposed';
CREATE INDEX marks_artisan ON marks (artisan_id, id DESC);
CREATE INDEX marks_product ON marks (product_id);
CREATE INDEX marks_committee ON marks (committee_id, state, id DESC);
CREATE INDEX marks_level ON marks (level);
CREATE INDEX marks_class ON marks (class);
CREATE INDEX marks_visit ON marks (visit_id);
CREATE INDEX marks_proposed_by ON marks (proposed_by);
CREATE INDEX marks_withdrawn_by ON marks (withdrawn_by);
CREATE INDEX marks_untold ON marks (ends_at) WHERE state = 'granted' AND lapsed_told_at IS NULL;

COMMENT ON TABLE marks IS 'a committee''s mark of a workshop or of one piece, from its proposal to its end';
COMMENT ON COLUMN marks.ref IS 'names the mark in addresses and in the audit';
COMMENT ON COLUMN marks.product_id IS 'the one piece it speaks of; null for the whole workshop';
COMMENT ON COLUMN marks.committee_id IS 'that of the trade when it was proposed';
COMMENT ON COLUMN marks.specification IS 'the committee''s own, as it stood when the mark was proposed';
COMMENT ON COLUMN marks.words IS 'why it was proposed, for colleagues';
COMMENT ON COLUMN marks.proposed_by IS 'null in an invented market, and for one that an appeal brought back';
COMMENT ON COLUMN marks.appeal_of IS 'the refused mark whose appeal was allowed: this is asked anew';
COMMENT ON COLUMN marks.visit_id IS 'the visit on which it was granted';
COMMENT ON COLUMN marks.decided_at IS 'when it was granted or refused';
COMMENT ON COLUMN marks.ends_at IS 'midnight after its last day';
COMMENT ON COLUMN marks.withdrawn_at IS 'stays where an appeal let the mark stand again';
COMMENT ON COLUMN marks.reason IS 'why it was withdrawn, for the artisan';
COMMENT ON COLUMN marks.lapsed_told_at IS 'when its pages and its artisan were told that it had run out';
COMMENT ON COLUMN marks.invented IS 'of a demonstration, which its pages say';

CREATE TABLE mark_votes (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    mark_id    bigint      NOT NULL REFERENCES marks ON DELETE RESTRICT,
    account_id bigint      REFERENCES accounts ON DELETE RESTRICT,
    artisan_id bigint      REFERENCES artisans ON DELETE RESTRICT,
    verdict    text        NOT NULL CHECK (verdict IN ('signed', 'refused')),
    words      text        NOT NULL DEFAULT '' CHECK (char_length(words) <= 1000),
    language   text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    at         timestamptz NOT NULL,
    CHECK (num_nonnulls(account_id, artisan_id) > 0),
    -- Whoever says no says why.
    CHECK (verdict = 'signed' OR words <> ''),
    CONSTRAINT mark_votes_once UNIQUE (mark_id, account_id),
    CONSTRAINT mark_votes_once_each UNIQUE (mark_id, artisan_id)
);
CREATE INDEX mark_votes_account ON mark_votes (account_id);
CREATE INDEX mark_votes_artisan ON mark_votes (artisan_id);
CREATE TRIGGER mark_votes_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON mark_votes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE mark_votes IS 'what each member said of a mark, once';
COMMENT ON COLUMN mark_votes.account_id IS 'who said it; null in an invented market';
COMMENT ON COLUMN mark_votes.artisan_id IS 'the member of the committee; null for an administrator who stands in';

CREATE TABLE mark_appeals (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    mark_id         bigint      NOT NULL UNIQUE REFERENCES marks ON DELETE RESTRICT,
    account_id      bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    words           text        NOT NULL CHECK (char_length(words) BETWEEN 1 AND 1000),
    language        text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    at              timestamptz NOT NULL,
    outcome         text        CHECK (outcome IN ('allowed', 'dismissed')),
    answer          text        NOT NULL DEFAULT '' CHECK (char_length(answer) <= 1000),
    answer_language text        NOT NULL DEFAULT 'fr' CHECK (answer_language ~ '^[a-z]{2,3}$'),
    decided_by      bigint      REFERENCES accounts ON DELETE RESTRICT,
    decided_at      timestamptz,
    CHECK (num_nonnulls(outcome, decided_by, decided_at) IN (0, 3)),
    CHECK (outcome IS NULL OR answer <> '')
);
CREATE INDEX mark_appeals_open ON mark_appeals (at, id) WHERE outcome IS NULL;
CREATE INDEX mark_appeals_account ON mark_appeals (account_id);
CREATE INDEX mark_appeals_decided_by ON mark_appeals (decided_by);
COMMENT ON TABLE mark_appeals IS 'an artisan asks once to look again at a mark that was refused or withdrawn';
COMMENT ON COLUMN mark_appeals.account_id IS 'the artisan, or a helper for them';
COMMENT ON COLUMN mark_appeals.answer IS 'of whoever decided it, for the artisan';
