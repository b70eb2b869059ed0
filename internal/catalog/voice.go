package catalog

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Voice is a note of half a minute that stands for the words of a piece. The
// zero Voice is none.
type Voice struct {
	ID     media.VoiceID
	Key    string // its name in addresses
	Played bool   // its artisan agrees that buyers hear it

	written bool // by the union
}

// VoicesInUse is a query for the voice notes of products and of drafts.
const VoicesInUse = `
	SELECT voice_id FROM revisions WHERE voice_id IS NOT NULL
	UNION ALL SELECT voice_id FROM drafts WHERE voice_id IS NOT NULL`

// SaveVoice gives a draft another voice note, none, or another consent. seen is
// the key of the note that the artisan saw, empty for none: where another phone
// saved one meanwhile, it returns ErrStale. The consent to be played is taken
// back at once, and a note that was taken away is heard by nobody any more,
// whatever the committee says of the draft.
func SaveVoice(ctx context.Context, tx pgx.Tx, d Draft, v Voice, seen string) error {
	v.Played = v.Played && v.ID != 0
	tag, err := tx.Exec(ctx, `
		UPDATE drafts d
		SET voice_id = nullif($3::bigint, 0), voice_played = $4, updated_at = now()
		WHERE artisan_id = $1 AND token = $2 AND submitted_at IS NULL
		  AND coalesce((SELECT key FROM voices w WHERE w.id = d.voice_id), '') = $5`, d.Artisan, d.Token, v.ID, v.Played, seen)
	if err != nil {
		return fmt.Errorf("catalog: save voice: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrStale
	}
	if d.Product == 0 || d.Voice.ID == 0 || v.ID == d.Voice.ID && v.Played {
		return nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE revisions
		SET voice_played = false, voice_id = CASE WHEN $3 THEN voice_id END
		WHERE product_id = $1 AND voice_id = $2`, d.Product, d.Voice.ID, v.ID == d.Voice.ID)
	if err != nil {
		return fmt.Errorf("catalog: save voice: %w", err)
	}
	return postgres.Notify(ctx, tx, d.Product.Tag())
}

// Played reports whether buyers may hear a voice note: a piece on the market has
// it, with its artisan's consent.
func Played(ctx context.Context, db postgres.DB, id media.VoiceID) (ok bool, err error) {
	err = db.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM revisions r
			JOIN products p ON p.live_id = r.id
			JOIN artisans a ON a.id = p.artisan_id
			WHERE r.voice_id = $1 AND r.voice_played AND p.state = 'on_sale' AND a.state = 'active')`, id).Scan(&ok)
	if err != nil {
		return false, fmt.Errorf("catalog: played: %w", err)
	}
	return ok, nil
}

// A Spoken is a piece whose voice note waits to be written down.
type Spoken struct {
	Product     ProductID
	Slug        string
	Artisan     union.ArtisanID
	KindName    lang.Texts
	Title       lang.Texts
	Description lang.Texts
	WrittenIn   string
	Picture     media.PictureID // 0 where there is none
	Voice       Voice
	SubmittedAt time.Time
}

// ErrWrittenDown is returned for a note that somebody wrote down meanwhile.
var ErrWrittenDown = fault.New(fault.Conflict, "voice.written")

// spokenQuery returns, of each piece that waits, the revision that was sent last.
const spokenQuery = `
	SELECT * FROM (
		SELECT DISTINCT ON (p.id) p.id, p.slug, p.artisan_id, k.name, r.title, r.description, r.written_in,
		       coalesce((SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position LIMIT 1), 0),
		       w.id AS voice, w.key, r.voice_played, coalesce(r.submitted_at, r.created_at) AS at
		FROM revisions r
		JOIN products p ON p.id = r.product_id
		JOIN kinds k ON k.id = p.kind_id
		JOIN voices w ON w.id = r.voice_id
		WHERE r.voice_written_at IS NULL AND (r.state = 'submitted' OR r.id = p.live_id) AND p.state <> 'taken_down' AND ($1 = '' OR p.slug = $1)
		ORDER BY p.id, r.number DESC) s
	ORDER BY at, id
	LIMIT $2`

// SpokenWaiting returns the pieces whose voice notes wait to be written down,
// those that wait longest first.
func SpokenWaiting(ctx context.Context, db postgres.DB, limit int) ([]Spoken, error) {
	return spoken(ctx, db, "", limit)
}

// SpokenBySlug returns the piece at an address, if its note waits to be written
// down, or ErrNoProduct.
func SpokenBySlug(ctx context.Context, db postgres.DB, slug string) (Spoken, error) {
	if !IsSlug(slug) {
		return Spoken{}, ErrNoProduct
	}
	list, err := spoken(ctx, db, slug, 1)
	if err != nil {
		return Spoken{}, err
	}
	if len(list) == 0 {
		return Spoken{}, ErrNoProduct
	}
	return list[0], nil
}

func spoken(ctx context.Context, db postgres.DB, slug string, limit int) ([]Spoken, error) {
	rows, err := db.Query(ctx, spokenQuery, slug, limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: spoken: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Spoken, error) {
		var s Spoken
		err := row.Scan(&s.Product, &s.Slug, &s.Artisan, &s.KindName, &s.Title, &s.Description, &s.WrittenIn, &s.Picture,
			&s.Voice.ID, &s.Voice.Key, &s.Voice.Played, &s.SubmittedAt)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: spoken: %w", err)
	}
	return list, nil
}

// WriteDown writes the words of a voice note into the revisions that have it,
// and logs it. Texts that are not said stay as they are; writtenIn is the
// language that the others were translated from. It returns ErrWrittenDown
// where somebody else wrote meanwhile.
func WriteDown(ctx context.Context, tx pgx.Tx, s Spoken, writtenIn string, title, words lang.Texts, by identity.AccountID, at time.Time) error {
	// A piece without a name of its own is called by its kind, which is no name.
	named := maps.Clone(title)
	maps.DeleteFunc(named, func(code, said string) bool { return said == "" || said == s.KindName[code] })
	said := maps.Clone(words)
	maps.DeleteFunc(said, func(_, w string) bool { return w == "" })
	for _, texts := range []*lang.Texts{&named, &said} {
		if *texts == nil {
			*texts = lang.Texts{}
		}
	}
	var n int
	err := tx.QueryRow(ctx, `
		WITH written AS (
			UPDATE revisions r
			SET title = CASE WHEN $3::jsonb = '{}' THEN r.title WHEN r.title = $5::jsonb THEN $3 ELSE r.title || $3 END,
			    description = coalesce(r.description, '{}') || $4, written_in = $6, voice_written_at = $7
			WHERE product_id = $1 AND voice_id = $2 AND voice_written_at IS NULL
			RETURNING id)
		SELECT count(*) FROM written`, s.Product, s.Voice.ID, named, said, s.KindName, writtenIn, at).Scan(&n)
	if err != nil {
		return fmt.Errorf("catalog: write down: %w", err)
	}
	if n == 0 {
		return ErrWrittenDown
	}
	if err := Refresh(ctx, tx, []ProductID{s.Product}); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "voice.written_down", Subject: "product:" + s.Slug,
		Before: map[string]lang.Texts{"title": s.Title, "words": s.Description}, After: map[string]lang.Texts{"title": named, "words": said}})
}

// keeps reports whether what the union wrote down from v still stands for a piece
// whose note is heard now.
func (v Voice) keeps(heard Voice) bool { return v.written && v.ID != 0 && v.ID == heard.ID }
