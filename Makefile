# Needs Go, git and a POSIX shell. What else is missing, scripts/install.sh gets,
# or says how to. The program's own settings are environment variables, and pass
# through: LISTEN=127.0.0.1:9000 make run

STRIPE_MOCK_VERSION = v0.203.0
STATICCHECK_VERSION = v0.8.2
SHARP_VERSION = 0.34.5

# Runs a command beside a PostgreSQL and a Redis that are there for it alone. It
# is built first, because `go run` would keep signals and exit statuses to itself.
WITH = build/bin/with

# Tools come here, and the tests find them here.
BIN = $(CURDIR)/build/bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: ## the market, from nothing; Ctrl-C stops it
	@scripts/install.sh run
	@$(MAKE) --no-print-directory build
	@exec build/kissaria serve

.PHONY: build
build: ## the program, as build/kissaria
	go build -trimpath -o build/kissaria ./cmd/kissaria

.PHONY: test
test: ## every test, with the race detector
	@scripts/install.sh test
	@$(MAKE) --no-print-directory $(WITH) build/bin/stripe-mock
	PATH="$(BIN):$$PATH" $(WITH) -- go test -race -timeout 60m ./...

# Tests called TestGuard... hold the layout: who imports whom, which package owns
# a table, that templates fit their types, that messages are whole in every
# language, that migrations apply to an empty database. For that last one they
# need PostgreSQL and Redis, but no browser.
.PHONY: lint
lint: build/bin/staticcheck ## gofmt, vet, staticcheck, and the tests that guard the layout
	@scripts/install.sh run
	@$(MAKE) --no-print-directory $(WITH)
	@unformatted=$$(find . -path ./build -prune -o -path ./var -prune -o -name '*.go' -exec gofmt -l {} +) && \
		if [ -n "$$unformatted" ]; then echo "gofmt would change:" && echo "$$unformatted" && exit 1; fi
	go vet ./...
	build/bin/staticcheck ./...
	$(WITH) -- go test -run '^TestGuard' ./...

.PHONY: check
check: ## lint and test: what must pass before a commit
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

.PHONY: bench
bench: ## every benchmark, with allocations; pictures beside sharp where there is npm
	@scripts/install.sh run
	@$(MAKE) --no-print-directory $(WITH) build/sharp/$(SHARP_VERSION)
	$(WITH) -- go test -run '^$$' -bench . -skip BenchmarkOffice -benchmem ./...
	@echo "bench: every page of the office, in a market of 100 000 products and 300 000 orders; making it takes some minutes"
	$(WITH) -- go test -run '^$$' -bench BenchmarkOffice -benchtime 5x -timeout 60m ./cmd/kissaria -scale 1

.PHONY: migration
migration: ## a new migration with the next number: make migration name=add_kilns
	@export LC_ALL=C; case "$${name-}" in \
		[a-z]*[!a-z0-9_]* | [!a-z]* | "") \
			echo "migration: it needs a name of small letters, digits and underscores, as in name=add_kilns" >&2; exit 1 ;; \
	esac; \
	mkdir -p migrations; \
	file=$$(ls migrations | awk -v name="$$name" '/^[0-9]+_.*\.sql$$/ && $$0 + 0 > last { last = $$0 + 0 } \
		END { printf "migrations/%04d_%s.sql", last + 1, name }'); \
	printf '%s\n' '-- +goose Up' >"$$file"; \
	echo "$$file"

.PHONY: clean
clean: ## remove build/; the market's data in var/ stays
	rm -rf build

.PHONY: $(WITH)
$(WITH):
	@go build -o $@ ./internal/embedded/with

# The versions above are what these are made from.
build/bin/stripe-mock: Makefile
	GOBIN="$(BIN)" go install github.com/stripe/stripe-mock@$(STRIPE_MOCK_VERSION)
	@touch $@

# sharp is what pictures are measured beside. Without npm they are measured alone.
build/sharp/$(SHARP_VERSION):
	@if command -v npm >/dev/null 2>&1; then \
		mkdir -p build/sharp && npm install --prefix build/sharp --no-audit --no-fund --no-save --no-package-lock sharp@$(SHARP_VERSION) && touch $@; \
	else echo "bench: no npm here, so that sharp is not measured"; fi

build/bin/staticcheck: Makefile
	GOBIN="$(BIN)" go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@touch $@
