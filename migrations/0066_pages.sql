-- +goose Up
-- Pages that say the same for years: terms, privacy, glossary. Owned by internal/page.

CREATE TABLE pages (
    slug    text    PRIMARY KEY CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title   jsonb   NOT NULL CHECK (is_texts(title)),
    body    jsonb   NOT NULL CHECK (is_texts(body)),
    footer  boolean NOT NULL DEFAULT false,
    sort    integer NOT NULL
);
COMMENT ON TABLE pages IS 'texts of the union in Markdown, each with an address of its own';
COMMENT ON COLUMN pages.footer IS 'named at the foot of every page of the shop';
