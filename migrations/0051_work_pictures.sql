-- +goose Up
-- Pictures of the work at hand, on the maker's page. Owned by internal/union.

CREATE TABLE work_pictures (
    artisan_id bigint  NOT NULL REFERENCES artisans ON DELETE CASCADE,
    position   integer NOT NULL CHECK (position BETWEEN 1 AND 6),
    picture_id bigint  NOT NULL REFERENCES pictures ON DELETE RESTRICT,
    PRIMARY KEY (artisan_id, position),
    UNIQUE (artisan_id, picture_id)
);
CREATE INDEX work_pictures_picture ON work_pictures (picture_id);
COMMENT ON TABLE work_pictures IS 'up to six pictures of an artisan at work, in the order that they chose';
