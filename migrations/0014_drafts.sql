-- +goose Up
-- A piece while its artisan writes it down, and may be interrupted. Owned by internal/catalog.

CREATE TABLE drafts (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    token        text        NOT NULL UNIQUE CHECK (token ~ '^[a-z2-7]{26}$'),
    artisan_id   bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    product_id   bigint      UNIQUE REFERENCES products ON DELETE CASCADE,
    version      integer     NOT NULL DEFAULT 1 CHECK (version > 0),
    body         jsonb       NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    CHECK (submitted_at IS NULL OR product_id IS NOT NULL)
);
CREATE INDEX drafts_artisan ON drafts (artisan_id, updated_at DESC);

COMMENT ON TABLE drafts IS 'a piece as far as its artisan has described it; it becomes a revision when it is sent';
COMMENT ON COLUMN drafts.token IS 'its name in the studio''s addresses';
COMMENT ON COLUMN drafts.product_id IS 'what it became when it was first sent';
COMMENT ON COLUMN drafts.version IS 'rises with each save: the later of two phones is told';
COMMENT ON COLUMN drafts.submitted_at IS 'null while it can be changed, also after the committee asked for changes';
