-- +goose Up
-- What members offer for sale. Owned by internal/catalog.

CREATE TABLE kinds (
    id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name jsonb   NOT NULL CHECK (is_texts(name)),
    sort integer NOT NULL
);
COMMENT ON TABLE kinds IS 'what a piece is (blanket, tagine, lantern), the facet that buyers reach for first';

CREATE TABLE kind_trades (
    kind_id  bigint NOT NULL REFERENCES kinds ON DELETE CASCADE,
    trade_id bigint NOT NULL REFERENCES trades ON DELETE CASCADE,
    PRIMARY KEY (kind_id, trade_id)
);
CREATE INDEX kind_trades_trade ON kind_trades (trade_id);
COMMENT ON TABLE kind_trades IS 'which trades make a kind';

CREATE TABLE terms (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    vocabulary text    NOT NULL CHECK (vocabulary IN ('material', 'technique', 'colour', 'care')),
    slug       text    NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name       jsonb   NOT NULL CHECK (is_texts(name)),
    hex        text    CHECK (hex ~ '^#[0-9a-f]{6}$'),
    sort       integer NOT NULL,
    UNIQUE (vocabulary, slug),
    CHECK ((vocabulary = 'colour') = (hex IS NOT NULL))
);
COMMENT ON TABLE terms IS 'the words a piece is described with, so that they translate themselves';
COMMENT ON COLUMN terms.hex IS 'of a colour, for its swatch';

CREATE TABLE products (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug         text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    artisan_id   bigint      NOT NULL REFERENCES artisans ON DELETE RESTRICT,
    trade_id     bigint      NOT NULL REFERENCES trades ON DELETE RESTRICT,
    kind_id      bigint      NOT NULL REFERENCES kinds ON DELETE RESTRICT,
    state        text        NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'on_sale', 'withdrawn', 'taken_down')),
    live_id      bigint,
    featured     boolean     NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    -- What is on sale has been approved, and since when is known.
    CHECK (state <> 'on_sale' OR (live_id IS NOT NULL AND published_at IS NOT NULL))
);
CREATE INDEX products_artisan ON products (artisan_id, created_at DESC);
CREATE INDEX products_trade ON products (trade_id);
CREATE INDEX products_kind ON products (kind_id);
COMMENT ON TABLE products IS 'what an artisan offers; words and pictures are in its revisions, price and stock in its variants';
COMMENT ON COLUMN products.live_id IS 'the revision that buyers see, the last approved one';
COMMENT ON COLUMN products.published_at IS 'when it first came on sale';

CREATE TABLE former_slugs (
    slug       text   PRIMARY KEY CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE
);
CREATE INDEX former_slugs_product ON former_slugs (product_id);
COMMENT ON TABLE former_slugs IS 'addresses a product used to have, which lead on to the present one';

CREATE TABLE revisions (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    product_id      bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    number          integer     NOT NULL CHECK (number > 0),
    state           text        NOT NULL DEFAULT 'draft'
                    CHECK (state IN ('draft', 'submitted', 'approved', 'changes_requested', 'rejected')),
    title           jsonb       NOT NULL CHECK (is_texts(title)),
    description     jsonb       CHECK (is_texts(description)),
    written_in      text        NOT NULL CHECK (written_in ~ '^[a-z]{2,3}$'),
    length_mm       integer     CHECK (length_mm > 0),
    width_mm        integer     CHECK (width_mm > 0),
    height_mm       integer     CHECK (height_mm > 0),
    weight_g        integer     NOT NULL CHECK (weight_g > 0),
    packed_weight_g integer     NOT NULL CHECK (packed_weight_g >= weight_g),
    making_minutes  integer     CHECK (making_minutes > 0),
    fragile         boolean     NOT NULL DEFAULT false,
    hs_code         text        NOT NULL DEFAULT '' CHECK (hs_code ~ '^([0-9]{4}\.[0-9]{2})?$'),
    origin          char(2)     NOT NULL DEFAULT 'MA' CHECK (origin ~ '^[A-Z]{2}$'),
    ship_mode       text        NOT NULL DEFAULT 'parcel' CHECK (ship_mode IN ('parcel', 'freight')),
    compliance      text[]      NOT NULL DEFAULT '{}',
    breakdown       jsonb       CHECK (jsonb_typeof(breakdown) = 'object'),
    buyer_text      jsonb       CHECK (jsonb_typeof(buyer_text) = 'object'),
    created_at      timestamptz NOT NULL DEFAULT now(),
    submitted_at    timestamptz,
    decided_at      timestamptz,
    UNIQUE (product_id, number),
    UNIQUE (product_id, id)
);
COMMENT ON TABLE revisions IS 'the texts, facts and pictures of a product at one time';
COMMENT ON COLUMN revisions.written_in IS 'the writer''s own language; the others are translations';
COMMENT ON COLUMN revisions.weight_g IS 'grams, bare';
COMMENT ON COLUMN revisions.packed_weight_g IS 'grams, as it lies in the parcel';
COMMENT ON COLUMN revisions.making_minutes IS 'work in one piece';
COMMENT ON COLUMN revisions.hs_code IS 'Harmonized System, six digits, for customs';
COMMENT ON COLUMN revisions.origin IS 'ISO 3166-1';
COMMENT ON COLUMN revisions.ship_mode IS 'freight can only be collected, until a price is agreed';
COMMENT ON COLUMN revisions.compliance IS 'what the law asks about it: cosmetic, food-contact, made-to-measure …';
COMMENT ON COLUMN revisions.breakdown IS 'where the price goes, in parts of it: {labour, materials, workshop}; the union''s share is worked out';
COMMENT ON COLUMN revisions.buyer_text IS 'a text the buyer must give, such as a house number: {label, max, pattern}';

-- A product shows one of its own revisions.
ALTER TABLE products ADD CONSTRAINT products_live
    FOREIGN KEY (id, live_id) REFERENCES revisions (product_id, id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX products_live ON products (live_id);

CREATE TABLE revision_terms (
    revision_id bigint  NOT NULL REFERENCES revisions ON DELETE CASCADE,
    term_id     bigint  NOT NULL REFERENCES terms ON DELETE RESTRICT,
    sort        integer NOT NULL,
    PRIMARY KEY (revision_id, term_id)
);
CREATE INDEX revision_terms_term ON revision_terms (term_id);
COMMENT ON TABLE revision_terms IS 'materials, techniques, colours and care of a piece';

CREATE TABLE revision_pictures (
    revision_id bigint  NOT NULL REFERENCES revisions ON DELETE CASCADE,
    position    integer NOT NULL CHECK (position BETWEEN 1 AND 8),
    picture_id  bigint  NOT NULL REFERENCES pictures ON DELETE RESTRICT,
    PRIMARY KEY (revision_id, position)
);
CREATE INDEX revision_pictures_picture ON revision_pictures (picture_id);
COMMENT ON TABLE revision_pictures IS 'up to eight pictures, the first of which is the card''s';

CREATE TABLE variants (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    product_id  bigint      NOT NULL REFERENCES products ON DELETE CASCADE,
    sku         text        NOT NULL UNIQUE CHECK (sku ~ '^[A-Z0-9]+(-[A-Z0-9]+)*$'),
    options     jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(options) = 'array'),
    price_minor bigint      NOT NULL CHECK (price_minor > 0),
    currency    char(3)     NOT NULL DEFAULT 'MAD' CHECK (currency = 'MAD'),
    stocked     boolean     NOT NULL,
    on_hand     integer     NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    -- The last line of defence against selling one rug twice.
    held        integer     NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND on_hand),
    lead_days   integer     CHECK (lead_days BETWEEN 1 AND 365),
    sort        integer     NOT NULL,
    -- Either it lies there, or it is made when it is ordered.
    CHECK (stocked = (lead_days IS NULL)),
    CHECK (stocked OR on_hand = 0)
);
CREATE INDEX variants_product ON variants (product_id, sort);
COMMENT ON TABLE variants IS 'a product in one size or colour, with its own price and stock';
COMMENT ON COLUMN variants.sku IS 'stock keeping unit, the public name';
COMMENT ON COLUMN variants.options IS 'list of {kind, label}: what is chosen';
COMMENT ON COLUMN variants.price_minor IS 'centimes';
COMMENT ON COLUMN variants.stocked IS 'false for what is made to order';
COMMENT ON COLUMN variants.on_hand IS 'pieces in the workshop';
COMMENT ON COLUMN variants.held IS 'of those, promised to buyers who are paying';
COMMENT ON COLUMN variants.lead_days IS 'days of making, for what is made to order';

CREATE TABLE cards (
    product_id   bigint PRIMARY KEY REFERENCES products ON DELETE CASCADE,
    slug         text        NOT NULL UNIQUE,
    title        jsonb       NOT NULL,
    written_in   text        NOT NULL,
    artisan_id   bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    trade_id     bigint      NOT NULL REFERENCES trades ON DELETE CASCADE,
    kind_id      bigint      NOT NULL REFERENCES kinds ON DELETE CASCADE,
    quarter_id   bigint      NOT NULL REFERENCES quarters ON DELETE CASCADE,
    materials    text[]      NOT NULL,
    colours      text[]      NOT NULL,
    picture_id   bigint      REFERENCES pictures ON DELETE SET NULL,
    price_minor  bigint      NOT NULL,
    price_most   bigint      NOT NULL,
    currency     char(3)     NOT NULL,
    on_hand      integer     NOT NULL,
    held         integer     NOT NULL,
    lead_days    integer,
    featured     boolean     NOT NULL,
    published_at timestamptz NOT NULL,
    search       text        NOT NULL
);
CREATE INDEX cards_newest ON cards (published_at DESC, slug);
CREATE INDEX cards_cheapest ON cards (price_minor, slug);
CREATE INDEX cards_artisan ON cards (artisan_id, published_at DESC);
CREATE INDEX cards_trade ON cards (trade_id, published_at DESC);
CREATE INDEX cards_kind ON cards (kind_id, published_at DESC);
CREATE INDEX cards_quarter ON cards (quarter_id);
CREATE INDEX cards_picture ON cards (picture_id);
CREATE INDEX cards_materials ON cards USING gin (materials);
CREATE INDEX cards_colours ON cards USING gin (colours);
CREATE INDEX cards_search ON cards USING gin (search gin_trgm_ops);
COMMENT ON TABLE cards IS 'the read model of a published product: all that list and search pages need, one row each';
COMMENT ON COLUMN cards.price_minor IS 'centimes, of the cheapest variant';
COMMENT ON COLUMN cards.price_most IS 'centimes, of the dearest variant';
COMMENT ON COLUMN cards.on_hand IS 'over all stocked variants';
COMMENT ON COLUMN cards.lead_days IS 'shortest making time where something is made to order';
COMMENT ON COLUMN cards.search IS 'every word of it in every language, folded: see catalog.Fold';

CREATE TABLE collections (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug        text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title       jsonb   NOT NULL CHECK (is_texts(title)),
    description jsonb   NOT NULL CHECK (is_texts(description)),
    sort        integer NOT NULL
);
COMMENT ON TABLE collections IS 'pieces that the union shows together';

CREATE TABLE collection_products (
    collection_id bigint  NOT NULL REFERENCES collections ON DELETE CASCADE,
    product_id    bigint  NOT NULL REFERENCES products ON DELETE CASCADE,
    sort          integer NOT NULL,
    PRIMARY KEY (collection_id, product_id)
);
CREATE INDEX collection_products_product ON collection_products (product_id);
COMMENT ON TABLE collection_products IS 'which pieces, and in what order';
