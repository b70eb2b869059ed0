-- +goose Up
-- Pictures: what came in, and what the pages show. Owned by internal/media.

CREATE TABLE pictures (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    owner      text        NOT NULL CHECK (owner <> ''),
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32),
    format     text        NOT NULL CHECK (format IN ('jpeg', 'png', 'webp')),
    bytes      bigint      NOT NULL CHECK (bytes > 0),
    width      integer     NOT NULL CHECK (width > 0),
    height     integer     NOT NULL CHECK (height > 0),
    edits      jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(edits) = 'object'),
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed')),
    key        text        UNIQUE CHECK (key ~ '^[a-z2-7]{20,}$'),
    widths     integer[]   NOT NULL DEFAULT '{}',
    fault      text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- The same photo sent twice is one picture, within one workshop.
    UNIQUE (owner, hash),
    CHECK ((state = 'ready') = (key IS NOT NULL AND cardinality(widths) > 0))
);
CREATE INDEX pictures_waiting ON pictures (id) WHERE state <> 'ready';

COMMENT ON TABLE pictures IS 'a picture as it came in, and where its renditions are';
COMMENT ON COLUMN pictures.owner IS 'whose it is: a workshop''s slug, or the union';
COMMENT ON COLUMN pictures.hash IS 'SHA-256 of the original''s bytes';
COMMENT ON COLUMN pictures.format IS 'told by the bytes, never by the name';
COMMENT ON COLUMN pictures.bytes IS 'size of the original';
COMMENT ON COLUMN pictures.width IS 'pixels, upright: after the camera''s orientation is applied';
COMMENT ON COLUMN pictures.height IS 'pixels, upright';
COMMENT ON COLUMN pictures.edits IS 'turns and crops asked for by its owner';
COMMENT ON COLUMN pictures.key IS 'public name of the renditions, made from original, edits and the pipeline''s version';
COMMENT ON COLUMN pictures.widths IS 'pixels, ascending; each exists as WebP and as JPEG';
COMMENT ON COLUMN pictures.fault IS 'message key of why it could not be read';
