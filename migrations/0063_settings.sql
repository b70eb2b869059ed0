-- +goose Up
-- What the market's own data were before. Owned by internal/settings.

CREATE TABLE setting_versions (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind       text        NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    ref        text        NOT NULL CHECK (ref <> ''),
    number     integer     NOT NULL CHECK (number > 0),
    content    jsonb       CHECK (jsonb_typeof(content) = 'object'),
    account_id bigint      REFERENCES accounts ON DELETE RESTRICT,
    at         timestamptz NOT NULL,
    UNIQUE (kind, ref, number)
);
CREATE INDEX setting_versions_account ON setting_versions (account_id);
CREATE TRIGGER setting_versions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON setting_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE setting_versions IS 'every record of the market''s own data as it was, so that it can be put back';
COMMENT ON COLUMN setting_versions.kind IS 'of record: quarter, trade, zone …';
COMMENT ON COLUMN setting_versions.ref IS 'which one, by its slug';
COMMENT ON COLUMN setting_versions.content IS 'its fields; null where it was taken away';
COMMENT ON COLUMN setting_versions.account_id IS 'who wrote it; null for what stood there before the first change';

CREATE TABLE stale_texts (
    kind     text        NOT NULL,
    ref      text        NOT NULL,
    path     text        NOT NULL,
    language text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    since    timestamptz NOT NULL,
    PRIMARY KEY (kind, ref, path, language)
);
COMMENT ON TABLE stale_texts IS 'translations whose source was changed after them; a row goes when the translation is looked at again';
COMMENT ON COLUMN stale_texts.path IS 'the field, and where it has rows which one: name, process.2';
