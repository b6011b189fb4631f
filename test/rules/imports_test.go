package rules

import (
	"fmt"
	"go/parser"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// rule says what of our own the packages of one place may import. A place and an allowance name a package; with "/..." its subtree too.
type rule struct {
	place string
	may   []string
	why   string
}

var leaves = []string{"internal/clock", "internal/pace"}

// rules are tried from top to bottom; the first whose place fits counts.
var rules = []rule{
	{".", []string{"internal/cli"},
		"main hands os.Args to internal/cli and does nothing else"},
	{"cutover", nil,
		"the nouns are shared by everybody and know nobody"},
	{"evidence", []string{"cutover", "evidence/book"},
		"a verdict must be recomputable by anybody from values alone"},
	{"evidence/book", nil,
		"what may still come is told by counts and times alone, whoever counted"},
	{"ledger", []string{"cutover", "evidence"},
		"the ledger's interfaces speak of nouns and evidence; how they are stored is for the packages below it"},
	{"ledger/...", []string{"cutover", "evidence", "ledger", "internal/clock"},
		"a store of the ledger, and the suite for it, know what is stored and not who stores it: neither relay nor bridge"},
	{"evidence/witness", []string{"evidence", "ledger"},
		"testimony is kept whoever testifies, and whatever is made of it"},
	{"evidence/dnswatch", with(leaves, "evidence", "ledger"),
		"what DNS says of a domain is the same whoever asks; whose hosts are whose is for others to say"},
	{"evidence/canary", with(leaves, "ledger", "evidence/logtail"),
		"what a log shows of our own traffic is for its reader to say; how the traffic is made, for others"},
	{"evidence/...", with(leaves, "cutover", "evidence", "ledger", "internal/login"),
		"what reads logs turns lines into observations, whatever relay and bridge do"},
	{"relay/reason", nil,
		"why a reply refuses is told by the reply alone, and what helps by the class"},
	{"relay/srs", []string{"cutover"},
		"addresses in, addresses out: what a rewritten sender means is the same wherever it is used"},
	{"relay/dsn", nil,
		"a notification is made of words; when one is due, and for whom, is for others to say"},
	{"relay/mx", nil,
		"who takes a domain's mail, and what it demands, stands in DNS and is the same whoever sends"},
	{"relay/arc", nil,
		"a seal is made of octets and a key; what checks it says is told, and where keys are found is asked"},
	{"relay/sendercheck", leaves,
		"what DNS and a signature say of a sender is the same whoever asks; what becomes of the message is for others to say"},
	{"relay/callout", with(leaves, "cutover"),
		"what a server knows is the same whatever becomes of the mail; how it is asked is for others to say"},
	{"relay", with(leaves, "cutover", "evidence", "ledger", "relay/reason", "relay/sendercheck", "relay/srs", "relay/dsn", "relay/callout"),
		"relay and bridge never import each other: each can be understood, tested and broken alone; its edges import it, not it them"},
	{"relay/...", with(leaves, "cutover", "evidence", "ledger", "relay", "relay/reason", "internal/login"),
		"an edge of the relay knows the relay at most; the mailbox path is adapted in internal/destination"},
	{"bridge/object", []string{"cutover"},
		"calendar and contact files are taken apart in one way by whoever reads them"},
	{"bridge/repair", []string{"cutover", "bridge/object"},
		"how a message is repaired is the same for every store, and whoever repairs keeps the original"},
	{"bridge/accounts", with(leaves, "cutover", "bridge", "bridge/imapstore", "bridge/davstore", "bridge/filestore", "internal/login"),
		"which store a server takes, and what it and an account bear, is one thing; where passwords come from is for others to say"},
	{"bridge/reconcile", with(leaves, "cutover", "evidence", "ledger", "bridge"),
		"what became of a delivery is told by ledger and mailboxes; whose mailbox a log's name is, others know"},
	{"bridge/writers", with(leaves, "cutover", "evidence", "evidence/witness", "ledger", "bridge"),
		"who writes is read in mailboxes and told to the witness; what follows from it is for the verdict"},
	{"bridge", with(leaves, "cutover", "evidence", "ledger", "bridge/repair", "bridge/object"),
		"bridge and relay never import each other: each can be understood, tested and broken alone; its edges import it, not it them"},
	{"bridge/...", with(leaves, "cutover", "evidence", "ledger", "bridge", "bridge/object", "internal/login"),
		"a store knows the Store seam; which other stores there are is not its business"},
	{"config", nil,
		"a configuration that imports components ends up imported by everything; its values are copied in internal/daemon"},
	{"systemd", nil,
		"what systemd and posthouse share is not about mail"},
	{"internal/clock", nil, "a leaf, usable by all"},
	{"internal/clock/clocktest", []string{"internal/clock"}, "a test's clock is moved by tests, for whatever they test"},
	{"internal/pace", nil, "a leaf, usable by all"},
	{"internal/login", []string{"internal/clock"},
		"how we prove who we are is the same for every protocol"},
	{"internal/testserver/...", []string{"internal/clock", "internal/testserver/..."},
		"a server to test against that uses our own code would share our own mistakes"},
	{"internal/control", with(leaves, "cutover", "evidence", "ledger"),
		"the shapes that commands share are plain values, so that scripts can rely on them"},
	{"internal/records", []string{"cutover", "evidence", "ledger", "relay", "relay/reason", "internal/control"},
		"what a ledger tells of mail is the same whether a service runs or not: neither it nor the store is known"},
	{"internal/web", with(leaves, "cutover", "evidence", "ledger", "internal/control"),
		"metrics count what the control socket tells, and nothing that commands cannot tell"},
	{"internal/destination", with(leaves, "cutover", "ledger", "relay", "relay/delivery", "relay/mx", "relay/reason", "relay/srs", "relay/arc", "relay/sendercheck", "bridge", "internal/login"),
		"a way out joins relay and bridge, which do not know one another; which ways there are is for the daemon to say"},
	{"internal/daemon", with(leaves, "cutover", "evidence", "evidence/...", "ledger", "ledger/sqlite", "relay", "relay/...", "bridge", "bridge/...",
		"config", "systemd", "internal/login", "internal/control", "internal/records", "internal/web", "internal/destination"),
		"the composition root knows every component, and no command knows it but those of internal/cli"},
	{"internal/demo", with(leaves, "cutover", "evidence", "ledger", "config", "internal/control", "internal/testserver/..."),
		"the demonstration sees the service from outside, as its user does"},
	{"internal/cli", with(leaves, "cutover", "evidence", "ledger", "ledger/sqlite", "relay/reason", "config", "systemd", "internal/..."),
		"commands know the words by which people choose, and speak to the daemon, the configuration and the control socket, never to an edge directly"},
}

func with(some []string, more ...string) []string { return slices.Concat(some, more) }

func TestImportDirection(t *testing.T) {
	for _, offence := range offences(sources(t, house(), parser.ImportsOnly)) {
		t.Error(offence)
	}
}

// offences lists every import of our own packages that no rule allows, with the reason of the rule it breaks.
func offences(all []source) []string {
	var found []string
	for _, s := range all {
		if s.test || under("test", s.folder) {
			continue
		}
		r, known := ruleFor(s.folder)
		if !known {
			found = append(found, fmt.Sprintf("%s: no rule for package %s; add it to the rules, with what it may import and why", s.path(), s.folder))
			continue
		}
		for _, imported := range s.imports() {
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			if isOurs && !allowed(r.may, ours) {
				found = append(found, fmt.Sprintf("%s: must not import %s: %s", s.path(), ours, r.why))
			}
		}
	}
	return found
}

func ruleFor(folder string) (rule, bool) {
	for _, r := range rules {
		if fits(r.place, folder) {
			return r, true
		}
	}
	return rule{}, false
}

func allowed(may []string, folder string) bool {
	return slices.ContainsFunc(may, func(pattern string) bool { return fits(pattern, folder) })
}

// fits reports whether folder is pattern's package, or lies in its subtree where the pattern ends in "/...".
func fits(pattern, folder string) bool {
	if tree, isTree := strings.CutSuffix(pattern, "/..."); isTree {
		return under(tree, folder)
	}
	return pattern == folder
}

func under(tree, folder string) bool { return folder == tree || strings.HasPrefix(folder, tree+"/") }

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern, folder string
		want            bool
	}{
		{"relay", "relay", true},
		{"relay", "relay/listener", false},
		{"relay/...", "relay", true},
		{"relay/...", "relay/listener", true},
		{"relay/...", "relayed", false},
		{".", ".", true},
		{".", "relay", false},
	} {
		if got := fits(c.pattern, c.folder); got != c.want {
			t.Errorf("fits(%q, %q) = %v", c.pattern, c.folder, got)
		}
	}
}

// The rules must be able to say no, and say no to what they are there for.
func TestOffencesAreFound(t *testing.T) {
	for _, c := range []struct{ file, imported, want string }{
		{"relay/courier.go", "posthouse/bridge", "relay/courier.go: must not import bridge: relay and bridge never import each other"},
		{"relay/listener/conn.go", "posthouse/bridge/imapstore", "must not import bridge/imapstore"},
		{"bridge/worker.go", "posthouse/relay/delivery", "must not import relay/delivery: bridge and relay never"},
		{"bridge/worker.go", "posthouse/bridge/imapstore", "must not import bridge/imapstore"},
		{"ledger/sqlite/open.go", "posthouse/relay", "must not import relay"},
		{"evidence/judge.go", "posthouse/ledger", "must not import ledger"},
		{"evidence/logtail/parse.go", "posthouse/bridge", "must not import bridge"},
		{"evidence/witness/witness.go", "posthouse/bridge", "must not import bridge: testimony is kept whoever testifies"},
		{"evidence/canary/canary.go", "posthouse/relay/delivery", "must not import relay/delivery"},
		{"bridge/accounts/server.go", "posthouse/config", "must not import config"},
		{"internal/destination/ways.go", "posthouse/internal/daemon", "must not import internal/daemon: a way out joins relay and bridge"},
		{"relay/intake.go", "posthouse/config", "must not import config"},
		{"config/load.go", "posthouse/cutover", "must not import cutover"},
		{"internal/daemon/daemon.go", "posthouse/internal/cli", "must not import internal/cli"},
		{"internal/cli/status.go", "posthouse/bridge/imapstore", "must not import bridge/imapstore"},
		{"util/strings.go", "strings", "no rule for package util"},
		{"relay/courier_test.go", "posthouse/bridge", ""},
		{"relay/listener/conn.go", "posthouse/relay", ""},
		{"relay/courier.go", "github.com/sirupsen/logrus", ""},
	} {
		text := fmt.Sprintf("package p\n\nimport _ %q\n", c.imported)
		tree := fstest.MapFS{c.file: &fstest.MapFile{Data: []byte(text)}}
		got := strings.Join(offences(sources(t, fs.FS(tree), parser.ImportsOnly)), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s importing %s: got %q, want %q", c.file, c.imported, got, c.want)
		}
	}
}
