-- +goose Up
-- The audit is long, and looked through by who, what and when, newest first.

CREATE INDEX audit_newest ON audit (at, id);
CREATE INDEX audit_account_newest ON audit (account_id, at, id);
DROP INDEX audit_account;
CREATE INDEX audit_action_newest ON audit (action, at, id);
DROP INDEX audit_action;

-- What an act was done on, or the beginning of it, with what it is or without.
CREATE INDEX audit_subject_begins ON audit (lower(subject) text_pattern_ops);
CREATE INDEX audit_reference_begins ON audit (split_part(lower(subject), ':', 2) text_pattern_ops);
DROP INDEX audit_subject;
