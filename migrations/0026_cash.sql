-- +goose Up
-- Orders that are paid in cash at the union's shop are worked on before they are paid. Owned by internal/order.

DROP INDEX orders_work;
CREATE INDEX orders_work ON orders (arrives_by, number) WHERE state IN ('paid', 'confirmed');
