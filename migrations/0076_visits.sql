-- +goose Up
-- How often pages are looked at. Owned by internal/visit.

CREATE TABLE visits (
    day      date   NOT NULL,
    kind     text   NOT NULL CHECK (kind ~ '^[a-z]+$'),
    views    bigint NOT NULL CHECK (views >= 0),
    arrivals bigint NOT NULL CHECK (arrivals BETWEEN 0 AND views),
    PRIMARY KEY (day, kind)
);
COMMENT ON TABLE visits IS 'views of public pages by day, without anything of who looked';
COMMENT ON COLUMN visits.day IS 'at the union';
COMMENT ON COLUMN visits.kind IS 'of the page: home, list, product, artisan, …';
COMMENT ON COLUMN visits.arrivals IS 'views by someone who came from elsewhere: the beginning of a visit';

CREATE TABLE page_views (
    week    date   NOT NULL CHECK (extract(isodow FROM week) = 1),
    kind    text   NOT NULL CHECK (kind ~ '^[a-z]+$'),
    subject text   NOT NULL CHECK (subject <> ''),
    views   bigint NOT NULL CHECK (views >= 0),
    PRIMARY KEY (week, kind, subject)
);
CREATE INDEX page_views_most ON page_views (week, views DESC);
COMMENT ON TABLE page_views IS 'views by page and week, of the pages that there are many of';
COMMENT ON COLUMN page_views.week IS 'its Monday';
COMMENT ON COLUMN page_views.subject IS 'slug of what the page shows';
