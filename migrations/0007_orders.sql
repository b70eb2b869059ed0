-- +goose Up
-- Purchases. Owned by internal/order.

CREATE TABLE orders (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    number          text        NOT NULL UNIQUE CHECK (number ~ '^[0-9A-HJKMNP-TV-Z]{2}-[0-9A-HJKMNP-TV-Z]{4}$'),
    token           text        NOT NULL UNIQUE CHECK (token ~ '^[a-z2-7]{26}$'),
    place_key       bytea       NOT NULL UNIQUE CHECK (octet_length(place_key) = 32),
    cart_key        bytea       NOT NULL CHECK (octet_length(cart_key) = 32),
    state           text        NOT NULL DEFAULT 'pending'
                    CHECK (state IN ('pending', 'confirmed', 'paid', 'completed', 'cancelled', 'expired')),
    language        text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    currency        char(3)     NOT NULL DEFAULT 'MAD' CHECK (currency = 'MAD'),
    pieces_minor    bigint      NOT NULL CHECK (pieces_minor > 0),
    postage_minor   bigint      NOT NULL CHECK (postage_minor >= 0),
    total_minor     bigint      NOT NULL CHECK (total_minor = pieces_minor + postage_minor),
    refunded_minor  bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND total_minor),
    name            text        NOT NULL CHECK (name <> ''),
    email           text        NOT NULL CHECK (email LIKE '%_@_%'),
    phone           text        NOT NULL CHECK (phone <> ''),
    delivery        text        NOT NULL CHECK (delivery IN ('post', 'collect')),
    country         char(2)     CHECK (country ~ '^[A-Z]{2}$'),
    address         jsonb       CHECK (jsonb_typeof(address) = 'object'),
    carrier         text        NOT NULL DEFAULT '',
    weight_g        integer     NOT NULL CHECK (weight_g > 0),
    method          text        NOT NULL CHECK (method IN ('card', 'cash_at_shop', 'cash_on_delivery')),
    arrives_by      date        NOT NULL,
    pay_by          timestamptz NOT NULL,
    placed_at       timestamptz NOT NULL DEFAULT now(),
    paid_at         timestamptz,
    -- What is posted has an address.
    CHECK ((delivery = 'post') = (address IS NOT NULL)),
    CHECK ((delivery = 'post') = (country IS NOT NULL)),
    CHECK (state NOT IN ('paid', 'completed') OR paid_at IS NOT NULL)
);
CREATE INDEX orders_newest ON orders (placed_at DESC, number);
CREATE INDEX orders_state ON orders (state, placed_at DESC);
CREATE INDEX orders_cart ON orders (cart_key) WHERE state = 'pending';
COMMENT ON TABLE orders IS 'a purchase, over all the workshops it draws on';
COMMENT ON COLUMN orders.number IS 'short, to be spoken at the counter; not a secret';
COMMENT ON COLUMN orders.token IS '128 random bits, the secret in the order''s address';
COMMENT ON COLUMN orders.place_key IS 'hash of the cart''s id and revision: a second click finds the first order';
COMMENT ON COLUMN orders.cart_key IS 'hash of the cart''s id: a changed cart replaces its own unpaid order';
COMMENT ON COLUMN orders.language IS 'BCP 47, the buyer''s, for mails';
COMMENT ON COLUMN orders.address IS '{line1, landmark, city, region, postcode}';
COMMENT ON COLUMN orders.weight_g IS 'grams, packed';
COMMENT ON COLUMN orders.arrives_by IS 'firm latest date; a week after it the buyer may cancel (law 31-08, art. 12)';
COMMENT ON COLUMN orders.pay_by IS 'until when the pieces are held';

CREATE TABLE fulfilments (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id     bigint      NOT NULL REFERENCES orders ON DELETE RESTRICT,
    artisan_id   bigint      NOT NULL REFERENCES artisans ON DELETE RESTRICT,
    state        text        NOT NULL DEFAULT 'awaiting_payment'
                 CHECK (state IN ('awaiting_payment', 'to_prepare', 'handed_in', 'cancelled')),
    prepare_by   date        NOT NULL,
    handed_in_at timestamptz,
    UNIQUE (order_id, artisan_id),
    CHECK ((state = 'handed_in') = (handed_in_at IS NOT NULL))
);
CREATE INDEX fulfilments_artisan ON fulfilments (artisan_id, state, prepare_by);
COMMENT ON TABLE fulfilments IS 'the part of an order that one artisan prepares and hands in';

CREATE TABLE order_lines (
    id               bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id         bigint  NOT NULL REFERENCES orders ON DELETE RESTRICT,
    fulfilment_id    bigint  NOT NULL REFERENCES fulfilments ON DELETE RESTRICT,
    variant_id       bigint  REFERENCES variants ON DELETE SET NULL,
    position         integer NOT NULL CHECK (position > 0),
    sku              text    NOT NULL,
    slug             text    NOT NULL,
    title            jsonb   NOT NULL CHECK (is_texts(title)),
    options          jsonb   NOT NULL CHECK (jsonb_typeof(options) = 'array'),
    buyer_text       text    NOT NULL DEFAULT '',
    picture_key      text    NOT NULL DEFAULT '',
    quantity         integer NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    unit_minor       bigint  NOT NULL CHECK (unit_minor > 0),
    total_minor      bigint  NOT NULL CHECK (total_minor = unit_minor * quantity),
    commission_bp    integer NOT NULL CHECK (commission_bp BETWEEN 0 AND 10000),
    commission_minor bigint  NOT NULL CHECK (commission_minor BETWEEN 0 AND total_minor),
    artisan_minor    bigint  NOT NULL CHECK (artisan_minor = total_minor - commission_minor),
    weight_g         integer NOT NULL CHECK (weight_g > 0),
    hs_code          text    NOT NULL,
    lead_days        integer,
    UNIQUE (order_id, position)
);
CREATE INDEX order_lines_fulfilment ON order_lines (fulfilment_id);
CREATE INDEX order_lines_variant ON order_lines (variant_id);
COMMENT ON TABLE order_lines IS 'what was bought, copied as it was sold: later changes of the piece do not reach it';
COMMENT ON COLUMN order_lines.slug IS 'of the product, for the link to its page';
COMMENT ON COLUMN order_lines.commission_bp IS 'the union''s share in basis points, when it was sold';
COMMENT ON COLUMN order_lines.weight_g IS 'grams of one piece, packed';
COMMENT ON COLUMN order_lines.lead_days IS 'days of making, where it is made to order';

CREATE TABLE order_events (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id   bigint      NOT NULL REFERENCES orders ON DELETE RESTRICT,
    at         timestamptz NOT NULL DEFAULT now(),
    kind       text        NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    account_id bigint      REFERENCES accounts ON DELETE RESTRICT,
    details    jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX order_events_order ON order_events (order_id, id);
CREATE INDEX order_events_account ON order_events (account_id);
CREATE TRIGGER order_events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE order_events IS 'what happened to an order, in the order it happened';
COMMENT ON COLUMN order_events.account_id IS 'who; null for the buyer and for the program itself';

CREATE TABLE reservations (
    order_id   bigint      NOT NULL REFERENCES orders ON DELETE CASCADE,
    variant_id bigint      NOT NULL REFERENCES variants ON DELETE RESTRICT,
    quantity   integer     NOT NULL CHECK (quantity > 0),
    state      text        NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'sold', 'released')),
    until      timestamptz NOT NULL,
    PRIMARY KEY (order_id, variant_id)
);
CREATE INDEX reservations_variant ON reservations (variant_id) WHERE state = 'held';
COMMENT ON TABLE reservations IS 'pieces held while a buyer pays; owned by internal/checkout. variants.held is the sum of those in state held';
