-- +goose Up
-- What every table stands on. Owned by internal/postgres.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Texts written by people are kept by language, {"en": "…", "ar": "…"}. A
-- language that is missing is shown in another one, so there must be one at
-- least, and nothing that is not a text.
-- +goose StatementBegin
CREATE FUNCTION is_texts(t jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT jsonb_typeof(t) = 'object'
       AND t <> '{}'::jsonb
       AND NOT EXISTS (
           SELECT FROM jsonb_each(t) AS e (lang, words)
           WHERE jsonb_typeof(words) <> 'string'
              OR words = '""'::jsonb
              OR lang !~ '^[a-z]{2,3}$')
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION is_texts IS 'whether a value is a text by language, in one language at least';

-- Tables that are a record of what happened take new rows and nothing else.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only takes new rows: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION refuse_change IS 'trigger of the tables that only take new rows';
