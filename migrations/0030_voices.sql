-- +goose Up
-- Voice notes, which stand for an artisan's words. Owned by internal/media.

CREATE TABLE voices (
    id       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    owner    text        NOT NULL CHECK (owner <> ''),
    hash     bytea       NOT NULL CHECK (octet_length(hash) = 32),
    format   text        NOT NULL CHECK (format IN ('webm', 'ogg', 'mp4', 'mp3')),
    bytes    integer     NOT NULL CHECK (bytes > 0),
    key      text        NOT NULL UNIQUE CHECK (key ~ '^[a-z2-7]{26}$'),
    taken_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner, hash)
);
CREATE INDEX voices_hash ON voices (hash);
CREATE INDEX voices_taken ON voices (taken_at);

COMMENT ON TABLE voices IS 'a voice note of half a minute, as it came';
COMMENT ON COLUMN voices.owner IS 'whose it is, as of pictures';
COMMENT ON COLUMN voices.hash IS 'SHA-256 of the bytes, under which they are kept';
COMMENT ON COLUMN voices.format IS 'told by the bytes';
COMMENT ON COLUMN voices.bytes IS 'how many';
COMMENT ON COLUMN voices.key IS 'its name in addresses, which cannot be guessed';
COMMENT ON COLUMN voices.taken_at IS 'when its owner last sent it: what is not used within a week of that is swept';
