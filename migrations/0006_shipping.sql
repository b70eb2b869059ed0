-- +goose Up
-- What it costs to send a parcel, and about what a dirham is worth. Owned by internal/shipping.

CREATE TABLE shipping_zones (
    id                 bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug               text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name               jsonb   NOT NULL CHECK (is_texts(name)),
    carrier            text    NOT NULL CHECK (carrier <> ''),
    transit_min_days   integer NOT NULL CHECK (transit_min_days >= 0),
    transit_max_days   integer NOT NULL CHECK (transit_max_days >= transit_min_days),
    free_over_minor    bigint  CHECK (free_over_minor > 0),
    sort               integer NOT NULL
);
COMMENT ON TABLE shipping_zones IS 'countries that cost the same to send to';
COMMENT ON COLUMN shipping_zones.free_over_minor IS 'centimes of pieces from which the postage is free; null for never';

CREATE TABLE shipping_countries (
    country char(2) PRIMARY KEY CHECK (country ~ '^[A-Z]{2}$'),
    zone_id bigint  NOT NULL REFERENCES shipping_zones ON DELETE CASCADE,
    eu      boolean NOT NULL DEFAULT false
);
CREATE INDEX shipping_countries_zone ON shipping_countries (zone_id);
COMMENT ON TABLE shipping_countries IS 'where parcels go, by ISO 3166-1 code';
COMMENT ON COLUMN shipping_countries.eu IS 'member of the European Union, for customs and for what may not be sent there';

CREATE TABLE shipping_bands (
    zone_id     bigint  NOT NULL REFERENCES shipping_zones ON DELETE CASCADE,
    max_g       integer NOT NULL CHECK (max_g > 0),
    price_minor bigint  NOT NULL CHECK (price_minor >= 0),
    PRIMARY KEY (zone_id, max_g)
);
COMMENT ON TABLE shipping_bands IS 'postage by packed weight';
COMMENT ON COLUMN shipping_bands.max_g IS 'grams, up to and with';
COMMENT ON COLUMN shipping_bands.price_minor IS 'centimes';

CREATE TABLE exchange_rates (
    currency char(3) PRIMARY KEY CHECK (currency ~ '^[A-Z]{3}$'),
    per_unit bigint  NOT NULL CHECK (per_unit > 0),
    on_date  date    NOT NULL
);
COMMENT ON TABLE exchange_rates IS 'for approximate prices alone; nothing is booked at them';
COMMENT ON COLUMN exchange_rates.per_unit IS 'MAD for one unit, in ten-thousandths';
COMMENT ON COLUMN exchange_rates.on_date IS 'the day the rate is of';
