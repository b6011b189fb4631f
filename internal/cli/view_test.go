package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/systemd"
)

func TestStatusView(t *testing.T) {
	blind := sampleStatus()
	blind.Server.State, blind.Server.Fresh, blind.Queue = evidence.Blind, 2, control.Queue{}
	blind.Server.Reasons = append([]evidence.Reason{{Code: evidence.Unwatched, Text: "dovecot is not being watched", Since: before(14 * time.Minute)}}, blind.Server.Reasons...)
	blind.Server.Quiet = 20 * time.Minute
	fresh := control.Status{At: sampleNow, Since: sampleNow, Domains: []string{"a.example", "b.example", "c.example"}, Organisation: "Example Ltd",
		Server: evidence.Verdict{State: evidence.NotYet, At: sampleNow, Earliest: sampleNow}}
	strange := control.Status{At: sampleNow, Server: evidence.Verdict{State: "sideways"}}
	crowded := sampleStatus()
	for i := range 20 {
		crowded.Server.Reasons = append(crowded.Server.Reasons, evidence.Reason{Code: evidence.Used, Text: fmt.Sprintf("user%d logged in on the old server", i), Since: before(time.Hour)})
		crowded.Mailboxes = append(crowded.Mailboxes, control.Mailbox{Address: fmt.Sprintf("user%d@example.com", i), State: "problem", Error: "login refused"})
	}
	crowded.Queue.Held, crowded.Queue.Due = 4000, 25
	for i := range 99 {
		crowded.Queue.Waiting = append(crowded.Queue.Waiting, control.Waiting{Capture: fmt.Sprintf("01JD9H%04d", i), At: before(time.Hour), From: "x@y.example", To: "anna@example.com",
			Size: 2000, State: "held", Why: "no mailbox takes mail for it"})
	}
	stale := readyStatus()
	stale.Config.Refused = control.Refused{At: before(2 * time.Hour), Errors: 3, First: `/etc/posthouse/posthouse.toml:166:1: unknown key "quite" in [verdict]; did you mean "quiet"?`}
	booked := sampleStatus()
	booked.Server.Leftover = evidence.Leftover{Horizon: 60 * 24 * time.Hour, Chance: 0.183, Allowed: 0.07, Expected: 0.31, Upper: 2, Sooner: []string{"scanner-3", "bob@example.com"}}
	may := evidence.Reason{Code: evidence.Likely, Channel: evidence.Sending, Text: "scanner-3 may still use the old side (monthly)", Senders: []string{"scanner-3"}, Since: before(40 * 24 * time.Hour)}
	booked.Server.Reasons = append(booked.Server.Reasons, evidence.Reason{Code: evidence.Expected, Text: "the chance that something wanted comes within 60 d is 19 %; 7 % are allowed"}, may)
	booked.Address = booked.Server
	booked.Address.About, booked.Address.Leftover.Chance = "the old address may go silent", 0.4
	booked.Address.Reasons = append(booked.Address.Reasons[1:], evidence.Reason{Code: evidence.Likely, Text: "mx.payroll.example may still use the old side (monthly)", Since: before(30 * 24 * time.Hour)})
	hostile := sampleStatus()
	hostile.Mailboxes[0].Error = "NO \x1b[2J\x1b]0;owned\x07 \u202egnp.exe\nfake line"
	for name, s := range map[string]control.Status{
		"status-not-yet": sampleStatus(), "status-ready": readyStatus(), "status-blind": blind, "status-fresh": fresh, "status-strange": strange,
		"status-crowded": crowded, "status-hostile": hostile, "status-stale": stale, "status-book": booked,
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, statusView(s, rate{1230, 9_400_000}, time.UTC, 0)) })
	}
	golden(t, "status-narrow", statusView(sampleStatus(), rate{}, time.UTC, 80))
}

func TestStatusViewInZone(t *testing.T) {
	zone := time.FixedZone("there", 2*60*60)
	golden(t, "status-zone", statusView(sampleStatus(), rate{}, zone, 0))
}

func TestSummaryText(t *testing.T) {
	golden(t, "summary", []line{
		{{plain, summaryText(sampleStatus(), rate{0, 9_400_000}, time.UTC)}},
		{{plain, summaryText(readyStatus(), rate{}, time.UTC)}},
	})
}

func TestProgressView(t *testing.T) {
	s := sampleStatus()
	p := newSpeeds(time.Minute)
	p.add(sampleNow, s)
	s.Copy.Messages += 12_300
	s.Copy.Bytes += 94_000_000
	s.Mailboxes[1].Done += 50
	s.Mailboxes[1].Bytes += 61_000_000
	p.add(sampleNow.Add(10*time.Second), s)
	golden(t, "progress", progressView(s, p, time.UTC, 10))
	golden(t, "progress-short", progressView(s, p, time.UTC, 2))
	unlisted := s
	unlisted.Mailboxes = append([]control.Mailbox{{Address: "eve@example.com", State: "waiting"}}, s.Mailboxes...)
	golden(t, "progress-open", append(progressView(unlisted, p, time.UTC, 10), statusView(unlisted, p.all.rate(), time.UTC, 0)[5]))
	golden(t, "progress-begin", progressView(control.Status{Copy: control.Copy{Mailboxes: 2}}, newSpeeds(time.Minute), time.UTC, 10))
	golden(t, "progress-text", []line{
		{{plain, progressText(s, p.all.rate())}},
		{{plain, progressText(control.Status{Copy: control.Copy{Mailboxes: 2}}, rate{})}},
	})
}

func TestVerifyView(t *testing.T) {
	v := naming{domains: []string{"example.com"}}
	results := []control.Verified{
		{Mailbox: "anna@example.com", Equal: 1204, Skipped: 2, LeftOut: []control.LeftOut{{Folder: "INBOX", Keyword: "later", Messages: 3}}},
		{Mailbox: "bob@example.com", Equal: 1204, Skipped: 2, Moved: 1,
			Missing: []control.Finding{
				{Folder: "INBOX", Ref: "4711", MessageID: "<8841@supplier.example>", Why: "refused by the cloud: over 25 MB"},
				{Folder: "Projects/Old", Ref: "88", Why: "not there"}},
			Extra: []control.Finding{{Folder: "Sent", Ref: "9", MessageID: "<x@y>", Why: "twice"}}},
		{Mailbox: "dave@example.com", Equal: 7,
			Removed: []control.Finding{{Folder: "INBOX", Ref: "12", MessageID: "<z@y>", Why: "was copied, seen in the cloud, and removed there since"}}},
		{Mailbox: "fax@example.com", Error: "connecting to 192.0.2.1:993: connection refused"},
	}
	var lines []line
	var sum verifySum
	for _, r := range results {
		sum.add(r, true)
		lines = append(lines, verifiedView(r, v)...)
	}
	golden(t, "verify", append(lines, verifySumView(sum)...))
	var equal verifySum
	equal.add(results[0], true)
	golden(t, "verify-equal", verifySumView(equal))
}

func TestValidateView(t *testing.T) {
	problem := config.Problem{File: "posthouse.toml", Line: 103, Column: 9, Length: 12, Text: `unknown destination "cloud:smpt"`, Hint: `did you mean "cloud:smtp"?`,
		Source: "\tto    = [\"cloud:smpt\", \"legacy:smtp\"]"}
	running := &control.Loaded{File: "posthouse.toml", At: before(33*time.Hour + 26*time.Minute)}
	golden(t, "validate-wrong", validateView(validation{path: "posthouse.toml", problems: []config.Problem{problem, problem}, running: running}, sampleNow))
	golden(t, "validate-wrong-alone", validateView(validation{path: "posthouse.toml", problems: []config.Problem{problem}}, sampleNow))
	golden(t, "validate-changed", validateView(validation{
		path: "posthouse.toml", warnings: []config.Problem{problem}, mailboxes: 214, listeners: 1, running: running, changed: sampleNow,
	}, sampleNow))
	golden(t, "validate-unchanged", validateView(validation{path: "posthouse.toml", mailboxes: 1, listeners: 3, running: running, changed: before(50 * time.Hour)}, sampleNow))
}

// What root validates must be readable for the service too.
func TestValidateWarnsOfWhatTheServiceCannotRead(t *testing.T) {
	path := writeConfig(t, smallConfig)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mailboxes := filepath.Join(filepath.Dir(path), "mailboxes.csv")
	for _, tt := range []struct {
		group uint32
		mode  os.FileMode
		warn  bool
	}{{uint32(os.Getgid()) + 1, 0o640, true}, {uint32(os.Getgid()), 0o600, true}, {uint32(os.Getgid()), 0o640, false}} {
		if err := os.Chmod(mailboxes, tt.mode); err != nil {
			t.Fatal(err)
		}
		tr := newTrial()
		tr.reader = func() (systemd.Reader, bool) {
			return systemd.Reader{Name: "posthouse", User: uint32(os.Getuid()) + 1, Group: []uint32{tt.group}}, true
		}
		code := tr.main(t.Context(), []string{"config", "validate", path})
		want := mailboxes + ": warning: the service's user posthouse cannot read it; chown root:posthouse " + mailboxes + " && chmod 0640 " + mailboxes + "\n"
		if got := tr.stdout.String(); code != exitDone || strings.Contains(got, want) != tt.warn || strings.Contains(got, "1 warning") != tt.warn {
			t.Errorf("group %d, mode %o: exit code %d\n%s", tt.group, tt.mode, code, got)
		}
	}
}

// A devices network in which others could hide is refused by validate, and does not keep a service from its start.
func TestValidateRefusesWhatHidesOthers(t *testing.T) {
	var own string
	for _, a := range config.ReadHost().Own {
		if !a.IsLoopback() && a.Zone() == "" && own == "" {
			own = a.String()
		}
	}
	if own == "" {
		t.Skip("this machine has no address but loopback")
	}
	path := writeConfig(t, smallConfig+"\n[listeners.devices]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\""+own+"\"]\n")
	tr := newTrial()
	if code := tr.main(t.Context(), []string{"config", "validate", path}); code != exitConfig || !strings.Contains(tr.stdout.String(), "own address "+own) || !strings.Contains(tr.stdout.String(), "outside = false") {
		t.Errorf("exit code %d\n%s", code, tr.stdout.String())
	}
	if _, err := config.Load(path); err != nil {
		t.Error(err)
	}
}

func TestDiffView(t *testing.T) {
	live, restart := config.Change{Key: "verdict.quiet", Old: "72h", New: "5d", Live: true}, config.Change{Key: "state", Old: "/a", New: "/b"}
	golden(t, "diff", diffView([]config.Change{live, restart}))
	golden(t, "diff-live", diffView([]config.Change{live}))
	golden(t, "diff-none", diffView(nil))
}

func TestFailureText(t *testing.T) {
	golden(t, "failure", failureText(&failure{
		code: exitConfig, what: "posthouse.toml: 1 error", cause: "a slip", next: "posthouse config validate",
		problems: []config.Problem{{File: "posthouse.toml", Line: 1, Column: 1, Length: 5, Text: "unknown key", Source: "quite = 1"}},
	}))
	golden(t, "failure-short", failureText(&failure{what: "no"}))
}

// The error of a refused login says itself when it is tried again.
func TestNextTryIsSaidOnce(t *testing.T) {
	next := sampleNow.Add(time.Minute)
	for _, c := range []struct {
		err  string
		next time.Time
		want string
	}{
		{"x", time.Time{}, ""},
		{"x", next, ", next try " + clockTime(next, sampleNow)},
		{"login refused at 14:30, next try 14:40: x", next, ""},
	} {
		if got := nextTry(control.Mailbox{Error: c.err, Next: c.next}, sampleNow); got != c.want {
			t.Errorf("%s: %q, want %q", c.err, got, c.want)
		}
	}
}
