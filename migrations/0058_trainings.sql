-- +goose Up
-- The union's courses, and who finished them. Owned by internal/training.

CREATE TABLE courses (
    id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug  text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title jsonb   NOT NULL CHECK (is_texts(title)),
    about jsonb   CHECK (is_texts(about)),
    sort  integer NOT NULL
);
COMMENT ON TABLE courses IS 'what the union teaches its members';
COMMENT ON COLUMN courses.about IS 'what one leaves with; null where nothing is said';

CREATE TABLE completions (
    course_id   bigint      NOT NULL REFERENCES courses ON DELETE RESTRICT,
    artisan_id  bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    finished_on date        NOT NULL,
    recorded_by bigint      REFERENCES accounts ON DELETE RESTRICT,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (course_id, artisan_id)
);
CREATE INDEX completions_artisan ON completions (artisan_id, finished_on DESC);
CREATE INDEX completions_latest ON completions (course_id, finished_on DESC, artisan_id);
CREATE INDEX completions_recorded_by ON completions (recorded_by);
COMMENT ON TABLE completions IS 'who finished which course; taken back, a row goes, and the audit keeps it';
COMMENT ON COLUMN completions.finished_on IS 'its last day, at the union';
COMMENT ON COLUMN completions.recorded_by IS 'who wrote it down; null for those of the demo';
