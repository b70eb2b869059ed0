-- +goose Up
-- The union: its trades, committees, quarters and members. Owned by internal/union.

CREATE TABLE union_profile (
    single          boolean     PRIMARY KEY DEFAULT true CHECK (single),
    name            jsonb       NOT NULL CHECK (is_texts(name)),
    market          jsonb       NOT NULL CHECK (is_texts(market)),
    tagline         jsonb       NOT NULL CHECK (is_texts(tagline)),
    about           jsonb       NOT NULL CHECK (is_texts(about)),
    principles      jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(principles) = 'array'),
    timeline        jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(timeline) = 'array'),
    faq             jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(faq) = 'array'),
    founded         date        NOT NULL,
    commission_bp   integer     NOT NULL CHECK (commission_bp BETWEEN 0 AND 10000),
    commission_note jsonb       NOT NULL CHECK (is_texts(commission_note)),
    address         jsonb       NOT NULL CHECK (jsonb_typeof(address) = 'object'),
    email           text        NOT NULL CHECK (email LIKE '%_@_%'),
    phone           text        NOT NULL,
    legal           jsonb       NOT NULL CHECK (jsonb_typeof(legal) = 'object'),
    counter_hours   jsonb       NOT NULL CHECK (jsonb_typeof(counter_hours) = 'object'),
    timezone        text        NOT NULL DEFAULT 'Africa/Casablanca',
    language        text        NOT NULL DEFAULT 'fr' CHECK (language ~ '^[a-z]{2,3}$'),
    hold_minutes    integer     NOT NULL DEFAULT 45 CHECK (hold_minutes BETWEEN 32 AND 1440),
    cash_hold_days  integer     NOT NULL DEFAULT 5 CHECK (cash_hold_days BETWEEN 1 AND 60),
    withdrawal_days integer     NOT NULL DEFAULT 14 CHECK (withdrawal_days >= 7),
    packing_days    integer     NOT NULL DEFAULT 2 CHECK (packing_days BETWEEN 0 AND 60),
    notice          jsonb       CHECK (is_texts(notice)),
    cover           bigint      REFERENCES pictures ON DELETE SET NULL,
    cover_product   text        NOT NULL DEFAULT ''
);
CREATE INDEX union_profile_cover ON union_profile (cover);

COMMENT ON TABLE union_profile IS 'the union that runs this market: one row, so that the program belongs to no one city';
COMMENT ON COLUMN union_profile.market IS 'the market''s own name';
COMMENT ON COLUMN union_profile.principles IS 'list of texts by language';
COMMENT ON COLUMN union_profile.timeline IS 'list of {date, text}';
COMMENT ON COLUMN union_profile.faq IS 'list of {slug, topic, question, answer}';
COMMENT ON COLUMN union_profile.commission_bp IS 'the union''s share of a sale, in basis points';
COMMENT ON COLUMN union_profile.address IS '{line1, line2, postcode, city, country}';
COMMENT ON COLUMN union_profile.legal IS 'registration numbers, as they stand on an invoice';
COMMENT ON COLUMN union_profile.counter_hours IS 'by weekday, mon to sun: list of [from, to]';
COMMENT ON COLUMN union_profile.timezone IS 'IANA name; in it days and hours are told';
COMMENT ON COLUMN union_profile.language IS 'BCP 47, in which the union''s own office reads';
COMMENT ON COLUMN union_profile.hold_minutes IS 'how long pieces are held while a buyer pays by card; a card session needs 31';
COMMENT ON COLUMN union_profile.cash_hold_days IS 'how long pieces are held for someone who pays at the counter';
COMMENT ON COLUMN union_profile.withdrawal_days IS 'the buyer''s right to change their mind: 7 in Morocco (law 31-08), 14 in the European Union; 14 for everyone here';
COMMENT ON COLUMN union_profile.packing_days IS 'between the last piece handed in and the parcel at the post';
COMMENT ON COLUMN union_profile.notice IS 'a sentence on every page, such as that this is a demonstration';
COMMENT ON COLUMN union_profile.cover IS 'the front page''s picture';
COMMENT ON COLUMN union_profile.cover_product IS 'slug of the piece on it';

CREATE TABLE quarters (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug        text             NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name        jsonb            NOT NULL CHECK (is_texts(name)),
    description jsonb            CHECK (is_texts(description)),
    latitude    double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude   double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    in_medina   boolean          NOT NULL,
    sort        integer          NOT NULL
);
COMMENT ON TABLE quarters IS 'a neighbourhood of the medina, or a village, with a place on the map';
COMMENT ON COLUMN quarters.latitude IS 'WGS 84 degrees, of about its middle';

CREATE TABLE committees (
    id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug    text   NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name    jsonb  NOT NULL CHECK (is_texts(name)),
    mission jsonb  NOT NULL CHECK (is_texts(mission)),
    meets   text   NOT NULL DEFAULT ''
);
COMMENT ON TABLE committees IS 'a professional committee, which speaks for its trades and judges their pieces';
COMMENT ON COLUMN committees.meets IS 'day of the month it meets, such as first-monday';

CREATE TABLE trades (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug         text    NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    committee_id bigint  NOT NULL REFERENCES committees ON DELETE RESTRICT,
    name         jsonb   NOT NULL CHECK (is_texts(name)),
    description  jsonb   NOT NULL CHECK (is_texts(description)),
    process      jsonb   NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(process) = 'array'),
    sort         integer NOT NULL
);
CREATE INDEX trades_committee ON trades (committee_id);
COMMENT ON TABLE trades IS 'a craft as the union knows it';
COMMENT ON COLUMN trades.process IS 'how a piece is made, step by step: list of texts by language';

CREATE TABLE artisans (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug            text             NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    account_id      bigint           UNIQUE REFERENCES accounts ON DELETE SET NULL,
    trade_id        bigint           NOT NULL REFERENCES trades ON DELETE RESTRICT,
    quarter_id      bigint           NOT NULL REFERENCES quarters ON DELETE RESTRICT,
    state           text             NOT NULL CHECK (state IN ('applied', 'invited', 'active', 'suspended', 'left')),
    name            text             NOT NULL CHECK (name <> ''),
    name_ar         text             NOT NULL CHECK (name_ar <> ''),
    gender          text             NOT NULL DEFAULT '' CHECK (gender IN ('', 'f', 'm')),
    bio             jsonb            CHECK (is_texts(bio)),
    written_in      text             NOT NULL CHECK (written_in ~ '^[a-z]{2,3}$'),
    speaks          text[]           NOT NULL DEFAULT '{}',
    years_of_craft  integer          NOT NULL DEFAULT 0 CHECK (years_of_craft BETWEEN 0 AND 90),
    latitude        double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude       double precision CHECK (longitude BETWEEN -180 AND 180),
    accepts_visits  boolean          NOT NULL DEFAULT false,
    by_appointment  boolean          NOT NULL DEFAULT false,
    visit_hours     jsonb            NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(visit_hours) = 'object'),
    email           text             CHECK (email LIKE '%_@_%'),
    phone           text             NOT NULL DEFAULT '',
    register_number text             NOT NULL DEFAULT '',
    legal_status    text             NOT NULL DEFAULT '',
    mark_level      integer          CHECK (mark_level BETWEEN 1 AND 3),
    joined          date             NOT NULL,
    bank_sealed     bytea,
    picture_id      bigint           REFERENCES pictures ON DELETE SET NULL,
    CHECK (num_nonnulls(latitude, longitude) IN (0, 2))
);
CREATE INDEX artisans_trade ON artisans (trade_id, slug);
CREATE INDEX artisans_quarter ON artisans (quarter_id);
CREATE INDEX artisans_picture ON artisans (picture_id);

COMMENT ON TABLE artisans IS 'a member of the union with a workshop';
COMMENT ON COLUMN artisans.name IS 'in Latin letters';
COMMENT ON COLUMN artisans.written_in IS 'the language the artisan wrote in; the others are translations';
COMMENT ON COLUMN artisans.speaks IS 'BCP 47 codes';
COMMENT ON COLUMN artisans.latitude IS 'WGS 84 degrees; approximate, since many workshops are homes';
COMMENT ON COLUMN artisans.visit_hours IS 'by weekday, mon to sun: list of [from, to]';
COMMENT ON COLUMN artisans.email IS 'where there is one; most have none and read their notices in the studio';
COMMENT ON COLUMN artisans.register_number IS 'in the national register of crafts (law 50-17)';
COMMENT ON COLUMN artisans.mark_level IS 'Territorial Quality Mark, 1 to 3';
COMMENT ON COLUMN artisans.bank_sealed IS 'bank account number, encrypted with SECRET_KEY';

CREATE TABLE committee_members (
    committee_id bigint NOT NULL REFERENCES committees ON DELETE CASCADE,
    artisan_id   bigint NOT NULL REFERENCES artisans ON DELETE CASCADE,
    office       text   NOT NULL DEFAULT 'member' CHECK (office IN ('chair', 'vice_chair', 'member')),
    PRIMARY KEY (committee_id, artisan_id)
);
CREATE INDEX committee_members_artisan ON committee_members (artisan_id);
COMMENT ON TABLE committee_members IS 'who sits in a committee';

CREATE TABLE notices (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    artisan_id bigint      NOT NULL REFERENCES artisans ON DELETE CASCADE,
    kind       text        NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    subject    text        NOT NULL,
    details    jsonb       NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz,
    -- Told once, however often the job runs.
    UNIQUE (artisan_id, kind, subject)
);
CREATE INDEX notices_unread ON notices (artisan_id, at DESC) WHERE read_at IS NULL;
COMMENT ON TABLE notices IS 'what an artisan is told in the studio, since most have no e-mail';
COMMENT ON COLUMN notices.subject IS 'public reference of what it is about, such as an order number';
COMMENT ON COLUMN notices.details IS 'what the sentence speaks of; the words are in the message catalogues';
