-- +goose Up
-- A course may earn a workshop fewer checks. Owned by internal/moderation.

ALTER TABLE committee_rules ADD COLUMN course_id bigint REFERENCES courses ON DELETE RESTRICT;
CREATE INDEX committee_rules_course ON committee_rules (course_id);
COMMENT ON COLUMN committee_rules.course_id IS 'of a workshop that finished this course one member fewer must approve, never fewer than one; null where none earns that';
