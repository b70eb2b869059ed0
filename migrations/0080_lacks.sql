-- +goose Up
-- In which languages a piece is not told yet. Owned by internal/catalog.

-- +goose StatementBegin
CREATE FUNCTION lacks_languages(title jsonb, description jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(l), '{}')
    FROM unnest('{en,fr,es,ar}'::text[]) AS l
    WHERE NOT (title ? l AND (description IS NULL OR description ? l))
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION lacks_languages IS 'the market''s languages in which a title or its description is missing';

ALTER TABLE revisions ADD COLUMN lacks text[] NOT NULL GENERATED ALWAYS AS (lacks_languages(title, description)) STORED;
CREATE INDEX revisions_lacks ON revisions USING gin (lacks) WHERE lacks <> '{}';
COMMENT ON COLUMN revisions.lacks IS 'languages to be translated into, for the translators'' list';
