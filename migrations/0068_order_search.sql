-- +goose Up
-- Orders are found by whatever is known of them. Owned by internal/order.

ALTER TABLE orders ADD COLUMN words text NOT NULL GENERATED ALWAYS AS (
    lower(number || ' ' || replace(number, '-', '') || ' ' || name || ' ' || email || ' ' || replace(phone, ' ', ''))) STORED;
CREATE INDEX orders_words ON orders USING gin (words gin_trgm_ops);
COMMENT ON COLUMN orders.words IS 'what an order is looked for by: number, name, mail and phone, in small letters';
