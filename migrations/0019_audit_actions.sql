-- +goose Up
-- The audit is looked through by what was done, too.

CREATE INDEX audit_action ON audit (action, id DESC);
