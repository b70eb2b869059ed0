package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the rooms of the house from top to bottom. A room may import only
// what lies on a lower floor: never its own floor, and never upwards.
var floors = [][]string{
	{"cmd/kissaria", "internal/embedded/with"},
	{"internal/demo", "internal/demo/scale"},
	{"internal/web/shop", "internal/web/studio", "internal/web/admin", "internal/web/account"},
	{"internal/web"},
	{"internal/membership"},
	{"internal/checkout", "internal/moderation", "internal/review", "internal/settings", "internal/mark"},
	{"internal/payment"},
	{"internal/payment/sandbox"},
	{"internal/cart", "internal/order"},
	{"internal/catalog", "internal/ledger", "internal/shipping", "internal/training"},
	{"internal/union"},
	{"internal/identity", "internal/media", "internal/mail", "internal/page", "internal/visit"},
	{"internal/view"},
	{"internal/postgres/pgtest"},
	{"internal/postgres", "internal/lang", "internal/embedded"},
	{"internal/fault", "internal/money"},
	{"assets", "migrations", "templates"},
}

// doors say by which rooms a library of others comes in. pgx is wherever SQL
// is, and the queue wherever there are jobs.
var doors = map[string][]string{
	"github.com/gin-gonic/gin":            {"cmd/kissaria", "internal/web", "internal/web/shop", "internal/web/studio", "internal/web/admin", "internal/web/account"},
	"github.com/stripe/stripe-go":         {"internal/payment"},
	"github.com/disintegration/imaging":   {"internal/media"},
	"github.com/gen2brain/webp":           {"internal/media"},
	"golang.org/x/image":                  {"internal/media"},
	"github.com/minio/minio-go":           {"internal/media"},
	"github.com/redis/go-redis":           {"cmd/kissaria", "internal/cart", "internal/web"},
	"github.com/pressly/goose":            {"internal/postgres"},
	"github.com/wneessen/go-mail":         {"internal/mail"},
	"github.com/evanw/esbuild":            {"internal/web"},
	"github.com/go-webauthn/webauthn":     {"internal/identity"},
	"github.com/tus/tusd":                 {"internal/media", "internal/web/studio"},
	"golang.org/x/exp/slog":               {"internal/web/studio"},
	"github.com/pquerna/otp":              {"internal/identity"},
	"github.com/yuin/goldmark":            {"internal/page"},
	"github.com/microcosm-cc/bluemonday":  {"internal/page"},
	"rsc.io/qr":                           {"internal/web"},
	"github.com/andybalholm/brotli":       {"internal/web"},
	"github.com/caarlos0/env":             {"cmd/kissaria"},
	"github.com/prometheus/client_golang": {"cmd/kissaria", "internal/web"},
	"github.com/bojanz/currency":          {"internal/lang"},
	"golang.org/x/text/language":          {"internal/lang"},
	"golang.org/x/text/collate":           {"internal/lang"},
	"golang.org/x/crypto/argon2":          {"internal/identity"},
	"github.com/riverqueue/river":         {"cmd/kissaria", "internal/checkout", "internal/mail", "internal/mark", "internal/media", "internal/membership", "internal/postgres", "internal/settings"},
	"github.com/jackc/pgx/v5/stdlib":      {"internal/postgres"},
}

const module = "kissaria.ma/"

// sources parses the Go files of the module that are not tests, by package.
func sources(t *testing.T, mode parser.Mode) map[string][]*ast.File {
	t.Helper()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if d.IsDir() && (rel == "build" || rel == "var" || strings.HasPrefix(d.Name(), ".") && rel != "../..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		packages[dir] = append(packages[dir], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func floorOf(room string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, room) })
}

func TestGuardImportsOnlyLeadDown(t *testing.T) {
	packages := sources(t, parser.ImportsOnly)
	if len(packages) < 20 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for room, files := range packages {
		floor := floorOf(room)
		if floor < 0 {
			t.Errorf("%s is on no floor: give it one here and in docs/architecture.md", room)
			continue
		}
		for _, f := range files {
			for _, spec := range f.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if inner, ok := strings.CutPrefix(path, module); ok {
					if to := floorOf(inner); to <= floor {
						t.Errorf("%s imports %s, which is not below it. What is needed upward travels as data: "+
							"pass a value, a reference text or a func", room, inner)
					}
					continue
				}
				if floor == floorOf("internal/money") && strings.Contains(path, ".") {
					t.Errorf("%s imports %s, but stands on the standard library alone", room, path)
				}
				if room == "internal/payment/sandbox" && strings.Contains(path, ".") {
					t.Errorf("%s imports %s, but is to stand on its own, as Stripe does", room, path)
				}
				for library, rooms := range doors {
					if (path == library || strings.HasPrefix(path, library+"/")) && !slices.Contains(rooms, room) {
						t.Errorf("%s imports %s, which enters by %v alone: ask one of those, or open a door here and say why in docs/dependencies.md",
							room, path, rooms)
					}
				}
			}
		}
	}
}

// Only cmd/kissaria knows the environment; the rooms are given values.
func TestGuardEnvironmentIsReadInOnePlace(t *testing.T) {
	for room, files := range sources(t, 0) {
		if room == "cmd/kissaria" || room == "internal/postgres/pgtest" || room == "internal/embedded/with" {
			continue // The last two serve tests.
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" && (s.Sel.Name == "Getenv" || s.Sel.Name == "LookupEnv" || s.Sel.Name == "Environ") {
					t.Errorf("%s reads the environment with os.%s: take a value instead", room, s.Sel.Name)
				}
				return true
			})
		}
	}
}

var (
	ownedBy     = regexp.MustCompile(`Owned by (internal/[a-z/]+)\.`)
	createTable = regexp.MustCompile(`(?m)^CREATE TABLE ([a-z_]+)`)
	exception   = regexp.MustCompile(`COMMENT ON TABLE ([a-z_]+) IS '[^']*owned by (internal/[a-z/]+)`)
	writes      = regexp.MustCompile(`(?i)\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?)\s+([a-z_]+)`)
)

// owners reads from the migrations which package writes which table.
func owners(t *testing.T) map[string]string {
	t.Helper()
	owner := map[string]string{}
	names, err := filepath.Glob("../../migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tables := createTable.FindAllStringSubmatch(string(b), -1)
		m := ownedBy.FindStringSubmatch(string(b))
		if m == nil {
			if len(tables) > 0 {
				t.Errorf("%s does not say which package owns its tables", name)
			}
			continue
		}
		for _, table := range tables {
			owner[table[1]] = m[1]
		}
		for _, e := range exception.FindAllStringSubmatch(string(b), -1) {
			owner[e[1]] = e[2]
		}
	}
	return owner
}

func TestGuardEachTableIsWrittenByItsOwner(t *testing.T) {
	owner := owners(t)
	written := map[string]bool{}
	for room, files := range sources(t, 0) {
		if room == "internal/demo/scale" {
			continue // It makes millions of rows to measure with, and never runs in a market that is used.
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				for _, m := range writes.FindAllStringSubmatch(lit.Value, -1) {
					table := m[1]
					who, known := owner[table]
					if !known {
						continue // Words that only look like SQL, or an alias.
					}
					written[table] = true
					if who != room {
						t.Errorf("%s writes %s, which %s owns: add a function there and call it", room, table, who)
					}
				}
				return true
			})
		}
	}
	for _, table := range slices.Sorted(maps.Keys(owner)) {
		if !written[table] && table != "former_slugs" && table != "audit_chain" { // Written once addresses can be changed, and by a trigger.
			t.Errorf("nobody writes %s", table)
		}
	}
}
