-- +goose Up
-- Uploads that go on where they stopped, and photos turned by hand. Owned by internal/media.

CREATE TABLE uploads (
    id         text PRIMARY KEY CHECK (id ~ '^[a-z2-7]{26}$'),
    owner      text        NOT NULL CHECK (owner <> ''),
    size       bigint      NOT NULL CHECK (size > 0),
    received   bigint      NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    picture_id bigint      REFERENCES pictures ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX uploads_owner ON uploads (owner);
CREATE INDEX uploads_created ON uploads (created_at);
CREATE INDEX uploads_picture ON uploads (picture_id);

COMMENT ON TABLE uploads IS 'a photo on its way over a connection that may break; it goes on at the byte where it stopped';
COMMENT ON COLUMN uploads.id IS 'its secret name in addresses';
COMMENT ON COLUMN uploads.owner IS 'whose it is, as of pictures';
COMMENT ON COLUMN uploads.received IS 'bytes that have arrived, all from the start';
COMMENT ON COLUMN uploads.picture_id IS 'what it became: asking again gives the same';

CREATE TABLE upload_pieces (
    upload_id text   NOT NULL REFERENCES uploads ON DELETE CASCADE,
    start     bigint NOT NULL CHECK (start >= 0),
    bytes     bytea  NOT NULL CHECK (octet_length(bytes) > 0),
    PRIMARY KEY (upload_id, start)
);
COMMENT ON TABLE upload_pieces IS 'what has arrived of an upload, until it is a picture';
COMMENT ON COLUMN upload_pieces.start IS 'where the piece begins, in bytes from the upload''s start';

-- The same photo turned another way is another picture: a piece that is on sale
-- shows the one that was approved.
ALTER TABLE pictures DROP CONSTRAINT pictures_owner_hash_key;
ALTER TABLE pictures ADD UNIQUE (owner, hash, edits);
COMMENT ON COLUMN pictures.edits IS 'what its owner asked for: {turn: quarters clockwise}';
