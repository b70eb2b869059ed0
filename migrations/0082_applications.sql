-- +goose Up
-- Who asks to become a member, and what their trade's committee says. Owned by internal/membership.

CREATE TABLE applications (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    ref             uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    trade_id        bigint      NOT NULL REFERENCES trades ON DELETE RESTRICT,
    quarter_id      bigint      NOT NULL REFERENCES quarters ON DELETE RESTRICT,
    name            text        NOT NULL,
    name_ar         text        NOT NULL,
    phone           text        NOT NULL CHECK (phone ~ '^(\+[0-9]{6,15})?$'),
    email           text        NOT NULL DEFAULT '',
    workshop        text        NOT NULL,
    years           integer     NOT NULL DEFAULT 0 CHECK (years BETWEEN 0 AND 90),
    register_number text        NOT NULL DEFAULT '',
    vouchers        text        NOT NULL DEFAULT '',
    about           text        NOT NULL DEFAULT '',
    language        text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    consent         text        NOT NULL CHECK (consent <> ''),
    sent_at         timestamptz NOT NULL,
    state           text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'refused')),
    decided_at      timestamptz,
    artisan_id      bigint      REFERENCES artisans ON DELETE SET NULL,
    erased_at       timestamptz,
    CHECK ((state = 'open') = (decided_at IS NULL)),
    -- Until it is erased there is a name and a way back.
    CHECK (erased_at IS NOT NULL OR (name <> '' OR name_ar <> '') AND phone <> '')
);
-- One at a time: sent twice, it is there once.
CREATE UNIQUE INDEX applications_open ON applications (phone) WHERE state = 'open';
CREATE INDEX applications_waiting ON applications (state, sent_at, id);
CREATE INDEX applications_trade ON applications (trade_id);
CREATE INDEX applications_quarter ON applications (quarter_id);
CREATE INDEX applications_artisan ON applications (artisan_id);
COMMENT ON TABLE applications IS 'someone who asks to become a member of the union';
COMMENT ON COLUMN applications.vouchers IS 'who can say a word for them, as they wrote it';
COMMENT ON COLUMN applications.consent IS 'version of what they agreed to, of law 09-08';
COMMENT ON COLUMN applications.artisan_id IS 'the member they became';
COMMENT ON COLUMN applications.erased_at IS 'when a refused one lost its name, phone and words';

CREATE TABLE application_votes (
    application_id bigint      NOT NULL REFERENCES applications ON DELETE CASCADE,
    account_id     bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    yes            boolean     NOT NULL,
    words          text        NOT NULL DEFAULT '',
    at             timestamptz NOT NULL,
    PRIMARY KEY (application_id, account_id),
    CHECK (yes OR words <> '')
);
CREATE INDEX application_votes_account ON application_votes (account_id);
CREATE TRIGGER application_votes_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON application_votes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE application_votes IS 'what members of a committee say of an application, each once';

CREATE TABLE membership_rules (
    committee_id bigint PRIMARY KEY REFERENCES committees ON DELETE CASCADE,
    votes        integer NOT NULL CHECK (votes BETWEEN 1 AND 9)
);
COMMENT ON TABLE membership_rules IS 'how many of a committee must agree to a new member; two where it has set nothing';
