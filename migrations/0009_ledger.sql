-- +goose Up
-- Double entry. Owned by internal/ledger.

CREATE TABLE ledger_accounts (
    code text PRIMARY KEY CHECK (code ~ '^[a-z_]+(:[a-z0-9-]+)?$'),
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense'))
);
COMMENT ON TABLE ledger_accounts IS 'where money lies or is owed';
COMMENT ON COLUMN ledger_accounts.code IS 'such as stripe, commission, artisan:a-slug';

CREATE TABLE ledger_transactions (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key       text        NOT NULL UNIQUE CHECK (key <> ''),
    kind      text        NOT NULL CHECK (kind IN ('payment', 'refund', 'fee', 'payout', 'correction')),
    reference text        NOT NULL CHECK (reference <> ''),
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_transactions_reference ON ledger_transactions (reference, id);
COMMENT ON TABLE ledger_transactions IS 'something that moved money; its postings sum to zero';
COMMENT ON COLUMN ledger_transactions.key IS 'what makes it one: booked twice, it is there once';
COMMENT ON COLUMN ledger_transactions.reference IS 'the order''s number, as a text: the ledger knows nothing of orders';

CREATE TABLE ledger_postings (
    transaction_id bigint  NOT NULL REFERENCES ledger_transactions ON DELETE RESTRICT,
    position       integer NOT NULL CHECK (position > 0),
    account        text    NOT NULL REFERENCES ledger_accounts ON DELETE RESTRICT,
    amount_minor   bigint  NOT NULL CHECK (amount_minor <> 0),
    currency       char(3) NOT NULL DEFAULT 'MAD' CHECK (currency = 'MAD'),
    note           text    NOT NULL DEFAULT '',
    PRIMARY KEY (transaction_id, position)
);
CREATE INDEX ledger_postings_account ON ledger_postings (account, transaction_id);
COMMENT ON TABLE ledger_postings IS 'one line of a ledger transaction';
COMMENT ON COLUMN ledger_postings.amount_minor IS 'centimes; debit above zero, credit below';
COMMENT ON COLUMN ledger_postings.note IS 'what the line is for, such as a SKU';

-- The sum is looked at when the database transaction ends, however it was written.
-- +goose StatementBegin
CREATE FUNCTION ledger_must_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    off bigint;
    lines integer;
BEGIN
    SELECT coalesce(sum(amount_minor), 0), count(*) INTO off, lines
    FROM ledger_postings
    WHERE transaction_id = NEW.transaction_id;
    IF off <> 0 OR lines < 2 THEN
        RAISE EXCEPTION 'ledger transaction % is off by % over % postings', NEW.transaction_id, off, lines
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger_must_have_postings() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_postings WHERE transaction_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger transaction % has no postings', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_must_balance();
CREATE CONSTRAINT TRIGGER ledger_transactions_balance AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_must_have_postings();
CREATE TRIGGER ledger_postings_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transactions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
