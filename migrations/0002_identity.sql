-- +goose Up
-- Who can sign in, what they may do, and who did what. Owned by internal/identity.

CREATE TABLE accounts (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name          text        NOT NULL CHECK (name <> ''),
    email         text        CHECK (email = lower(email) AND email LIKE '%_@_%'),
    phone         text        CHECK (phone ~ '^\+[0-9]{6,15}$'),
    password_hash text        CHECK (password_hash LIKE '$argon2id$%'),
    language      text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- Without either there is no way in.
    CHECK (num_nonnulls(email, phone) > 0)
);
CREATE UNIQUE INDEX accounts_email ON accounts (email);
CREATE UNIQUE INDEX accounts_phone ON accounts (phone);

COMMENT ON TABLE accounts IS 'someone who can sign in; a buyer needs no account';
COMMENT ON COLUMN accounts.email IS 'in lower case; many artisans have none';
COMMENT ON COLUMN accounts.phone IS 'E.164, for those without e-mail';
COMMENT ON COLUMN accounts.password_hash IS 'Argon2id in PHC form; null where another way in is used';
COMMENT ON COLUMN accounts.language IS 'BCP 47, of the studio, the administration and mails';

CREATE TABLE account_roles (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    role       text   NOT NULL CHECK (role IN
               ('buyer', 'artisan', 'helper', 'agent', 'committee', 'partner', 'treasurer', 'admin')),
    PRIMARY KEY (account_id, role)
);
COMMENT ON TABLE account_roles IS 'what an account is to the union; several at once';

CREATE TABLE audit (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT now(),
    account_id bigint      REFERENCES accounts ON DELETE RESTRICT,
    action     text        NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    subject    text        NOT NULL CHECK (subject <> ''),
    before     jsonb,
    after      jsonb,
    request_id text        NOT NULL DEFAULT ''
);
CREATE INDEX audit_account ON audit (account_id, at DESC);
CREATE INDEX audit_subject ON audit (subject, at DESC);
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

COMMENT ON TABLE audit IS 'every act that changes administration or money; rows are added and never changed';
COMMENT ON COLUMN audit.account_id IS 'who; null where the program acted by itself';
COMMENT ON COLUMN audit.action IS 'what was done, as subject.verb: account.created';
COMMENT ON COLUMN audit.subject IS 'on what, by its public reference: an order number, a slug';
COMMENT ON COLUMN audit.before IS 'how it was; nothing personal';
COMMENT ON COLUMN audit.after IS 'how it is; nothing personal';
COMMENT ON COLUMN audit.request_id IS 'finds the request in the log';
