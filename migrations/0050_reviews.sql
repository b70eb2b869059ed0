-- +goose Up
-- What buyers say of pieces. Owned by internal/review.

CREATE TABLE reviews (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    ref             text        NOT NULL UNIQUE CHECK (ref <> ''),
    order_line_id   bigint      UNIQUE REFERENCES order_lines ON DELETE RESTRICT,
    product_id      bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    rating          smallint    NOT NULL CHECK (rating BETWEEN 1 AND 5),
    words           text        NOT NULL CHECK (char_length(words) BETWEEN 1 AND 1000),
    language        text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    author          text        NOT NULL CHECK (char_length(author) BETWEEN 1 AND 60),
    country         text        NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    state           text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'shown', 'refused')),
    reason          text        NOT NULL DEFAULT '',
    decided_at      timestamptz,
    decided_by      bigint      REFERENCES accounts ON DELETE RESTRICT,
    answer          text        NOT NULL DEFAULT '' CHECK (char_length(answer) <= 600),
    answer_language text        NOT NULL DEFAULT 'fr' CHECK (answer_language ~ '^[a-z]{2,3}$'),
    answered_at     timestamptz,
    at              timestamptz NOT NULL,
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    -- Whoever refuses says why.
    CHECK (state <> 'refused' OR reason <> ''),
    CHECK ((answer = '') = (answered_at IS NULL)),
    CHECK (answer = '' OR state = 'shown')
);
CREATE INDEX reviews_shown ON reviews (product_id, at DESC, id DESC) WHERE state = 'shown';
CREATE INDEX reviews_product ON reviews (product_id);
CREATE INDEX reviews_waiting ON reviews (at, id) WHERE state = 'waiting';
CREATE INDEX reviews_decided_by ON reviews (decided_by);

COMMENT ON TABLE reviews IS 'what buyers say of the pieces that they were brought, and what the makers answer';
COMMENT ON COLUMN reviews.ref IS 'names the review in addresses and in the audit';
COMMENT ON COLUMN reviews.order_line_id IS 'what was bought, each reviewed once; null for those of the demo';
COMMENT ON COLUMN reviews.rating IS 'stars, 5 for the best';
COMMENT ON COLUMN reviews.language IS 'in which the words are';
COMMENT ON COLUMN reviews.author IS 'the name to show, as the buyer chose it';
COMMENT ON COLUMN reviews.country IS 'where the piece went, ISO 3166-1';
COMMENT ON COLUMN reviews.reason IS 'why it was refused, for the buyer';
COMMENT ON COLUMN reviews.decided_by IS 'who let it be shown or refused it; null while it waits, and for those of the demo';
COMMENT ON COLUMN reviews.answer IS 'of the artisan, shown beneath; empty where there is none';
COMMENT ON COLUMN reviews.at IS 'when it was written, or last changed by its buyer';
