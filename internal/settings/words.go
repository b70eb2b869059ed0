package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// place is a text within a record.
type place struct {
	path  string
	field Field
	texts lang.Texts
}

// places lists the texts of a record.
func (k Kind) places(v Values) (list []place) {
	for _, f := range k.Fields {
		switch f.Input {
		case Texts, Prose:
			list = append(list, place{f.Key, f, v.Texts(f.Key)})
		case Rows:
			for i, row := range v.Rows(f.Key) {
				for _, of := range f.Of {
					if of.Input == Texts || of.Input == Prose {
						list = append(list, place{path(f.Key, i, of.Key), of, row.Texts(of.Key)})
					}
				}
			}
		}
	}
	return list
}

// sourceOf returns the language that a text is translated from into another:
// French, in which the office writes, or else the first one that it is in.
func sourceOf(t lang.Texts, into string) string {
	if into != "fr" && t["fr"] != "" {
		return "fr"
	}
	for _, l := range lang.All {
		if l.Code != into && t[l.Code] != "" {
			return l.Code
		}
	}
	return ""
}

// noteStale remembers which translations of a record were not looked at when
// their source was changed, and forgets those that were.
func (k Kind) noteStale(ctx context.Context, tx pgx.Tx, ref string, before, after Values, at time.Time) error {
	old := map[string]lang.Texts{}
	for _, p := range k.places(before) {
		old[p.path] = p.texts
	}
	var gone, stale []string // path and language, in turn
	now := map[string]bool{}
	for _, p := range k.places(after) {
		now[p.path] = true
		was := old[p.path]
		for _, l := range lang.All {
			mine, theirs := p.texts[l.Code], was[l.Code]
			source := sourceOf(p.texts, l.Code)
			switch {
			case mine == "" || mine != theirs:
				gone = append(gone, p.path, l.Code)
			case source != "" && l.Code != "fr" && was[source] != "" && p.texts[source] != was[source]:
				stale = append(stale, p.path, l.Code)
			}
		}
	}
	for p := range old {
		if !now[p] {
			for _, l := range lang.All {
				gone = append(gone, p, l.Code)
			}
		}
	}
	b := &pgx.Batch{}
	for pair := range slices.Chunk(gone, 2) {
		b.Queue(`DELETE FROM stale_texts WHERE kind = $1 AND ref = $2 AND path = $3 AND language = $4`, k.Name, ref, pair[0], pair[1])
	}
	for pair := range slices.Chunk(stale, 2) {
		b.Queue(`INSERT INTO stale_texts (kind, ref, path, language, since) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, k.Name, ref, pair[0], pair[1], at)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("settings: stale texts of %s %s: %w", k.Name, ref, err)
	}
	return nil
}

// An Untranslated is a text that is missing in a language, or older there than
// its source.
type Untranslated struct {
	Kind   Kind
	Ref    string
	Name   lang.Texts // of its record
	Path   string
	Field  Field
	Source string // language
	Texts  lang.Texts
	Stale  time.Time // since when; zero for one that is missing
	Seen   int       // number of its record's last version
}

// Kinds of what makers wrote, which translators see too. They are no settings.
const (
	piece = "piece"
	story = "story_of" // of an artisan
)

// mostUntold bounds how many pieces and stories are counted: beyond it nobody
// works through the list today.
const mostUntold = 1000

// Bounds of what makers wrote, in characters.
const (
	mostTitle   = 120
	mostTelling = 1500
)

// Todo returns what is to be translated into a language, at most limit texts of
// it: first what the union says, then what makers wrote. counts are how many texts
// there are for each language.
func Todo(ctx context.Context, db postgres.DB, into string, limit int) (list []Untranslated, counts map[string]int, err error) {
	var codes []string
	for _, l := range lang.All {
		codes = append(codes, l.Code)
	}
	everything, err := todo(ctx, db, codes)
	if err != nil {
		return nil, nil, err
	}
	var pieces []catalog.Untold
	var stories []union.Untold
	ofPieces, ofStories := map[string]int{}, map[string]int{}
	err = postgres.Together(ctx, db, catalog.AskUntold(into, limit, &pieces), union.AskUntold(into, limit, &stories),
		catalog.AskCountUntold(codes, mostUntold, ofPieces), union.AskCountUntold(codes, mostUntold, ofStories))
	if err != nil {
		return nil, nil, err
	}
	counts = map[string]int{}
	for _, code := range codes {
		counts[code] = len(everything[code]) + ofPieces[code] + ofStories[code]
	}
	list = everything[into]
	for _, p := range pieces {
		for _, text := range []struct {
			path  string
			texts lang.Texts
			field Field
		}{{"title", p.Title, Field{Key: "title", Input: Texts, Most: mostTitle}}, {"description", p.Description, Field{Key: "description", Input: Prose, Most: mostTelling}}} {
			if len(text.texts) > 0 && text.texts[into] == "" {
				list = append(list, Untranslated{Kind: Kind{Name: piece}, Ref: p.Slug, Name: p.Title, Path: text.path, Field: text.field,
					Source: writtenFirst(text.texts, p.WrittenIn, into), Texts: text.texts, Seen: p.Number})
			}
		}
	}
	for _, a := range stories {
		list = append(list, Untranslated{Kind: Kind{Name: story}, Ref: a.Slug, Name: fixedWords(a.Name), Path: "bio", Field: Field{Key: "bio", Input: Prose, Most: mostTelling},
			Source: writtenFirst(a.Bio, a.WrittenIn, into), Texts: a.Bio, Seen: a.Version})
	}
	return list[:min(limit, len(list))], counts, nil
}

// writtenFirst is the language that makers' own words are translated from: theirs.
func writtenFirst(t lang.Texts, writtenIn, into string) string {
	if t[writtenIn] != "" {
		return writtenIn
	}
	return sourceOf(t, into)
}

// TodoCounts returns how many texts are to be translated into each language.
func TodoCounts(ctx context.Context, db postgres.DB) (map[string]int, error) {
	_, counts, err := Todo(ctx, db, lang.Default.Code, 0)
	return counts, err
}

// outside writes a translation of what a maker wrote, and reports whether it was
// one. It returns ErrChanged where they wrote it anew meanwhile.
func outside(ctx context.Context, tx pgx.Tx, into string, t Translation, at int, by identity.AccountID) (is bool, err error) {
	most := mostTelling
	if t.Path == "title" {
		most = mostTitle
	}
	words := strings.TrimSpace(strings.ReplaceAll(t.Words, "\r\n", "\n"))
	if t.Kind != piece && t.Kind != story {
		return false, nil
	}
	if len([]rune(words)) > most {
		return true, wrongAt(fmt.Sprintf("w%d", at), "settings.too_long", most)
	}
	if t.Kind == story {
		err = union.TranslateBio(ctx, tx, t.Ref, t.Seen, into, words, by)
	} else {
		err = catalog.Translate(ctx, tx, t.Ref, t.Seen, t.Path == "title", into, words, by)
	}
	if errors.Is(err, union.ErrNoArtisan) || errors.Is(err, catalog.ErrNoProduct) {
		err = ErrChanged
	}
	return true, err
}

// CountStale returns how many translations are older than what they translate, in
// all languages. Those that are missing are not counted: see TodoCounts.
func CountStale(ctx context.Context, db postgres.DB) (n int, err error) {
	if err := db.QueryRow(ctx, `SELECT count(*) FROM stale_texts`).Scan(&n); err != nil {
		return 0, fmt.Errorf("settings: count stale texts: %w", err)
	}
	return n, nil
}

type staleKey struct{ kind, ref, path, language string }

func todo(ctx context.Context, db postgres.DB, into []string) (map[string][]Untranslated, error) {
	rows, err := db.Query(ctx, `SELECT kind, ref, path, language, since FROM stale_texts WHERE language = ANY ($1)`, into)
	if err != nil {
		return nil, fmt.Errorf("settings: stale texts: %w", err)
	}
	stale := map[staleKey]time.Time{}
	var key staleKey
	var since time.Time
	if _, err := pgx.ForEachRow(rows, []any{&key.kind, &key.ref, &key.path, &key.language, &since}, func() error { stale[key] = since; return nil }); err != nil {
		return nil, fmt.Errorf("settings: stale texts: %w", err)
	}
	last, err := lastVersions(ctx, db)
	if err != nil {
		return nil, err
	}
	worded, err := Worded(ctx, db)
	if err != nil {
		return nil, err
	}
	list := map[string][]Untranslated{}
	for _, k := range Kinds {
		for _, r := range worded[k.Name] {
			for _, p := range k.places(r.Values) {
				for _, code := range into {
					source := sourceOf(p.texts, code)
					since, old := stale[staleKey{k.Name, r.Ref, p.path, code}]
					if source == "" || p.texts[code] != "" && !old {
						continue
					}
					list[code] = append(list[code], Untranslated{Kind: k, Ref: r.Ref, Name: r.Name, Path: p.path, Field: p.field,
						Source: source, Texts: p.texts, Stale: since, Seen: last[k.Name+" "+r.Ref]})
				}
			}
		}
	}
	return list, nil
}

// Worded returns what every record says in words, by kind, in the order of their
// lists: their texts alone, of all kinds at once.
func Worded(ctx context.Context, db postgres.DB) (map[string][]Record, error) {
	rows, err := db.Query(ctx, `
		SELECT 'identity', 'union', name, jsonb_build_object('name', name, 'market', market, 'tagline', tagline, 'notice', notice), 0 AS place
		FROM union_profile
		UNION ALL
		SELECT 'story', 'union', name, jsonb_build_object('about', about,
			'principles', (SELECT jsonb_agg(jsonb_build_object('text', e) ORDER BY n) FROM jsonb_array_elements(principles) WITH ORDINALITY AS p (e, n)),
			'timeline', (SELECT jsonb_agg(jsonb_build_object('text', e -> 'Text') ORDER BY n) FROM jsonb_array_elements(timeline) WITH ORDINALITY AS p (e, n))), 0
		FROM union_profile
		UNION ALL
		SELECT 'question', e ->> 'Slug', e -> 'Question', jsonb_build_object('question', e -> 'Question', 'answer', e -> 'Answer'), n
		FROM union_profile, jsonb_array_elements(faq) WITH ORDINALITY AS p (e, n)
		UNION ALL
		SELECT 'committee', slug, name, jsonb_build_object('name', name, 'mission', mission), id FROM committees
		UNION ALL
		SELECT 'trade', slug, name, jsonb_build_object('name', name, 'description', description,
			'process', (SELECT jsonb_agg(jsonb_build_object('text', e) ORDER BY n) FROM jsonb_array_elements(process) WITH ORDINALITY AS p (e, n))), sort
		FROM trades
		UNION ALL
		SELECT 'quarter', slug, name, jsonb_build_object('name', name, 'description', description), sort FROM quarters
		UNION ALL
		SELECT 'kind', slug, name, jsonb_build_object('name', name), sort FROM kinds
		UNION ALL
		SELECT vocabulary, slug, name, jsonb_build_object('name', name), sort FROM terms
		UNION ALL
		SELECT 'collection', slug, title, jsonb_build_object('title', title, 'description', description), sort FROM collections
		UNION ALL
		SELECT 'zone', slug, name, jsonb_build_object('name', name), sort FROM shipping_zones
		UNION ALL
		SELECT 'page', slug, title, jsonb_build_object('title', title, 'body', body), sort FROM pages
		ORDER BY 1, 5, 2`)
	if err != nil {
		return nil, fmt.Errorf("settings: worded: %w", err)
	}
	all := map[string][]Record{}
	var name, ref string
	var title lang.Texts
	var content map[string]json.RawMessage
	var place int
	_, err = pgx.ForEachRow(rows, []any{&name, &ref, &title, &content, &place}, func() error {
		k, err := ByName(name)
		if err != nil {
			return err
		}
		v, err := normal(k.Fields, content)
		all[name] = append(all[name], Record{ref, title, v})
		title, content = nil, nil
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("settings: worded: %w", err)
	}
	letters, err := letterKind.Records(ctx, db)
	if err != nil {
		return nil, err
	}
	all[letterKind.Name] = letters
	return all, nil
}

// Counts returns how many records of every kind there are, where that can be
// more or less.
func Counts(ctx context.Context, db postgres.DB) (map[string]int, error) {
	rows, err := db.Query(ctx, `
		SELECT 'question', jsonb_array_length(faq)::bigint FROM union_profile
		UNION ALL SELECT 'committee', count(*) FROM committees
		UNION ALL SELECT 'trade', count(*) FROM trades
		UNION ALL SELECT 'quarter', count(*) FROM quarters
		UNION ALL SELECT 'kind', count(*) FROM kinds
		UNION ALL SELECT vocabulary, count(*) FROM terms GROUP BY vocabulary
		UNION ALL SELECT 'collection', count(*) FROM collections
		UNION ALL SELECT 'zone', count(*) FROM shipping_zones
		UNION ALL SELECT 'page', count(*) FROM pages
		UNION ALL SELECT 'rate', count(*) FROM exchange_rates`)
	if err != nil {
		return nil, fmt.Errorf("settings: counts: %w", err)
	}
	counts := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { counts[name] = n; return nil }); err != nil {
		return nil, fmt.Errorf("settings: counts: %w", err)
	}
	return counts, nil
}

// Places names the texts of a record, each by its path.
func (k Kind) Places(v Values) map[string]lang.Texts {
	m := map[string]lang.Texts{}
	for _, p := range k.places(v) {
		m[p.path] = p.texts
	}
	return m
}

func lastVersions(ctx context.Context, db postgres.DB) (map[string]int, error) {
	rows, err := db.Query(ctx, `SELECT kind || ' ' || ref, max(number) FROM setting_versions GROUP BY kind, ref`)
	if err != nil {
		return nil, fmt.Errorf("settings: last versions: %w", err)
	}
	last := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { last[name] = n; return nil }); err != nil {
		return nil, fmt.Errorf("settings: last versions: %w", err)
	}
	return last, nil
}

// A Translation is one text in one language, as someone wrote it.
type Translation struct {
	Kind, Ref, Path string
	Seen            int // number of the record's version that was translated
	Words           string
}

// Translate writes translations into a language, several of one record as one
// change of it, and returns how many texts became others. A translation that is
// left as it stands has been looked at, and is no longer old. It returns
// ErrChanged where a record was changed meanwhile, ErrNoRecord, and faults
// beside the fields w0, w1 and so on: at says which number each has.
func Translate(ctx context.Context, tx pgx.Tx, into string, list []Translation, at []int, by identity.AccountID, now time.Time) (n int, err error) {
	if _, err := lang.ByCode(into); err != nil {
		return 0, ErrNoRecord
	}
	done := make([]bool, len(list))
	for i, first := range list {
		if done[i] {
			continue
		}
		if is, err := outside(ctx, tx, into, first, at[i], by); err != nil {
			return 0, err
		} else if is {
			n++
			continue
		}
		k, err := ByName(first.Kind)
		if err != nil {
			return 0, err
		}
		record, err := k.Record(ctx, tx, first.Ref)
		if err != nil {
			return 0, err
		}
		v := record.Values
		for j, t := range list {
			if t.Kind != first.Kind || t.Ref != first.Ref {
				continue
			}
			done[j] = true
			if v, err = k.with(v, t, into, at[j]); err != nil {
				return 0, err
			}
			if _, err := tx.Exec(ctx, `DELETE FROM stale_texts WHERE kind = $1 AND ref = $2 AND path = $3 AND language = $4`,
				t.Kind, t.Ref, t.Path, into); err != nil {
				return 0, fmt.Errorf("settings: translate: %w", err)
			}
			n++
		}
		if _, err := k.Save(ctx, tx, Change{Ref: first.Ref, Values: v, Seen: first.Seen, By: by, At: now}); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// with returns a record with one text translated. What was read is not touched.
func (k Kind) with(v Values, t Translation, into string, at int) (Values, error) {
	words := strings.TrimSpace(strings.ReplaceAll(t.Words, "\r\n", "\n"))
	for _, p := range k.places(v) {
		if p.path != t.Path {
			continue
		}
		most := mostTexts
		if p.field.Input == Prose {
			most = mostProse
		}
		if p.field.Most > 0 {
			most = int(p.field.Most)
		}
		if len([]rune(words)) > most {
			return nil, wrongAt(fmt.Sprintf("w%d", at), "settings.too_long", most)
		}
		texts := lang.Texts{}
		for code, w := range p.texts {
			texts[code] = w
		}
		texts[into] = words
		return set(v, strings.Split(t.Path, "."), texts)
	}
	return nil, ErrNoRecord
}

// set returns a copy of v with a text at a path.
func set(v Values, path []string, texts lang.Texts) (Values, error) {
	c := Values{}
	for key, value := range v {
		c[key] = value
	}
	if len(path) == 1 {
		c[path[0]] = texts
		return c, nil
	}
	rows := slices.Clone(v.Rows(path[0]))
	for i := range rows {
		if fmt.Sprint(i) == path[1] {
			row, err := set(rows[i], path[2:], texts)
			if err != nil {
				return nil, err
			}
			rows[i] = row
			c[path[0]] = rows
			return c, nil
		}
	}
	return nil, ErrNoRecord
}
