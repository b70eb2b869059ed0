-- +goose Up
-- What was sold, summed by day, trade and country. Owned by internal/order.

ALTER TABLE orders ADD COLUMN paid_on date;
COMMENT ON COLUMN orders.paid_on IS 'the day at the union on which it was paid; null before';
UPDATE orders SET paid_on = (paid_at AT TIME ZONE (SELECT timezone FROM union_profile))::date WHERE paid_at IS NOT NULL;

ALTER TABLE order_lines ADD COLUMN trade_id bigint REFERENCES trades ON DELETE RESTRICT;
UPDATE order_lines l
SET trade_id = coalesce((SELECT p.trade_id FROM variants v JOIN products p ON p.id = v.product_id WHERE v.id = l.variant_id),
                        (SELECT a.trade_id FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id WHERE f.id = l.fulfilment_id));
ALTER TABLE order_lines ALTER COLUMN trade_id SET NOT NULL;
CREATE INDEX order_lines_trade ON order_lines (trade_id);
COMMENT ON COLUMN order_lines.trade_id IS 'the piece''s trade when it was sold';

CREATE TABLE daily_sales (
    id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    day            date    NOT NULL,
    trade_id       bigint  NOT NULL REFERENCES trades ON DELETE RESTRICT,
    country        text    NOT NULL CHECK (country ~ '^([A-Z]{2})?$'),
    orders         integer NOT NULL DEFAULT 0,
    pieces         integer NOT NULL DEFAULT 0,
    sum_minor      bigint  NOT NULL DEFAULT 0,
    returned       integer NOT NULL DEFAULT 0,
    returned_minor bigint  NOT NULL DEFAULT 0
);
CREATE INDEX daily_sales_day ON daily_sales (day, trade_id, country);
CREATE INDEX daily_sales_trade ON daily_sales (trade_id);
COMMENT ON TABLE daily_sales IS 'what lines of paid orders come to; each payment and refund adds rows of its own, so that none waits for another, and a job makes one of those with the same day, trade and country';
COMMENT ON COLUMN daily_sales.day IS 'on which the order was paid, also of what was given back later';
COMMENT ON COLUMN daily_sales.country IS 'to which it is posted, ISO 3166-1; empty where it is collected';
COMMENT ON COLUMN daily_sales.orders IS 'orders whose first line is of this trade, so that each is counted once';
COMMENT ON COLUMN daily_sales.sum_minor IS 'centimes paid for the pieces, without postage';
COMMENT ON COLUMN daily_sales.returned IS 'pieces of these for which the money was given back';
COMMENT ON COLUMN daily_sales.returned_minor IS 'centimes given back for them';

INSERT INTO daily_sales (day, trade_id, country, orders, pieces, sum_minor, returned, returned_minor)
SELECT o.paid_on, l.trade_id, coalesce(o.country, ''), count(*) FILTER (WHERE l.position = 1), sum(l.quantity), sum(l.total_minor), sum(l.returned), sum(l.returned_minor)
FROM orders o
JOIN order_lines l ON l.order_id = o.id
WHERE o.paid_on IS NOT NULL
GROUP BY 1, 2, 3;
