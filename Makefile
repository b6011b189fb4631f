# posthouse. "make demo" and "make test" need nothing but Go and, for the first time, a network: they set up the rest.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: build build-arm64 demo simulate test check vet staticcheck format rules race bench fuzz lab soak install uninstall clean help

GO      ?= $(shell command -v go || echo /usr/local/go/bin/go)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'

# Debian's packages for the tests against real servers, and for the race detector.
NEIGHBOURS := dovecot-imapd dovecot-lmtpd dovecot-sieve postfix postsrsd haproxy nsd python3-dkim python3-authheaders python3-spf libmail-dkim-perl strace swaks msmtp curl radicale xandikos systemd-journal-remote
UNPACKED   := cyrus-imapd cyrus-caldav courier-imap exim4-daemon-light opensmtpd
COMPILER   := gcc libc6-dev

# The unit tier: everything but the tests that run the whole service, or play whole cutovers.
UNIT = $(shell $(GO) list ./... | grep -v -e /internal/daemon$$ -e /test/e2e$$)

# Root has the neighbours, so none of their tests may be skipped.
REQUIRED = $(if $(filter 0,$(shell id -u)),required)

DESTDIR ?=
PREFIX  ?= /usr
BINDIR   = $(PREFIX)/bin
UNITDIR  = $(PREFIX)/lib/systemd/system
USERDIR  = $(PREFIX)/lib/sysusers.d
CONFDIR ?= /etc/posthouse

build: ## build ./posthouse, one static binary
	$(BUILD) -o posthouse .

build-arm64: ## build dist/posthouse-linux-arm64
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/posthouse-linux-arm64 .

demo: build ## a whole cutover on embedded servers: loopback only, no root, ends by itself
	./posthouse demo $(DEMO)

simulate: ## the verdict tried on a thousand made-up moves of 150 and of 400 senders, for docs/verdict.md: some ten minutes on two cores (SIMULATE="-runs 100" for less)
	$(GO) run ./test/simulate $(SIMULATE)

test: ## every test; as root gets the neighbours (Dovecot, Postfix, Cyrus, Courier …) and demands them, else names what is skipped
	@test/debian-packages.sh $(NEIGHBOURS)
	@test/debian-unpacked.sh $(UNPACKED)
	POSTHOUSE_NEIGHBOURS=$(REQUIRED) $(GO) test -json -count=1 -timeout 15m -p 4 ./... | $(GO) run ./test/report

check: vet staticcheck format rules race test ## all of it: vet, staticcheck, gofmt, import rules, race detector three times over, make test

vet:
	$(GO) vet ./...
	$(GO) vet -tags soak ./test/e2e

staticcheck:
	$(GO) tool staticcheck ./...

format:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }

rules:
	$(GO) test -count=1 ./test/rules

race: ## the unit tier under the race detector, three times over, then the whole service once
	@test/debian-packages.sh $(COMPILER)
	CGO_ENABLED=1 $(GO) test -json -race -short -count=3 -timeout 90m -p 2 $(UNIT) | $(GO) run ./test/report
	CGO_ENABLED=1 $(GO) test -json -race -short -count=1 -timeout 90m ./internal/daemon | $(GO) run ./test/report

bench: ## our own benchmarks
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m -p 1 ./...

lab: build ## quick rounds beside Postfix, by a lab of peers in LAB_DIR with its program LAB and its folder LAB_STATE
	@if [ -x "$(LAB_DIR)/smtp-rounds.sh" ] && [ -n "$(LAB)" ] && [ -n "$(LAB_STATE)" ]; then \
		LAB="$(LAB)" LAB_STATE="$(LAB_STATE)" LAB_PEERS=$(CURDIR)/test/lab "$(LAB_DIR)/smtp-rounds.sh" 3 "$(LAB_STATE)/rounds.jsonl" \
			"postfix=/usr/sbin/postfix posthouse=$(CURDIR)/posthouse" && "$(LAB)" summary <"$(LAB_STATE)/rounds.jsonl"; \
	else echo "No lab here: name LAB_DIR, LAB and LAB_STATE."; fi

soak: ## users, kills, restarts and cut lines for SOAK (1h); ends with what the daemon used, and fails if anything is lost or doubled
	@test/debian-packages.sh $(NEIGHBOURS)
	POSTHOUSE_NEIGHBOURS=$(REQUIRED) SOAK=$(or $(SOAK),1h) $(GO) test -count=1 -tags soak -timeout 0 -v -run '^TestSoak$$' ./test/e2e

fuzz: ## every fuzz target for FUZZTIME (20s)
	@for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' $$file); do \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),20s) -fuzzminimizetime 100x "./$$(dirname $$file)"; \
		done; \
	done

install: build ## install binary, units and user; nothing is enabled or started
	install -D -m 0755 posthouse $(DESTDIR)$(BINDIR)/posthouse
	install -d -m 0755 $(DESTDIR)$(UNITDIR) $(DESTDIR)$(CONFDIR)
	for unit in posthouse.service posthouse-mx.socket posthouse-submission.socket posthouse-submissions.socket; do \
		sed 's|/usr/bin/posthouse|$(BINDIR)/posthouse|' systemd/units/$$unit > $(DESTDIR)$(UNITDIR)/$$unit; \
		chmod 0644 $(DESTDIR)$(UNITDIR)/$$unit; \
	done
	install -D -m 0644 systemd/units/posthouse.sysusers $(DESTDIR)$(USERDIR)/posthouse.conf
	@if [ -z "$(DESTDIR)" ]; then systemd-sysusers posthouse.conf; [ ! -d /run/systemd/system ] || systemctl daemon-reload; fi
	@echo "Installed; nothing was started. Next: posthouse config example > $(CONFDIR)/posthouse.toml"

uninstall: ## remove what install put there; configuration and state folder stay
	rm -f $(DESTDIR)$(BINDIR)/posthouse $(DESTDIR)$(USERDIR)/posthouse.conf
	rm -f $(DESTDIR)$(UNITDIR)/posthouse.service $(DESTDIR)$(UNITDIR)/posthouse-{mx,submission,submissions}.socket

clean: ## remove what was built
	rm -rf posthouse dist

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do printf '%-18s %s\n' "$$target" "$$what"; done
