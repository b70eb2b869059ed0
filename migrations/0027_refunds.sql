-- +goose Up
-- What was given back of a line, and of the postage. Owned by internal/order.

ALTER TABLE order_lines
    ADD COLUMN returned             integer NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND quantity),
    ADD COLUMN returned_minor       bigint  NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND total_minor),
    ADD COLUMN artisan_return_minor bigint  NOT NULL DEFAULT 0 CHECK (artisan_return_minor BETWEEN 0 AND artisan_minor),
    ADD CHECK (returned_minor = unit_minor * returned);
COMMENT ON COLUMN order_lines.returned IS 'pieces for which the money was given back';
COMMENT ON COLUMN order_lines.returned_minor IS 'centimes given back for them';
COMMENT ON COLUMN order_lines.artisan_return_minor IS 'of these, what the artisan''s share was less by';

ALTER TABLE orders ADD COLUMN postage_returned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN orders.postage_returned IS 'the postage was given back, too';
