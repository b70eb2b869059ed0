-- +goose Up
-- What was written to whom. Owned by internal/mail.

CREATE TABLE mails (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key        text        NOT NULL UNIQUE CHECK (key <> ''),
    recipient  text        NOT NULL CHECK (recipient LIKE '%_@_%'),
    language   text        NOT NULL CHECK (language ~ '^[a-z]{2,3}$'),
    subject    text        NOT NULL CHECK (subject <> ''),
    body_text  text        NOT NULL,
    body_html  text        NOT NULL,
    queued_at  timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);
CREATE INDEX mails_newest ON mails (queued_at DESC, id DESC);
COMMENT ON TABLE mails IS 'letters, written in the transaction of what they tell of and sent by a job';
COMMENT ON COLUMN mails.key IS 'what makes it one: order.paid/<number>/<reader>';
COMMENT ON COLUMN mails.sent_at IS 'null while it waits to be sent, or is tried again';
