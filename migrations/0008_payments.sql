-- +goose Up
-- Tries to pay, money given back, and what providers tell us. Owned by internal/payment.

CREATE TABLE payments (
    id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id       bigint      NOT NULL REFERENCES orders ON DELETE RESTRICT,
    token          text        NOT NULL UNIQUE CHECK (token ~ '^[a-z2-7]{26}$'),
    provider       text        NOT NULL CHECK (provider IN ('stripe', 'cash')),
    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'failed', 'expired')),
    ref            text        UNIQUE,
    intent         text        NOT NULL DEFAULT '',
    pay_url        text        NOT NULL DEFAULT '',
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    currency       char(3)     NOT NULL DEFAULT 'MAD' CHECK (currency = 'MAD'),
    fee_minor      bigint      NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    decline        text        NOT NULL DEFAULT '',
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    paid_at        timestamptz,
    CHECK ((state = 'paid') = (paid_at IS NOT NULL)),
    CHECK (refunded_minor = 0 OR state = 'paid')
);
CREATE INDEX payments_order ON payments (order_id, id);
CREATE INDEX payments_open ON payments (created_at) WHERE state = 'open';
-- One order waits for one payment at a time.
CREATE UNIQUE INDEX payments_one_open ON payments (order_id) WHERE state = 'open';
COMMENT ON TABLE payments IS 'a try to pay an order';
COMMENT ON COLUMN payments.token IS 'our own reference, which comes back in the provider''s events; also the idempotency key';
COMMENT ON COLUMN payments.ref IS 'the provider''s name for it, a Checkout Session; null until it is opened';
COMMENT ON COLUMN payments.intent IS 'the provider''s name for the money taken, a PaymentIntent';
COMMENT ON COLUMN payments.pay_url IS 'where the buyer pays';
COMMENT ON COLUMN payments.fee_minor IS 'centimes that the provider kept';
COMMENT ON COLUMN payments.decline IS 'why the last card was refused';

CREATE TABLE refunds (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id   bigint      NOT NULL REFERENCES payments ON DELETE RESTRICT,
    key          text        NOT NULL UNIQUE CHECK (key <> ''),
    amount_minor bigint      NOT NULL CHECK (amount_minor > 0),
    reason       text        NOT NULL CHECK (reason ~ '^[a-z_]+$'),
    state        text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    ref          text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz
);
CREATE INDEX refunds_payment ON refunds (payment_id);
COMMENT ON TABLE refunds IS 'money given back through the provider that took it';
COMMENT ON COLUMN refunds.key IS 'idempotency key: what is asked twice is given back once';

CREATE TABLE provider_events (
    provider    text        NOT NULL CHECK (provider IN ('stripe')),
    event_id    text        NOT NULL CHECK (event_id <> ''),
    type        text        NOT NULL,
    ref         text        NOT NULL DEFAULT '',
    token       text        NOT NULL DEFAULT '',
    payload     jsonb       NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at  timestamptz,
    outcome     text        NOT NULL DEFAULT '',
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX provider_events_unapplied ON provider_events (received_at) WHERE applied_at IS NULL;
COMMENT ON TABLE provider_events IS 'messages from payment providers, each stored once and applied once';
COMMENT ON COLUMN provider_events.payload IS 'without anything personal';
COMMENT ON COLUMN provider_events.outcome IS 'what applying it came to';
