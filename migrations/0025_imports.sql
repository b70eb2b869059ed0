-- +goose Up
-- Members who come from a spreadsheet. Owned by internal/union.

CREATE TABLE imports (
    token       text PRIMARY KEY CHECK (token ~ '^[a-z2-7]{26}$'),
    account_id  bigint      NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name        text        NOT NULL,
    content     bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    imported_at timestamptz
);
CREATE INDEX imports_account ON imports (account_id);
CREATE INDEX imports_created ON imports (created_at);
COMMENT ON TABLE imports IS 'spreadsheets of members between the dry run and the import; they go after a day';
COMMENT ON COLUMN imports.name IS 'what the file was called; never a path';
