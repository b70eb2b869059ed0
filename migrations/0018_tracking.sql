-- +goose Up
-- Where each carrier tells of a parcel. Owned by internal/shipping.

ALTER TABLE shipping_zones ADD COLUMN tracking_url text NOT NULL DEFAULT ''
    CHECK (tracking_url = '' OR tracking_url LIKE 'https://%');
COMMENT ON COLUMN shipping_zones.tracking_url IS 'the carrier''s page for a parcel, {number} standing for the parcel''s own; empty where there is none';
