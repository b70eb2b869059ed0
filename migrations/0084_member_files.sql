-- +goose Up
-- Papers about a member that the office keeps. Owned by internal/membership.

CREATE TABLE member_files (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    ref        text        NOT NULL UNIQUE CHECK (ref ~ '^[a-z0-9]{20,}$'),
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE RESTRICT,
    name       text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    kind       text        NOT NULL CHECK (kind IN ('application/pdf', 'image/jpeg', 'image/png')),
    bytes      integer     NOT NULL CHECK (bytes BETWEEN 1 AND 5242880),
    account_id bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    at         timestamptz NOT NULL
);
CREATE INDEX member_files_artisan ON member_files (artisan_id, id DESC);
CREATE INDEX member_files_account ON member_files (account_id);

COMMENT ON TABLE member_files IS 'a paper about a member, seen by the office alone; its bytes lie in the store under files/ and its ref';
COMMENT ON COLUMN member_files.name IS 'as whoever sent it called it; shown, and never a path';
COMMENT ON COLUMN member_files.kind IS 'told by its bytes';
COMMENT ON COLUMN member_files.account_id IS 'who sent it';
