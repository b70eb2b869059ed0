-- +goose Up
-- What letters say in the union's own words. Owned by internal/mail.

CREATE TABLE mail_texts (
    key   text  PRIMARY KEY CHECK (key LIKE 'mail._%'),
    words jsonb NOT NULL CHECK (is_texts(words))
);
COMMENT ON TABLE mail_texts IS 'messages of letters that the union says otherwise than the program; a language that is missing keeps the program''s';
COMMENT ON COLUMN mail_texts.key IS 'of the message catalogues';
