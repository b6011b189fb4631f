package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/listener"
)

func TestRules(t *testing.T) {
	for deleted, discard := range map[string]bool{"skip": false, "trash": true} {
		if got := rulesOf(&live{cfg: &config.Config{Bridge: config.Bridge{Deleted: deleted}}}, "anna@example.com").Discard; got != discard {
			t.Errorf("bridge.deleted = %q: discard %v", deleted, got)
		}
	}
	c := config.Bridge{
		Skip: []string{"Trash", "Public/*", "inbox/Spam"}, Folders: map[string]string{"Old/Sent Items": "Sent", "inbox/A": "A/B"},
		Mailboxes: map[string]config.MailboxRules{"anna@example.com": {Skip: []string{`v1\/2`}, Copy: []string{"Trash"}, Folders: map[string]string{"inbox/A": "C"}}},
		Shared: map[string]config.SharedTree{
			"a": {Folder: "Public/A", Mailbox: "anna@example.com", Into: "A"}, "b": {Folder: "Public/B", Mailbox: "bob@example.com"},
			"c": {Folder: "Public/A", Mailbox: "carl@example.com"}, // on another server
		},
	}
	in := &live{cfg: &config.Config{Bridge: c}, mailboxes: []mailbox{
		{Mailbox: cutover.Mailbox{ID: "anna@example.com", Legacy: cutover.Account{Server: "one"}}}, {Mailbox: cutover.Mailbox{ID: "bob@example.com", Legacy: cutover.Account{Server: "one"}}},
		{Mailbox: cutover.Mailbox{ID: "carl@example.com", Legacy: cutover.Account{Server: "two"}}},
	}}
	shared := []bridge.Shared{
		{From: cutover.FolderPath{"Public", "A"}, Mailbox: "anna@example.com", Into: cutover.FolderPath{"A"}}, {From: cutover.FolderPath{"Public", "B"}, Mailbox: "bob@example.com"},
	}
	for m, want := range map[cutover.MailboxID]bridge.Rules{
		"bob@example.com": {
			Skip:   []cutover.FolderPath{{"Trash"}, {"Public", "*"}, {"INBOX", "Spam"}},
			Rename: map[string]string{"Old\x00Sent Items": "Sent", "INBOX\x00A": "A\x00B"}, Shared: shared,
		},
		"anna@example.com": {
			Skip: []cutover.FolderPath{{"Trash"}, {"Public", "*"}, {"INBOX", "Spam"}, {"v1/2"}}, Copy: []cutover.FolderPath{{"Trash"}},
			Rename: map[string]string{"Old\x00Sent Items": "Sent", "INBOX\x00A": "C"}, Shared: shared,
		},
	} {
		want.Mailbox = m
		if got := rulesOf(in, m); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %#v\nwant %#v", got, want)
		}
	}
}

func TestPlans(t *testing.T) {
	cfg := &config.Config{
		Servers: map[string]config.Server{
			"legacy": {Side: config.Legacy, SMTP: "a:25"}, "z-cloud": {Side: config.Cloud, SMTP: "b:25"}, "m-cloud": {Side: config.Cloud, SMTP: "c:25"},
			"a-cloud": {Side: config.Cloud, IMAP: "d:993"}, "b-cloud": {Side: config.Cloud, SMTP: "unix:/run/lmtp", SMTPProtocol: config.SMTPProtocolLMTP},
		},
		Routes: config.Routes{
			Arriving: config.Route{To: []config.Destination{{Where: config.Home, Via: config.ViaMailbox}}, Tee: true, TeeNever: []string{"a@example.com"}},
			Devices:  config.Route{To: []config.Destination{{Where: "cloud", Via: config.ViaSMTP}, {Where: "legacy", Via: config.ViaSMTP}}},
		},
	}
	want := map[cutover.Route]relay.Plan{
		cutover.Arriving:   {Via: "mailbox", Tee: true, TeeNever: []cutover.Address{"a@example.com"}, Outward: "m-cloud:smtp"},
		cutover.Devices:    {Via: "smtp", To: cutover.Cloud, TeeNever: []cutover.Address{}, Outward: "m-cloud:smtp"},
		cutover.Submission: {Via: "smtp", TeeNever: []cutover.Address{}, Outward: "m-cloud:smtp", Foreign: "legacy:smtp"},
	}
	for range 20 { // the order of a map is another one each time
		if got := plans(cfg); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Mail is the kind that is not said.
func TestPlannedKinds(t *testing.T) {
	for kind, want := range map[cutover.FolderKind]string{cutover.Mail: "", cutover.Calendar: "calendar", cutover.Contacts: "contacts"} {
		shape := plannedShape(bridge.Plan{Folders: []bridge.PlannedFolder{{Kind: kind}}}, nil)
		if got := shape.Folders[0].Kind; got != want {
			t.Errorf("%s is told as %q, want %q", kind, got, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	cfg := &config.Config{
		Domains: []string{"example.com"}, AliasDomains: map[string]string{"old.example": "example.com"},
		Recipients: config.Recipients{
			Complete: true, PlusAddressing: true, Postmaster: "anna@example.com", Extra: map[string]string{"x@example.com": "bob@example.com"},
			CatchAll: map[string]string{"@example.com": "bob@example.com"}, Groups: map[string][]string{"all@example.com": {"anna@example.com", "far@elsewhere.example"}},
		},
		Mailboxes: []config.Mailbox{{Address: "anna@example.com", Aliases: []string{"a@example.com"}, Home: config.Cloud}, {Address: "bob@example.com", Home: config.Legacy, Wave: "1"}},
	}
	boxes, err := mailboxes(cfg)
	if err != nil || len(boxes) != 2 || boxes[1].Wave != "1" || boxes[0].Home != cutover.Cloud {
		t.Fatalf("%+v, %v", boxes, err)
	}
	dir := directory(cfg, boxes)
	for address, want := range map[cutover.Address]string{
		"anna@example.com": "anna@example.com", "A+x@example.com": "anna@example.com", "a@old.example": "anna@example.com", "x@example.com": "bob@example.com",
		"postmaster@example.com": "anna@example.com", "nobody@example.com": "bob@example.com", "all@example.com": "anna@example.com far@elsewhere.example", "a@elsewhere.example": "",
	} {
		r, _ := dir.Resolve(address)
		var found []string
		for _, m := range r.Mailboxes {
			found = append(found, string(m.ID))
		}
		for _, o := range r.Others {
			found = append(found, string(o))
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s leads to %q, want %q", address, got, want)
		}
	}
}

func TestMailboxesWithBadAddresses(t *testing.T) {
	for want, m := range map[string]config.Mailbox{
		"mailbox of line 7":         {Address: "no address", Line: 7},
		"alias of anna@example.com": {Address: "anna@example.com", Aliases: []string{"no address"}},
	} {
		if boxes, err := mailboxes(&config.Config{Mailboxes: []config.Mailbox{m}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v", boxes, err)
		}
	}
}

func TestHostname(t *testing.T) {
	d := &Daemon{cfg: &config.Config{Listeners: map[string]config.Listener{"c": {Hostname: "c.example"}, "b": {Hostname: "b.example"}, "a": {}}}}
	for range 20 {
		if got := d.hostname(); got != "b.example" {
			t.Fatal(got)
		}
	}
	d.cfg.Listeners = nil
	if d.hostname() == "" {
		t.Error("no name")
	}
}

func TestParallel(t *testing.T) {
	for _, c := range []struct{ want, most, parallel, legacy, cloud int }{{4, 8, 4, 16, 32}, {2, 2, 4, 5, 32}, {1, 1, 4, 32, 2}, {1, 16, 1, 32, 32}} {
		cfg := &config.Config{Bridge: config.Bridge{ParallelMailboxes: c.parallel}, Servers: map[string]config.Server{
			"a": {IMAP: "x:993", MaxConnections: c.legacy}, "b": {IMAP: "y:993", MaxConnections: c.cloud}, "c": {SMTP: "z:25", MaxConnections: 2},
		}}
		if got, most := parallel(cfg), mostParallel(cfg); got != c.want || most != c.most {
			t.Errorf("%+v: %d, in the end %d", c, got, most)
		}
	}
}

func TestRefusal(t *testing.T) {
	plain := errors.New("disk")
	if got := refusal(plain); got != plain {
		t.Errorf("%v", got)
	}
	if refusal(nil) != nil {
		t.Error("no error became one")
	}
	got := refusal(fmt.Errorf("x: %w", &relay.Refusal{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "no"}))
	if r, ok := got.(*listener.Refusal); !ok || r.Code != 550 || r.Enhanced != [3]int{5, 1, 1} || r.Text != "no" {
		t.Errorf("%#v", got)
	}
}

func TestInNetworks(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.4.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for ip, want := range map[string]bool{"10.0.4.31": true, "10.0.5.1": false, "2001:db8::7": true, "2001:db9::7": false} {
		if got := inNetworks(netip.MustParseAddr(ip), networks); got != want {
			t.Errorf("%s: %t", ip, got)
		}
	}
	if inNetworks(netip.MustParseAddr("10.0.4.31"), nil) {
		t.Error("no network holds an address")
	}
}

func TestPeer(t *testing.T) {
	s := listener.Session{Listener: "mx", Hostname: "mail.example.com", Role: cutover.Arriving, Helo: "x.example", User: "u", Remote: netip.MustParseAddrPort("[::ffff:192.0.2.7]:99")}
	s.TLS.Version, s.TLS.Cipher = "TLS 1.3", "AES"
	got := intake{}.peer(s, false)
	want := ledger.Client{Addr: "192.0.2.7", Name: "x.example", TLS: "TLS 1.3 AES", User: "u"}
	if got.Client != want || got.Listener != "mx" || got.Hostname != "mail.example.com" || got.Route != cutover.Arriving {
		t.Errorf("%+v", got)
	}
	if got := (intake{}).peer(listener.Session{}, false).Client; got != (ledger.Client{}) {
		t.Errorf("of nobody: %+v", got)
	}
}

// We come to servers on this machine from an address of our own, so that their logs tell us from webmail.
func TestConnect(t *testing.T) {
	for host, want := range map[string]string{"127.0.0.1": ownLoopback, "localhost": ownLoopback} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		address := net.JoinHostPort(host, port)
		conn, err := connect(t.Context(), "tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if ip, _, _ := net.SplitHostPort(conn.LocalAddr().String()); ip != want {
			t.Errorf("to %s from %s", host, ip)
		}
	}
}

func TestSince(t *testing.T) {
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	today := midnight.Unix() / (24 * 60 * 60)
	h := evidence.Histogram{Day: today}
	for back := range h.Wanted {
		h.Wanted[back] = 1
	}
	for days, want := range map[int]int{0: 1, 1: 2, 6: 7} {
		if got := since(h, midnight.AddDate(0, 0, -days)); got != want {
			t.Errorf("since %d days: %d, want %d", days, got, want)
		}
	}
	h.Day = today - 3
	if got := since(h, midnight); got != 0 {
		t.Errorf("nothing was seen today, but %d", got)
	}
	if got := since(h, midnight.AddDate(0, 0, -4)); got != 2 {
		t.Errorf("two of the last five days, but %d", got)
	}
}

func TestTick(t *testing.T) {
	d := &Daemon{opts: Options{Clock: clock.Real()}, cfg: &config.Config{Bridge: config.Bridge{PollInterval: time.Minute}}}
	if d.tick() != keepEvery || d.real(time.Second) != time.Second || d.stale() != 5*time.Minute {
		t.Error(d.tick(), d.real(time.Second), d.stale())
	}
	d.opts.Speed = 3600
	if d.tick() != 12*time.Minute || d.real(time.Second) != time.Hour || d.stale() != 2*time.Hour {
		t.Error(d.tick(), d.real(time.Second), d.stale())
	}
	d.opts.Speed, d.cfg.Bridge.PollInterval = 1, time.Hour
	if d.stale() != 2*time.Hour {
		t.Error(d.stale())
	}
}

// While a server asks a mailbox to wait nobody watches it, and no verdict may rest on it.
func TestAWaitIsNotWatched(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	follows := bridge.Progress{State: bridge.Following, Caught: at.Add(time.Minute)}
	for _, c := range []struct {
		other bridge.Progress
		ok    bool
	}{
		{bridge.Progress{State: bridge.Following, Caught: at}, true},
		{bridge.Progress{State: bridge.Waiting, Wait: "cloud says BAD Server Busy", Caught: at}, false},
		{bridge.Progress{State: bridge.Problem, Caught: at}, false},
		{bridge.Progress{State: bridge.Copying}, false},
	} {
		if until, ok := followedUntil([]bridge.Progress{follows, c.other}); ok != c.ok || ok && !until.Equal(at) {
			t.Errorf("%+v: %v, %v", c.other, until, ok)
		}
	}
	for want, m := range map[string]control.Mailbox{
		"problem": {Error: "no", Caught: at}, "undisposed": {Wait: "cloud says BAD Server Busy", Caught: at, Done: 5, Total: 5}, "done": {Caught: at}, "unverified": {Address: "x", Caught: at},
	} {
		var work evidence.OpenWork
		ofMailbox(&work, m, m.Address == "")
		if got := map[[3]int]string{{1, 0, 0}: "problem", {0, 1, 0}: "undisposed", {0, 0, 1}: "unverified", {}: "done"}[[3]int{work.Problems.Count, work.Undisposed.Count, work.Unverified.Count}]; got != want {
			t.Errorf("%+v counts as %s, want %s", m, got, want)
		}
	}
}
