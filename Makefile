# `make help` lists what there is. Nothing needs root, except that `deps`
# installs PostgreSQL's programs, Node and curl where a machine has none.

MAKEFLAGS += --no-print-directory

ROUNDS   ?= 15
FUZZTIME ?= 30s
# Flags for go test; CI asks for -count=1, by hand the cache is welcome.
TESTFLAGS ?=
# Packages whose point is what happens at the same time, and of the whole
# server's tests those in which callers meet: by name, since all would take long.
RACE  ?= $(wildcard internal/batch internal/pg internal/pglocal internal/ledger internal/tenant internal/event \
           internal/job internal/store internal/referral internal/leaderboard internal/webhook internal/httpapi internal/app internal/limit internal/person)
RACES ?= Oversold|SpentTwice|OneRefund|AtOnce|Twins|OneConversion|BudgetAndCap|CountedExactly|TakenBackOnce|RewardRaces|UnderRace|MarketplaceRace|WebhooksReach|WebhookGone

.DEFAULT_GOAL := help
.PHONY: help run test race lint generate generate-check build ci bench crash fuzz deps database clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: database build ## Start the server, with a PostgreSQL of its own unless INCENT_DATABASE_URL names one
	@exec .bin/incent serve

test: deps ## Run every test (TESTFLAGS=-count=1 to ignore cached results)
	go test $(TESTFLAGS) ./...

race: deps ## Run the concurrent packages again under the race detector (needs a C compiler)
	$(if $(RACE),go test -race $(TESTFLAGS) $(addprefix ./,$(addsuffix /...,$(RACE))))
	go test -race $(TESTFLAGS) -run '$(RACES)' ./internal/apptest

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $(wildcard cmd db gen internal)) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool -modfile=.tools/go.mod staticcheck ./...

generate: ## Write gen/ anew from openapi/ and db/
	@.tools/generate .

# Generates beside the tree and compares, so that a check never changes a file.
generate-check: ## Fail where gen/ is not what openapi/ and db/ generate
	@rm -rf .cache/generated && mkdir -p .cache/generated gen
	@cp -R sqlc.yaml $(wildcard openapi db) .cache/generated/
	@.tools/generate .cache/generated
	@mkdir -p .cache/generated/gen
	@diff -ru --exclude=sdk gen .cache/generated/gen || { echo "gen/ is stale: run make generate and commit it"; exit 1; }

build: ## Build .bin/incent
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o .bin/incent ./cmd/incent

ci: ## All that must hold before a merge
	@$(MAKE) deps
	@$(MAKE) generate-check
	@$(MAKE) lint
	@$(MAKE) test TESTFLAGS='-count=1 -timeout=20m'
	@$(MAKE) race TESTFLAGS='-count=1 -timeout=20m'
	@$(MAKE) build

bench: database build ## Measure, print one table and write it to README.md
	.bin/incent bench --scale --readme README.md

crash: database build ## Kill server and database at random under load, ROUNDS times, and audit the books
	.bin/incent crash --rounds $(ROUNDS)

fuzz: deps ## Fuzz every Fuzz function, each for FUZZTIME
	@.tools/fuzz $(FUZZTIME)

deps: ## Install what is missing to run and to test; does nothing where nothing is
	@.tools/deps

database: # The same, for what only runs the server
	@.tools/deps run

clean: ## Remove what was built; data (.incent) stays
	rm -rf .bin .cache
