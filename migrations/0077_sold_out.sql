-- +goose Up
-- Since when a variant is sold out. Owned by internal/catalog.

ALTER TABLE variants ADD COLUMN sold_out_at timestamptz;
COMMENT ON COLUMN variants.sold_out_at IS 'when the last piece went; null while there is one, and where there never was';
CREATE INDEX variants_sold_out ON variants (sold_out_at DESC, id) WHERE sold_out_at IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION note_sold_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sold_out_at := CASE WHEN NEW.stocked AND NEW.on_hand = 0 THEN now() END;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER variants_note_sold_out BEFORE UPDATE OF on_hand, stocked ON variants
    FOR EACH ROW WHEN ((OLD.on_hand > 0) <> (NEW.on_hand > 0) OR NEW.stocked <> OLD.stocked) EXECUTE FUNCTION note_sold_out();
