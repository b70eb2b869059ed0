-- +goose Up
-- What becomes of an order's pieces once all are handed in. Owned by internal/order.

CREATE TABLE shipments (
    order_id     bigint PRIMARY KEY REFERENCES orders ON DELETE RESTRICT,
    state        text        NOT NULL DEFAULT 'packing'
                 CHECK (state IN ('packing', 'packed', 'shipped', 'delivered', 'returned')),
    began_at     timestamptz NOT NULL,
    weight_g     integer     CHECK (weight_g BETWEEN 1 AND 200000),
    packed_at    timestamptz,
    carrier      text        NOT NULL DEFAULT '',
    tracking     text        NOT NULL DEFAULT '' CHECK (tracking ~ '^[A-Z0-9]*$'),
    tracking_url text        NOT NULL DEFAULT '' CHECK (tracking_url = '' OR tracking_url LIKE 'https://%'),
    shipped_at   timestamptz,
    delivered_at timestamptz,
    CHECK ((state = 'packing') = (packed_at IS NULL)),
    CHECK ((packed_at IS NULL) = (weight_g IS NULL)),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
    CHECK (state NOT IN ('shipped', 'returned') OR shipped_at IS NOT NULL),
    -- What was given to a carrier can be found again.
    CHECK ((shipped_at IS NULL) = (tracking = '')),
    CHECK ((shipped_at IS NULL) = (carrier = ''))
);
CREATE INDEX shipments_state ON shipments (state, order_id) WHERE state <> 'delivered';
COMMENT ON TABLE shipments IS 'an order''s pieces together: packed by the union, then posted, or handed over at its shop';
COMMENT ON COLUMN shipments.began_at IS 'when the last piece was handed in';
COMMENT ON COLUMN shipments.weight_g IS 'grams, weighed when it was packed';
COMMENT ON COLUMN shipments.carrier IS 'who carries it, as the buyer knows them; empty for what is collected';
COMMENT ON COLUMN shipments.tracking_url IS 'where the carrier tells of this very parcel; empty where there is no such page';
COMMENT ON COLUMN shipments.delivered_at IS 'the right to withdraw runs from here, and the artisan''s share falls due after it';

-- What the union is at work on, the most urgent first.
CREATE INDEX orders_work ON orders (arrives_by, number) WHERE state = 'paid';
CREATE INDEX fulfilments_waiting ON fulfilments (prepare_by, artisan_id) WHERE state = 'to_prepare';

-- Orders whose pieces lie at the union already wait to be packed.
INSERT INTO shipments (order_id, began_at)
SELECT o.id, max(f.handed_in_at)
FROM orders o
JOIN fulfilments f ON f.order_id = o.id
WHERE o.state = 'paid'
GROUP BY o.id
HAVING bool_and(f.state IN ('handed_in', 'cancelled')) AND max(f.handed_in_at) IS NOT NULL;
