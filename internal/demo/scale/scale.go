// Package scale makes a market large: a city's worth of invented artisans, pieces,
// orders and years of records, to see how the pages fare. It writes past the
// rooms, many rows at once, and leaves the books balanced and the audit chained.
package scale

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/postgres"
)

// A Size is how much is made.
type Size struct{ Artisans, Products, Orders, Audit int }

// Full is the size that the office's pages are held to.
var Full = Size{Artisans: 10_000, Products: 100_000, Orders: 300_000, Audit: 3_000_000}

// Times returns a part of a size, or a multiple: of everything alike.
func (s Size) Times(f float64) Size {
	n := func(n int) int { return max(1, int(float64(n)*f)) }
	return Size{n(s.Artisans), n(s.Products), n(s.Orders), n(s.Audit)}
}

// ErrLarge is returned for a market that was made large before.
var ErrLarge = errors.New("scale: this market was made large already")

// perStep is how many rows are written in one transaction: what waits for its end,
// such as the audit's chain, waits in memory.
const perStep = 50_000

// Fill makes a market of the demonstration large, and says how far it is. The same
// market always becomes the same one, but for its times, which lie in the three
// years before now. It returns ErrLarge for one that is large.
func Fill(ctx context.Context, pool *pgxpool.Pool, s Size, now time.Time, say func(string)) error {
	var there bool
	if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM artisans WHERE slug = 'workshop-1')`).Scan(&there); err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	if there {
		return ErrLarge
	}
	for _, step := range []struct {
		what string
		n    int
		each int
		sql  []string
	}{
		{"artisans", s.Artisans, perStep, artisans}, {"products", s.Products, perStep, products}, {"orders", s.Orders, perStep / 2, orders},
		{"audit rows", s.Audit, perStep, audit}, {"weeks of visits", 156, 156, visits},
	} {
		for from := 1; from <= step.n; from += step.each {
			to := min(from+step.each-1, step.n)
			err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return write(ctx, tx, step.sql, from, to, s, now) })
			if err != nil {
				return fmt.Errorf("scale: %s %d to %d: %w", step.what, from, to, err)
			}
			say(fmt.Sprintf("%d of %d %s", to, step.n, step.what))
		}
	}
	if err := cards(ctx, pool, say); err != nil {
		return err
	}
	// The planner knows nothing of what was just written.
	if _, err := pool.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return fmt.Errorf("scale: analyze: %w", err)
	}
	return nil
}

// write runs statements on the rows from one number to another. Their names stand
// for what is the same in all.
func write(ctx context.Context, tx pgx.Tx, statements []string, from, to int, s Size, now time.Time) error {
	// Large steps take longer than a page may.
	if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '10min'`); err != nil {
		return err
	}
	fill := strings.NewReplacer(":from", fmt.Sprint(from), ":to", fmt.Sprint(to), ":artisans", fmt.Sprint(s.Artisans), ":products", fmt.Sprint(s.Products),
		":orders", fmt.Sprint(s.Orders), ":now", "'"+now.UTC().Format(time.RFC3339)+"'::timestamptz")
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, fill.Replace(sql)); err != nil {
			return err
		}
	}
	return nil
}

// cards has the rooms make the cards of all that is on sale.
func cards(ctx context.Context, pool *pgxpool.Pool, say func(string)) error {
	rows, err := pool.Query(ctx, `SELECT p.id FROM products p WHERE p.state = 'on_sale' AND p.slug LIKE 'piece-%' ORDER BY p.id`)
	if err != nil {
		return fmt.Errorf("scale: cards: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[catalog.ProductID])
	if err != nil {
		return fmt.Errorf("scale: cards: %w", err)
	}
	const each = 5000
	for from := 0; from < len(ids); from += each {
		part := ids[from:min(from+each, len(ids))]
		if err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return catalog.Refresh(ctx, tx, part) }); err != nil {
			return fmt.Errorf("scale: cards: %w", err)
		}
		say(fmt.Sprintf("%d of %d cards", from+len(part), len(ids)))
	}
	return nil
}

// The statements. Every row has a number i; what it is made of follows from it.

var artisans = []string{`
	INSERT INTO artisans (slug, trade_id, quarter_id, state, name, name_ar, gender, bio, written_in, speaks, years_of_craft, phone, register_number, joined)
	SELECT 'workshop-' || i, t.ids[1 + i % cardinality(t.ids)], q.ids[1 + i % cardinality(q.ids)],
	       CASE WHEN i % 50 = 0 THEN 'invited' WHEN i % 97 = 0 THEN 'left' ELSE 'active' END,
	       f.first[1 + i % 20] || ' ' || f.last[1 + i / 20 % 20] || ' ' || i, 'صانع ' || i, CASE WHEN i % 2 = 0 THEN 'f' ELSE 'm' END,
	       jsonb_build_object('fr', 'Atelier inventé numéro ' || i || '.'), 'fr', '{ar,fr}', i % 60, '+2126' || lpad(i::text, 8, '0'), 'RNA-' || i,
	       (:now - (i % 3000) * interval '1 day')::date
	FROM generate_series(:from, :to) AS i,
	     (SELECT array_agg(id ORDER BY id) AS ids FROM trades) AS t,
	     (SELECT array_agg(id ORDER BY id) AS ids FROM quarters) AS q,
	     (SELECT '{Ahmed,Fatima,Hassan,Khadija,Omar,Aicha,Youssef,Zineb,Said,Nadia,Karim,Rachida,Driss,Samira,Jamal,Latifa,Mustapha,Halima,Brahim,Naima}'::text[] AS first,
	             '{Alami,Bennis,Chaoui,Daoudi,Elidrissi,Fassi,Ghazi,Haddad,Idrissi,Jabri,Kadiri,Lahlou,Mansouri,Naciri,Ouazzani,Rami,Sabri,Tazi,Wahbi,Ziani}'::text[] AS last) AS f`,
}

var products = []string{`
	INSERT INTO products (slug, artisan_id, trade_id, kind_id, state, created_at)
	SELECT 'piece-' || i, a.id, a.trade_id, k.id, 'draft', :now - (i % 1000) * interval '1 day'
	FROM generate_series(:from, :to) AS i
	JOIN artisans a ON a.slug = 'workshop-' || (1 + i % :artisans)
	JOIN LATERAL (
		SELECT k.id FROM kinds k JOIN kind_trades kt ON kt.kind_id = k.id
		WHERE kt.trade_id = a.trade_id ORDER BY (k.id + i) % 7, k.id LIMIT 1) AS k ON true`, `
	INSERT INTO revisions (product_id, number, state, title, description, written_in, length_mm, width_mm, weight_g, packed_weight_g, making_minutes, hs_code,
		created_at, submitted_at, decided_at)
	SELECT p.id, 1, CASE WHEN n.i % 50 = 0 THEN 'submitted' ELSE 'approved' END,
	       jsonb_build_object('fr', w.fr[1 + n.i % 12] || ' numéro ' || n.i, 'en', w.en[1 + n.i % 12] || ' number ' || n.i,
	                          'es', w.es[1 + n.i % 12] || ' número ' || n.i, 'ar', w.ar[1 + n.i % 12] || ' رقم ' || n.i),
	       jsonb_build_object('fr', 'Pièce inventée, pour voir comment le marché se tient quand il est grand.'), 'fr', 300 + n.i % 900, 200 + n.i % 500,
	       200 + n.i % 4000, 300 + n.i % 4000, 60 + n.i % 3000, '6301.20', p.created_at, p.created_at, CASE WHEN n.i % 50 = 0 THEN NULL ELSE p.created_at END
	FROM generate_series(:from, :to) AS n (i)
	JOIN products p ON p.slug = 'piece-' || n.i,
	     (SELECT '{Blanket,Bowl,Lantern,Tray,Slipper,Basket,Kilim,Jar,Mirror,Chest,Cushion,Hat}'::text[] AS en,
	             '{Couverture,Bol,Lanterne,Plateau,Babouche,Panier,Kilim,Jarre,Miroir,Coffre,Coussin,Chapeau}'::text[] AS fr,
	             '{Manta,Cuenco,Farol,Bandeja,Babucha,Cesta,Kilim,Tinaja,Espejo,Cofre,Cojín,Sombrero}'::text[] AS es,
	             '{غطاء,وعاء,فانوس,صينية,بلغة,سلة,كليم,جرة,مرآة,صندوق,وسادة,شاشية}'::text[] AS ar) AS w`, `
	INSERT INTO revision_terms (revision_id, term_id, sort)
	SELECT r.id, t.ids[1 + n.i % cardinality(t.ids)], 1
	FROM generate_series(:from, :to) AS n (i)
	JOIN products p ON p.slug = 'piece-' || n.i
	JOIN revisions r ON r.product_id = p.id,
	     (SELECT array_agg(id ORDER BY id) AS ids FROM terms WHERE vocabulary = 'material') AS t`, `
	INSERT INTO revision_pictures (revision_id, position, picture_id)
	SELECT r.id, 1, x.ids[1 + n.i % cardinality(x.ids)]
	FROM generate_series(:from, :to) AS n (i)
	JOIN products p ON p.slug = 'piece-' || n.i
	JOIN revisions r ON r.product_id = p.id,
	     (SELECT array_agg(id ORDER BY id) AS ids FROM (SELECT id FROM pictures ORDER BY id LIMIT 200) AS few) AS x`, `
	INSERT INTO variants (product_id, sku, price_minor, stocked, on_hand, sort)
	SELECT p.id, 'SC-' || n.i, 5000 + n.i % 4000 * 100, true, CASE WHEN n.i % 9 = 0 THEN 0 ELSE 1 + n.i % 5 END, 1
	FROM generate_series(:from, :to) AS n (i)
	JOIN products p ON p.slug = 'piece-' || n.i`, `
	UPDATE products p
	SET state = 'on_sale', live_id = r.id, published_at = p.created_at
	FROM revisions r
	WHERE r.product_id = p.id AND r.state = 'approved' AND p.state = 'draft' AND p.slug LIKE 'piece-%'`,
}

// An order of one line or two, most of them long completed; the youngest are on
// their way through the office.
var orders = []string{`
	CREATE TEMPORARY TABLE placed ON COMMIT DROP AS
	SELECT i, c.chars[1 + i / 32 / 32 / 32 / 32 % 32] || c.chars[1 + i / 32 / 32 / 32 % 32 ] || '-' || c.chars[1 + i * 7 % 32] || c.chars[1 + i / 32 % 32]
	          || c.chars[1 + i / 32 / 32 % 32] || c.chars[1 + i % 32] AS number,
	       translate(substr(md5(i::text || 'order'), 1, 26), '0189', 'wxyz') AS token, translate(substr(md5(i::text || 'pay'), 1, 26), '0189', 'wxyz') AS pay_token,
	       :now - make_interval(mins => ((:orders - i)::bigint * 1576800 / :orders)::int) AS at,
	       CASE WHEN i % 11 = 0 THEN 'expired' WHEN i > :orders - :orders / 200 THEN 'paid' ELSE 'completed' END AS state,
	       (ARRAY['MA', 'FR', 'ES', 'DE', 'GB', 'US', 'FR', 'ES'])[1 + i % 8] AS country, 1 + i % 2 AS lines
	FROM generate_series(:from, :to) AS i, (SELECT string_to_array('0,1,2,3,4,5,6,7,8,9,A,B,C,D,E,F,G,H,J,K,M,N,P,Q,R,S,T,V,W,X,Y,Z', ',') AS chars) AS c`, `
	CREATE TEMPORARY TABLE sold ON COMMIT DROP AS
	SELECT o.i, o.number, o.at, o.state, n AS position, v.id AS variant_id, v.sku, p.slug, r.title, p.artisan_id, p.trade_id, a.slug AS maker, v.price_minor AS price,
	       r.packed_weight_g AS weight, v.price_minor / 10 AS commission
	FROM placed o
	CROSS JOIN LATERAL generate_series(1, o.lines) AS n
	JOIN products p ON p.slug = 'piece-' || (1 + (o.i::bigint * 31 + n * 7919) % :products)
	JOIN revisions r ON r.product_id = p.id AND r.number = 1
	JOIN variants v ON v.product_id = p.id
	JOIN artisans a ON a.id = p.artisan_id`, `
	CREATE INDEX ON sold (i)`, `
	ANALYZE placed, sold`, `
	INSERT INTO orders (number, token, place_key, cart_key, state, language, pieces_minor, postage_minor, total_minor, name, email, phone, delivery, country, address,
		carrier, weight_g, method, arrives_by, pay_by, placed_at, paid_at, paid_on)
	SELECT o.number, o.token, sha256(o.token::bytea), sha256(('cart' || o.i % 100000)::bytea), o.state, 'fr', s.sum, 15000, s.sum + 15000,
	       'Buyer ' || o.i, 'buyer' || o.i || '@example.com', '+336' || lpad(o.i::text, 8, '0'), 'post', o.country,
	       '{"line1": "1 rue", "landmark": "", "city": "Ville", "region": "", "postcode": "10000"}', 'Amana International', s.weight, 'card',
	       (o.at + interval '20 days')::date, o.at + interval '45 minutes', o.at, CASE WHEN o.state <> 'expired' THEN o.at + interval '3 minutes' END,
	       CASE WHEN o.state <> 'expired' THEN ((o.at + interval '3 minutes') AT TIME ZONE (SELECT timezone FROM union_profile))::date END
	FROM placed o
	JOIN (SELECT i, sum(price) AS sum, sum(weight) AS weight FROM sold GROUP BY i) AS s ON s.i = o.i`, `
	INSERT INTO fulfilments (order_id, artisan_id, state, prepare_by, handed_in_at)
	SELECT o.id, s.artisan_id, CASE s.state WHEN 'completed' THEN 'handed_in' WHEN 'paid' THEN CASE WHEN s.i % 3 = 0 THEN 'to_prepare' ELSE 'handed_in' END ELSE 'cancelled' END,
	       (s.at + interval '3 days')::date, CASE WHEN s.state = 'completed' OR s.state = 'paid' AND s.i % 3 <> 0 THEN s.at + interval '2 days' END
	FROM (SELECT DISTINCT i, number, artisan_id, state, at FROM sold) AS s
	JOIN orders o ON o.number = s.number`, `
	INSERT INTO order_lines (order_id, fulfilment_id, variant_id, position, sku, slug, title, options, quantity, unit_minor, total_minor, commission_bp, commission_minor,
		artisan_minor, weight_g, hs_code, trade_id)
	SELECT o.id, f.id, s.variant_id, s.position, s.sku, s.slug, s.title, '[]', 1, s.price, s.price, 1000, s.commission, s.price - s.commission, s.weight, '6301.20', s.trade_id
	FROM sold s
	JOIN orders o ON o.number = s.number
	JOIN fulfilments f ON f.order_id = o.id AND f.artisan_id = s.artisan_id`, `
	INSERT INTO daily_sales (day, trade_id, country, orders, pieces, sum_minor)
	SELECT o.paid_on, s.trade_id, coalesce(o.country, ''), count(*) FILTER (WHERE s.position = 1), count(*), sum(s.price)
	FROM sold s
	JOIN orders o ON o.number = s.number
	WHERE o.paid_on IS NOT NULL
	GROUP BY 1, 2, 3`, `
	INSERT INTO order_events (order_id, at, kind)
	SELECT o.id, p.at, e.kind
	FROM placed p
	JOIN orders o ON o.number = p.number
	CROSS JOIN LATERAL (VALUES ('placed'), (CASE WHEN p.state = 'expired' THEN 'expired' ELSE 'paid' END)) AS e (kind)`, `
	INSERT INTO payments (order_id, token, provider, state, ref, amount_minor, expires_at, created_at, paid_at)
	SELECT o.id, p.pay_token, 'stripe', CASE WHEN p.state = 'expired' THEN 'expired' ELSE 'paid' END, 'cs_scale_' || p.i, o.total_minor, p.at + interval '45 minutes', p.at,
	       CASE WHEN p.state <> 'expired' THEN p.at + interval '3 minutes' END
	FROM placed p
	JOIN orders o ON o.number = p.number`, `
	INSERT INTO shipments (order_id, state, began_at, weight_g, packed_at, carrier, tracking, shipped_at, delivered_at)
	SELECT o.id, CASE WHEN p.state = 'completed' THEN 'delivered' ELSE 'packing' END, p.at + interval '2 days',
	       CASE WHEN p.state = 'completed' THEN o.weight_g END, CASE WHEN p.state = 'completed' THEN p.at + interval '3 days' END,
	       CASE WHEN p.state = 'completed' THEN 'Amana International' ELSE '' END, CASE WHEN p.state = 'completed' THEN 'RR' || p.i || 'MA' ELSE '' END,
	       CASE WHEN p.state = 'completed' THEN p.at + interval '4 days' END, CASE WHEN p.state = 'completed' THEN p.at + interval '12 days' END
	FROM placed p
	JOIN orders o ON o.number = p.number
	WHERE p.state = 'completed' OR p.state = 'paid' AND p.i % 3 <> 0`, `
	INSERT INTO ledger_accounts (code, kind)
	SELECT DISTINCT 'artisan:' || maker, 'liability' FROM sold
	UNION SELECT 'stripe', 'asset' UNION SELECT 'commission', 'income' UNION SELECT 'postage', 'income'
	ON CONFLICT DO NOTHING`, `
	INSERT INTO ledger_transactions (key, kind, reference, at)
	SELECT 'payment/' || p.pay_token, 'payment', p.number, p.at FROM placed p WHERE p.state <> 'expired'`, `
	INSERT INTO ledger_postings (transaction_id, position, account, amount_minor, note)
	SELECT t.id, row_number() OVER (PARTITION BY t.id), e.account, e.amount, e.note
	FROM placed p
	JOIN ledger_transactions t ON t.key = 'payment/' || p.pay_token
	JOIN orders o ON o.number = p.number
	CROSS JOIN LATERAL (
		SELECT 'stripe' AS account, o.total_minor AS amount, '' AS note
		UNION ALL SELECT 'postage', -o.postage_minor, ''
		UNION ALL SELECT 'artisan:' || s.maker, -(s.price - s.commission), s.sku FROM sold s WHERE s.i = p.i
		UNION ALL SELECT 'commission', -s.commission, s.sku FROM sold s WHERE s.i = p.i) AS e`,
}

// Three years of views, more of them as the market has more pieces.
var visits = []string{`
	INSERT INTO visits (day, kind, views, arrivals)
	SELECT :now::date - i * 7 - d, k.kind, :products * k.share / 100 + (i * 31 + d * 7) % 50 + 60, :products * k.share / 400 + 20
	FROM generate_series(:from, :to) AS i, generate_series(0, 6) AS d,
	     (VALUES ('home', 4), ('list', 12), ('product', 20), ('artisan', 5), ('trade', 3), ('union', 1), ('text', 1)) AS k (kind, share)
	ON CONFLICT (day, kind) DO NOTHING`, `
	INSERT INTO page_views (week, kind, subject, views)
	SELECT date_trunc('week', :now - i * interval '7 days')::date, 'product', 'piece-' || (1 + (i * 7919 + n * 31) % :products), 1 + n % 40
	FROM generate_series(:from, :to) AS i, generate_series(1, least(2000, :products)) AS n
	ON CONFLICT DO NOTHING`, `
	UPDATE variants SET sold_out_at = :now - (id % 700) * interval '1 day' WHERE stocked AND on_hand = 0 AND sku LIKE 'SC-%'`,
}

// The audit's chain is made after its rows and not by the trigger, row by row as
// each transaction ends: the same chain in a third of the time.
var audit = []string{`
	ALTER TABLE audit DISABLE TRIGGER audit_is_chained`, `
	INSERT INTO audit (at, account_id, action, subject, before, after)
	SELECT :now - (3000000 - i) * interval '31 seconds', CASE WHEN i % 5 = 0 THEN NULL ELSE acc.ids[1 + i % cardinality(acc.ids)] END,
	       (ARRAY['revision.approved', 'fulfilment.handed_in', 'shipment.packed', 'shipment.shipped', 'shipment.delivered', 'artisan.invited', 'review.shown'])[1 + i % 7],
	       'order:' || (1 + i % :orders), '{"state": "before"}', '{"state": "after"}'
	FROM generate_series(:from, :to) AS i, (SELECT array_agg(id ORDER BY id) AS ids FROM accounts) AS acc`, `
	DO $$
	DECLARE
		last audit_chain;
		u audit;
	BEGIN
		SELECT * INTO last FROM audit_chain ORDER BY place DESC LIMIT 1;
		FOR u IN SELECT * FROM audit WHERE id > (SELECT coalesce(max(audit_id), 0) FROM audit_chain) ORDER BY id LOOP
			last.place := coalesce(last.place, 0) + 1;
			last.hash := sha256(coalesce(last.hash, ''::bytea) || convert_to(audit_text(u), 'UTF8'));
			INSERT INTO audit_chain (place, audit_id, hash) VALUES (last.place, u.id, last.hash);
		END LOOP;
	END
	$$`, `
	ALTER TABLE audit ENABLE TRIGGER audit_is_chained`,
}
