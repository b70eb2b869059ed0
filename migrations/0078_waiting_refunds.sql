-- +goose Up
-- Refunds that are not done are few, and counted on the office's first page. Owned by internal/payment.

CREATE INDEX refunds_waiting ON refunds (created_at, id) WHERE state <> 'done';
