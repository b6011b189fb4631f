package rules

import (
	"go/ast"
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// outsider is a package that is not ours and may be imported in few places only.
type outsider struct {
	path string   // and everything below it
	in   []string // places, as in rule
	why  string
}

var outsiders = []outsider{
	{"github.com/emersion/go-smtp", []string{"relay/listener", "internal/testserver/..."},
		"the protocol library stays at its edge, where each of its traps has its guard"},
	{"github.com/emersion/go-imap", []string{"bridge/imapstore", "internal/testserver/..."},
		"the protocol library stays at its edge, where each of its traps has its guard"},
	{"github.com/emersion/go-webdav", []string{"bridge/davstore", "internal/testserver/..."},
		"the protocol library stays at its edge, where each of its traps has its guard"},
	{"github.com/emersion/go-msgauth", []string{"relay/sendercheck"},
		"what it finds becomes facts; seals are made by relay/arc"},
	{"blitiri.com.ar/go/spf", []string{"relay/sendercheck"},
		"what it finds becomes facts"},
	{"database/sql", []string{"ledger/sqlite", "ledger/postgres"},
		"no driver idiom outside the package of its driver"},
	{"modernc.org/sqlite", []string{"ledger/sqlite"},
		"no driver idiom outside the package of its driver"},
	{"github.com/coreos/go-systemd", []string{"systemd"},
		"package systemd is everything that posthouse shares with the service manager"},
	{"github.com/spf13", []string{"internal/cli"},
		"only the command line knows that there is one"},
	{"testing", []string{"ledger/ledgertest", "bridge/storetest", "test/..."},
		"what the product imports must not drag the test flags in; conformance suites are imported by tests only"},
	{"os/exec", []string{"evidence/logtail", "internal/cli", "internal/demo", "test/..."},
		"there are no hook programs: the service starts nothing but systemd's own journalctl, and that where a journal is configured; the demonstration starts posthouse itself"},
	{"log", []string{"internal/control", "internal/web"},
		"the logger is injected, a logrus.FieldLogger; only net/http takes nothing but its own kind"},
	{"C", nil, "one static binary"},
	{"plugin", nil, "one static binary"},
}

func TestOutsidersStayAtTheirEdge(t *testing.T) {
	for _, s := range sources(t, house(), parser.ImportsOnly) {
		if s.test {
			continue
		}
		for _, imported := range s.imports() {
			for _, o := range outsiders {
				if under(o.path, imported) && !allowed(o.in, s.folder) {
					t.Errorf("%s: must not import %s: %s", s.path(), imported, o.why)
				}
			}
		}
	}
}

// Pure packages are values in, values out. What reads or writes anything outside the process, or logs, is not for them (net/mail and
// net/netip are parsers, and fine; publicsuffix is a table).
func TestPurePackages(t *testing.T) {
	pure := []string{"cutover", "evidence", "evidence/book", "ledger", "relay/srs", "relay/arc"}
	impure := []string{"os", "io/ioutil", "net", "net/http", "net/smtp", "syscall", "log", "log/slog", "database/sql", "math/rand", "math/rand/v2", "runtime"}
	for _, s := range sources(t, house(), parser.ImportsOnly) {
		if s.test || !slices.Contains(pure, s.folder) {
			continue
		}
		for _, imported := range s.imports() {
			outside := strings.Contains(strings.Split(imported, "/")[0], ".") && imported != "golang.org/x/net/publicsuffix"
			if outside || slices.Contains(impure, imported) {
				t.Errorf("%s: must not import %s: package %s is pure, with the standard library's pure parts only", s.path(), imported, s.folder)
			}
		}
	}
}

// What runs by schedule takes the time from a clock.Clock or as a parameter: else the demonstration's days would last days, and a
// test of a retry after five hours would take them.
func TestSchedulesAskTheClock(t *testing.T) {
	scheduled := []string{"cutover", "evidence", "evidence/book", "evidence/logtail", "ledger", "relay", "relay/srs", "relay/arc", "bridge", "internal/pace"}
	direct := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	for _, s := range sources(t, house(), parser.SkipObjectResolution) {
		if s.test || !slices.Contains(scheduled, s.folder) {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" && slices.Contains(direct, sel.Sel.Name) {
					t.Errorf("%s: time.%s: schedules here take the time from a clock.Clock or as a parameter", s.at(n), sel.Sel.Name)
				}
			}
			return true
		})
	}
}
