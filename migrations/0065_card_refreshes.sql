-- +goose Up
-- Cards whose words came from elsewhere and changed there. Owned by internal/catalog.

CREATE TABLE card_refreshes (
    product_id bigint PRIMARY KEY REFERENCES products ON DELETE CASCADE
);
COMMENT ON TABLE card_refreshes IS 'products whose cards are rebuilt in turn, since a trade, kind, quarter or term that they name has another name';
