-- +goose Up
-- A piece may be described by its maker's voice. Owned by internal/catalog.

ALTER TABLE drafts
    ADD COLUMN voice_id bigint REFERENCES voices ON DELETE SET NULL,
    ADD COLUMN voice_played boolean NOT NULL DEFAULT false;
CREATE INDEX drafts_voice ON drafts (voice_id);
COMMENT ON COLUMN drafts.voice_id IS 'the voice note that stands for the words';
COMMENT ON COLUMN drafts.voice_played IS 'its artisan agrees that buyers hear it';

ALTER TABLE revisions
    ADD COLUMN voice_id bigint REFERENCES voices ON DELETE SET NULL,
    ADD COLUMN voice_played boolean NOT NULL DEFAULT false,
    ADD COLUMN voice_written_at timestamptz;
CREATE INDEX revisions_voice ON revisions (voice_id);
CREATE INDEX revisions_voice_waiting ON revisions (submitted_at) WHERE voice_id IS NOT NULL AND voice_written_at IS NULL;
COMMENT ON COLUMN revisions.voice_id IS 'the voice note that stands for the words';
COMMENT ON COLUMN revisions.voice_played IS 'its artisan agrees that buyers hear it';
COMMENT ON COLUMN revisions.voice_written_at IS 'when the union wrote it down; null while that is to be done';
