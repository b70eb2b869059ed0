-- +goose Up
-- Price and stock change at once, and are logged. Owned by internal/catalog.

CREATE TABLE variant_changes (
    id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    variant_id     bigint      NOT NULL REFERENCES variants ON DELETE CASCADE,
    account_id     bigint      NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    at             timestamptz NOT NULL DEFAULT now(),
    price_before   bigint      NOT NULL CHECK (price_before > 0),
    price_after    bigint      NOT NULL CHECK (price_after > 0),
    on_hand_before integer     NOT NULL CHECK (on_hand_before >= 0),
    on_hand_after  integer     NOT NULL CHECK (on_hand_after >= 0)
);
CREATE INDEX variant_changes_variant ON variant_changes (variant_id, id);
CREATE INDEX variant_changes_account ON variant_changes (account_id);
COMMENT ON TABLE variant_changes IS 'what artisans changed of price and stock by hand; sales are in the orders';
COMMENT ON COLUMN variant_changes.price_before IS 'centimes';
