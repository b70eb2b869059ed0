package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres/pgtest"
)

// A market is the whole program, running for one test on a database of its own.
type market struct {
	*app
	url  string
	logs *lockedBuffer
	dir  string
}

// lockedBuffer keeps what the program logs, for the test to read and to print
// when it fails.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const testKey = "a secret key for tests alone"

// originals is where the demo's pictures are taken in once, for all tests of
// the process; their rows come with every copy of the filled database.
var originals string

func TestMain(m *testing.M) {
	var err error
	if originals, err = os.MkdirTemp("", "kissaria-media-*"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(originals); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// openMarket starts the program on a copy of the demo market. Its pictures are
// taken in; unless paint is set they are not made, which would take a while.
func openMarket(t testing.TB, r roles, change ...func(*Config)) *market {
	t.Helper()
	pool := pgtest.Clone(t, "demo", func(ctx context.Context, pool *pgxpool.Pool) error {
		store, err := media.NewFolder(originals)
		if err != nil {
			return err
		}
		b := &base{pool: pool, store: store, log: slog.New(slog.DiscardHandler), config: Config{SecretKey: testKey, DemoDir: "../../assets/demo"}}
		jobs, err := b.insertOnly()
		if err != nil {
			return err
		}
		if _, err := b.fill(ctx, &media.Library{Pool: pool, Jobs: jobs, Store: store, Log: b.log}); err != nil {
			return err
		}
		// Each test asks for the pictures that it looks at.
		_, err = pool.Exec(ctx, `DELETE FROM river_job`)
		return err
	})
	return startMarket(t, pool, r, change...)
}

func startMarket(t testing.TB, pool *pgxpool.Pool, r roles, change ...func(*Config)) *market {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &market{logs: &lockedBuffer{}, dir: t.TempDir(), url: "http://" + listener.Addr().String()}
	c := Config{
		Listen: listener.Addr().String(), PublicURL: m.url, DataDir: m.dir, SecretKey: testKey, DatabaseURL: "used already",
		DatabaseConns: 12, PageCacheMB: 32, RedisURL: redisURL(t), RedisPrefix: rand.Text() + ":", MailFrom: "union@kissaria.example", LogLevel: "debug",
	}
	for _, fn := range change {
		fn(&c)
	}
	client, err := openRedis(c.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	store, err := media.NewFolder(originals)
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(c, m.logs)
	m.app, err = newApp(&base{config: c, log: log, pool: pool, redis: client, store: store}, r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.run(ctx, r, listener, io.Discard, time.Now()) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the market ended: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the market did not stop")
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the market's log:\n%s", tail(m.logs.String(), 8000))
		}
	})
	return m
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func redisURL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("TEST_REDIS_URL")
	if u == "" {
		t.Fatal("no TEST_REDIS_URL: run `make test`, or go run ./internal/embedded/with -- go test ./...")
	}
	if _, err := redis.ParseURL(u); err != nil {
		t.Fatal(err)
	}
	return u
}

// paint makes pictures: those of the front page, and every picture of the
// named products.
func (m *market) paint(t *testing.T, products ...string) {
	t.Helper()
	rows, err := m.pool.Query(t.Context(), `
		SELECT rp.picture_id FROM products p JOIN revision_pictures rp ON rp.revision_id = p.live_id WHERE p.slug = ANY ($1)
		UNION SELECT a.picture_id FROM products p JOIN artisans a ON a.id = p.artisan_id WHERE p.slug = ANY ($1)
		UNION SELECT cover FROM union_profile`, products)
	if err != nil {
		t.Fatal(err)
	}
	var ids []media.PictureID
	for rows.Next() {
		var id media.PictureID
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := m.library.Render(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// A visitor is a browser without script: it keeps cookies and follows no
// redirect by itself.
type visitor struct {
	t      testing.TB
	market *market
	client *http.Client
	accept string
	agent  string // User-Agent, Go's own where empty
}

func (m *market) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, market: m, accept: "text/html", client: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answer is a response, read.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil)
}

func (v *visitor) post(path string, form url.Values) answer {
	v.t.Helper()
	return v.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (v *visitor) send(method, path string, body io.Reader, change ...func(*http.Request)) answer {
	v.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = v.market.url + path
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, body)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept", v.accept)
	if v.agent != "" {
		req.Header.Set("User-Agent", v.agent)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, fn := range change {
		fn(req)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		v.t.Error(err)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b), res.Header.Get("Location")}
}

// eventually waits for something that a job does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it never came to be that %s", what)
}

// one reads a single value from the market's database.
func one[T any](t testing.TB, m *market, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := m.pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func mailsIn(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "mail", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
