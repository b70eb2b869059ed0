-- +goose Up
-- Whoever changes or removes what was done leaves a gap. Owned by internal/identity.

CREATE TABLE audit_chain (
    place    bigint PRIMARY KEY CHECK (place > 0),
    audit_id bigint NOT NULL UNIQUE REFERENCES audit ON DELETE RESTRICT,
    hash     bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TRIGGER audit_chain_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

COMMENT ON TABLE audit_chain IS 'the audit''s rows in the order in which they were committed, each with a hash of itself and of the one before; written by a trigger';
COMMENT ON COLUMN audit_chain.place IS 'from 1, without a gap';
COMMENT ON COLUMN audit_chain.hash IS 'SHA-256 of the hash of the place before, nothing at the first, and of audit_text of the row';

-- The text that is hashed. identity.CheckAudit writes the same one by itself, so
-- that a changed function deceives nobody.
-- +goose StatementBegin
CREATE FUNCTION audit_text(u audit) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(u.id, (extract(epoch FROM u.at) * 1000000)::bigint, u.account_id, u.action, u.subject,
                             u.before, u.after, u.request_id, u.on_behalf)::text
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit_text IS 'a row of the audit as the text that its hash is of';

-- A row takes its place when its transaction ends, and not when it is written:
-- so nobody waits for another one's work, but for the moment of its end alone,
-- and two who write rows and lock other things in whatever order never wait for
-- one another.
-- +goose StatementBegin
CREATE FUNCTION chain_audit() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    last audit_chain;
BEGIN
    PERFORM pg_advisory_xact_lock(3920160344);
    SELECT * INTO last FROM audit_chain ORDER BY place DESC LIMIT 1;
    INSERT INTO audit_chain (place, audit_id, hash)
    VALUES (coalesce(last.place, 0) + 1, NEW.id, sha256(coalesce(last.hash, ''::bytea) || convert_to(audit_text(NEW), 'UTF8')));
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION chain_audit IS 'gives a new row of the audit its place in the chain';

-- What is there already, in the order in which it was written.
-- +goose StatementBegin
DO $$
DECLARE
    u audit;
    n bigint := 0;
    h bytea := '';
BEGIN
    FOR u IN SELECT * FROM audit ORDER BY id LOOP
        n := n + 1;
        h := sha256(h || convert_to(audit_text(u), 'UTF8'));
        INSERT INTO audit_chain (place, audit_id, hash) VALUES (n, u.id, h);
    END LOOP;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER audit_is_chained AFTER INSERT ON audit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_audit();
