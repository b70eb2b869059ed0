-- +goose Up
-- Which photos look alike. Owned by internal/media.

ALTER TABLE pictures
    ADD COLUMN look     bigint,
    ADD COLUMN compared boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN pictures.look IS 'perceptual hash of 64 bits: photos that look alike differ in few of them; null until it is made, and for what is too even to be told from other such';
COMMENT ON COLUMN pictures.compared IS 'whether those of other owners that look like it have been sought';
CREATE INDEX pictures_uncompared ON pictures (id) WHERE state = 'ready' AND NOT compared;

-- Of two hashes that differ in fewer than eight bits, one of the four bands of
-- sixteen differs in one bit at most: Norouzi, Punjani and Fleet, Fast Search in
-- Hamming Space with Multi-Index Hashing, 2012. A band's number stands above it.
CREATE FUNCTION look_bands(look bigint) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[(look & 65535)::integer, 65536 + (look >> 16 & 65535)::integer, 131072 + (look >> 32 & 65535)::integer, 196608 + (look >> 48 & 65535)::integer];
COMMENT ON FUNCTION look_bands IS 'the four bands of a perceptual hash, from the lowest, each with its number in the bits above';
CREATE INDEX pictures_look ON pictures USING gin (look_bands(look)) WHERE look IS NOT NULL;

CREATE TABLE picture_alikes (
    picture_id bigint   NOT NULL REFERENCES pictures ON DELETE CASCADE,
    other_id   bigint   NOT NULL REFERENCES pictures ON DELETE CASCADE,
    distance   smallint NOT NULL CHECK (distance BETWEEN 0 AND 64),
    PRIMARY KEY (picture_id, other_id),
    CHECK (picture_id <> other_id)
);
CREATE INDEX picture_alikes_other ON picture_alikes (other_id);
COMMENT ON TABLE picture_alikes IS 'pairs of photos of two owners that look alike, found when the first of them was made';
COMMENT ON COLUMN picture_alikes.distance IS 'bits in which their hashes differ, as they are or mirrored';
