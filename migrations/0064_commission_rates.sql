-- +goose Up
-- What the union's share is from when on, and what its front page shows. Owned by internal/union.

CREATE TABLE commission_rates (
    trade_id   bigint  REFERENCES trades ON DELETE CASCADE,
    from_day   date    NOT NULL,
    rate_bp    integer NOT NULL CHECK (rate_bp BETWEEN 0 AND 10000),
    UNIQUE NULLS NOT DISTINCT (trade_id, from_day)
);
COMMENT ON TABLE commission_rates IS 'the union''s share of a sale by trade, from a day on; before the first of them union_profile.commission_bp holds';
COMMENT ON COLUMN commission_rates.trade_id IS 'null for every trade that has none of its own by that day';
COMMENT ON COLUMN commission_rates.rate_bp IS 'basis points';

ALTER TABLE union_profile ADD COLUMN front_products text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN union_profile.front_products IS 'slugs of the pieces that the front page''s shelf begins with, in their order';
