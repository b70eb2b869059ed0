-- +goose Up
-- The very piece, shown before it counts as handed in. Owned by internal/order.

CREATE TABLE handings (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    fulfilment_id bigint      NOT NULL REFERENCES fulfilments ON DELETE RESTRICT,
    picture_id    bigint      NOT NULL REFERENCES pictures ON DELETE RESTRICT,
    shown_by      bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    shown_at      timestamptz NOT NULL,
    verdict       text        NOT NULL DEFAULT 'waiting' CHECK (verdict IN ('waiting', 'as_shown', 'differs')),
    words         text        NOT NULL DEFAULT '',
    judged_by     bigint      REFERENCES accounts ON DELETE RESTRICT,
    judged_at     timestamptz,
    CHECK ((verdict = 'waiting') = (judged_at IS NULL)),
    CHECK ((verdict = 'waiting') = (judged_by IS NULL))
);
CREATE INDEX handings_fulfilment ON handings (fulfilment_id, id DESC);
CREATE INDEX handings_picture ON handings (picture_id);
CREATE INDEX handings_shown_by ON handings (shown_by);
CREATE INDEX handings_judged_by ON handings (judged_by);
-- The union looks at one photo of a piece at a time.
CREATE UNIQUE INDEX handings_one_waiting ON handings (fulfilment_id) WHERE verdict = 'waiting';

COMMENT ON TABLE handings IS 'photos of the very pieces that artisans hand in, compared by the union with what the buyer was shown';
COMMENT ON COLUMN handings.words IS 'what the union''s agent said about a difference, in the agent''s own words';
