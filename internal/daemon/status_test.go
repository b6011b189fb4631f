package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

func mailboxOf(s control.Status, address string) control.Mailbox {
	i := slices.IndexFunc(s.Mailboxes, func(m control.Mailbox) bool { return m.Address == address })
	if i < 0 {
		return control.Mailbox{}
	}
	return s.Mailboxes[i]
}

// A refused login is that mailbox's problem; the others go on, and it goes on when the password is right again.
func TestRefusedLogin(t *testing.T) {
	b := newBed(t, layout{})
	for i, address := range b.addresses() {
		b.fill(address, uint64(i), 20)
	}
	must(t, b.legacy.SetPassword("bob@example.com", "another"))
	b.start()
	s := b.until("bob's problem, and the others' copy", func(s control.Status) bool { return s.Copy.Problems == 1 && s.Copy.Following == 2 })
	bob := mailboxOf(s, "bob@example.com")
	if bob.State != "problem" || bob.Error == "" || !bob.Next.After(s.At) || strings.Contains(bob.Error, "old secret") {
		t.Errorf("%+v", bob)
	}
	if !slices.Contains(codes(s), string(evidence.Problem)) || !slices.ContainsFunc(s.Server.Reasons, func(r evidence.Reason) bool { return slices.Contains(r.Sources, "mailboxes") }) {
		t.Errorf("the verdict does not tell: %+v", s.Server)
	}
	if strings.Contains(b.logged.String(), "old secret") || strings.Contains(b.logged.String(), "new secret") {
		t.Error("a password is in the log")
	}
	// Asking often may lock the account: the next try is minutes away. A verification asks at once.
	if v := b.verify("bob@example.com")["bob@example.com"]; v.Error == "" || v.Mailbox != "bob@example.com" {
		t.Errorf("verified: %+v", v)
	}
	must(t, b.legacy.SetPassword("bob@example.com", "old secret"))
	if v := b.verify("bob@example.com")["bob@example.com"]; v.Error != "" {
		t.Errorf("verified: %+v", v)
	}
	b.reload()
	b.until("bob's copy", copied)
	b.sidesAreEqual()
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\nbob@example.com,,person,cloud\n"})
	lost := message("lost", "x@sender.example", "anna@example.com")
	for _, msg := range [][]byte{message("kept", "x@sender.example", "anna@example.com"), lost} {
		if _, err := b.legacy.Deliver("anna@example.com", msg); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.until("the copy", copied)
	folder, uid, _ := strings.Cut(b.holding(b.cloud, "anna@example.com", lost)[0], ":")
	var n uint32
	if _, err := fmt.Sscan(uid, &n); err != nil {
		t.Fatal(err)
	}
	must(t, b.cloud.Remove("anna@example.com", folder, n))
	v := b.verify()["anna@example.com"]
	if v.Equal != 1 || len(v.Missing) != 0 || len(v.Removed) != 1 || v.Removed[0].MessageID != "<lost@sender.example>" || v.Removed[0].Folder != "INBOX" || v.Removed[0].Why == "" {
		t.Errorf("%+v", v)
	}
	if other := b.verify("Bob@Example.com"); len(other) != 1 || len(other["bob@example.com"].Removed) != 0 {
		t.Errorf("%+v", other)
	}
}

// A log that is not there is a blind source, not an error; when it comes it is read, and a login is use of the old server.
func TestLog(t *testing.T) {
	b := newBed(t, layout{
		verdict: `required = ["mailboxes"]`, mailboxes: "anna@example.com,,person,cloud\n",
		rest: "[evidence.dovecot]\nkind = \"dovecot\"\nfile = \"dovecot.log\"\ntimezone = \"UTC\"\n[evidence.other]\nfile = \"other.log\"\nrequired = false\n",
	})
	b.start()
	source := func(s control.Status) control.Source {
		return s.Sources[slices.IndexFunc(s.Sources, func(x control.Source) bool { return x.Name == "dovecot" })]
	}
	s := b.until("the log to be missed", func(s control.Status) bool { return strings.Contains(source(s).Blind, "missing") })
	if at := source(s); at.Fresh || !at.Required || at.Kind != "dovecot" || s.Server.State != evidence.Blind || s.Server.Sources != 2 {
		t.Errorf("%+v, %+v", at, s.Server)
	}
	line := time.Now().UTC().Format("Jan _2 15:04:05") + " old dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=7, TLS, session=<a>\n"
	must(t, os.WriteFile(filepath.Join(b.dir, "dovecot.log"), []byte(line), 0o600))
	s = b.until("the login to be use", func(s control.Status) bool {
		return source(s).Fresh && !source(s).LastLine.IsZero() && len(s.Server.Reasons) > 0 && !s.Server.LastUse.IsZero()
	})
	if at := source(s); at.Blind != "" || at.LastRead.IsZero() {
		t.Errorf("%+v", at)
	}
	if !slices.ContainsFunc(s.Server.Reasons, func(r evidence.Reason) bool { return slices.Contains(r.Senders, "anna") }) {
		t.Errorf("nobody names anna: %+v", s.Server.Reasons)
	}
}

// A folder of Exchange's message tracking is watched when it has been read, and who sends there uses the old server.
func TestLogFolder(t *testing.T) {
	b := newBed(t, layout{
		verdict: `required = ["mailboxes"]`, mailboxes: "anna@example.com,,person,cloud\n",
		rest: "[evidence.tracking]\nkind = \"exchange-tracking\"\nfile = \"tracking/MSGTRK*.LOG\"\n",
	})
	folder := filepath.Join(b.dir, "tracking")
	must(t, os.Mkdir(folder, 0o700))
	line := func(ago time.Duration, sender string) string {
		at := time.Now().UTC().Add(-ago).Format("2006-01-02T15:04:05.000Z")
		return at + ",10.0.0.5,EX01,10.0.0.5,EX01,,,STOREDRIVER,RECEIVE,1,<" + sender + ">,x@partner.example,To,1,1,,,Hi," + sender + "," + sender + ",04I:\r\n"
	}
	must(t, os.WriteFile(filepath.Join(folder, "MSGTRK1.LOG"), []byte(line(time.Hour, "bob@example.com")), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "MSGTRK2.LOG"), []byte(line(0, "anna@example.com")), 0o600))
	b.start()
	b.until("the newest to be use", func(s control.Status) bool {
		at := s.Sources[slices.IndexFunc(s.Sources, func(x control.Source) bool { return x.Name == "tracking" })]
		used := func(r evidence.Reason) bool { return slices.Contains(r.Senders, "anna@example.com") }
		return at.Fresh && at.Blind == "" && at.Kind == "exchange-tracking" && slices.ContainsFunc(s.Server.Reasons, used)
	})
}

// Who only reads on the old server changes nothing there: where no required log tells of logins the verdict on it is blind. A mail.log may hold them or not, until it does.
func TestNobodySeesWhoLogsIn(t *testing.T) {
	unseen := func(s control.Status) bool {
		return slices.ContainsFunc(s.Server.Reasons, func(r evidence.Reason) bool { return r.Code == evidence.Unseen && r.Channel == evidence.Login })
	}
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", rest: "[evidence.mail]\nfile = \"mail.log\"\n[evidence.aside]\nkind = \"dovecot\"\nfile = \"aside.log\"\nrequired = false\n"})
	path := filepath.Join(b.dir, "mail.log")
	log := func(text string) {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		must(t, err)
		defer file.Close()
		_, err = fmt.Fprintf(file, "%s mx %s\n", time.Now().Format(time.RFC3339), text)
		must(t, err)
	}
	log("postfix/smtpd[1]: 2BC793B8A4: client=c.example[203.0.113.4]")
	log("postfix/qmgr[1]: 2BC793B8A4: from=<a@b.example>, size=1, nrcpt=1 (queue active)")
	b.start()
	b.until("the log to be read", func(s control.Status) bool {
		return unseen(s) && s.Server.State == evidence.Blind && !s.Server.LastUse.IsZero()
	})
	if s := b.status(); slices.ContainsFunc(s.Address.Reasons, func(r evidence.Reason) bool { return r.Code == evidence.Unseen }) {
		t.Errorf("%+v", s.Address)
	}
	log("dovecot: imap-login: Login: user=<us>, method=PLAIN, rip=127.0.0.25, session=<own>")
	b.until("a login to be seen", func(s control.Status) bool { return !unseen(s) })
}

// The verdict is ready when everything was quiet for long enough, and not before.
func TestVerdictBecomesReady(t *testing.T) {
	const quiet = 5 * time.Hour
	b := newBed(t, layout{
		speed: 3600, mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"10m\"\nsettle_time = \"500ms\"",
		verdict: "without_logins = true\nquiet = \"5h\"\nwindow = \"5h\"\nunfamiliar = \"5h\"", relay: "retry = [\"1h\"]\nsettle_time = \"1h\"",
	})
	b.fill("anna@example.com", 1, 20)
	b.start()
	b.until("the copy", copied)
	if _, err := b.legacy.Deliver("anna@example.com", message("use", "x@sender.example", "anna@example.com")); err != nil {
		t.Fatal(err)
	}
	s := b.until("the use", func(s control.Status) bool { return !s.Server.LastUse.IsZero() })
	used := s.Server.LastUse
	// A probe from outside, which the listener must have been reached by within a day.
	result, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"nobody@example.com"}, message("x", "x", "y"))
	if err != nil || result.Final.OK() {
		t.Fatalf("%+v, %v", result, err)
	}
	s = b.until("ready", func(s control.Status) bool { return s.Server.State == evidence.Ready })
	if s.Server.Quiet < quiet || s.At.Sub(used) < quiet || !s.Server.LastUse.Equal(used) || len(s.Server.Reasons) != 0 {
		t.Errorf("ready %s after the use: %+v", s.At.Sub(used), s.Server)
	}
	if s.Server.About != "the mailbox server may stop, though nobody sees who logs in" {
		t.Error(s.Server.About)
	}
	if s.Address.State != evidence.Ready {
		t.Errorf("no mail was taken: %+v", s.Address)
	}
	b.send("late", "x@sender.example", "anna@example.com")
	s = b.until("the mail to be delivered", settled(1))
	if s.Address.State != evidence.NotYet || !s.Address.LastUse.After(used) {
		t.Errorf("mail came by the old address: %+v", s.Address)
	}
}

// A full disk is told, not waited for: mail is put off, and the status is answered.
func TestFullDisk(t *testing.T) {
	b := newBed(t, layout{})
	state := filepath.Join(b.dir, "state")
	must(t, os.Mkdir(state, 0o700))
	if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		t.Skipf("THE FULL DISK IS NOT TESTED: mounting a small file system is not permitted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(state, 0) })
	b.start()
	b.until("the copy", copied)
	ballast := filepath.Join(state, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	result, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, message("x", "x@sender.example", "anna@example.com"))
	if err != nil || result.Final.Code/100 != 4 {
		t.Errorf("a full disk is answered %+v, %v", result, err)
	}
	began := time.Now()
	s := b.until("the trouble", func(s control.Status) bool { return len(s.Trouble) > 0 })
	if took := time.Since(began); took > 20*time.Second || len(s.Mailboxes) != 3 {
		t.Errorf("it took %s: %+v", took, s)
	}
	must(t, os.Remove(ballast))
	b.until("the trouble to be over", func(s control.Status) bool { return len(s.Trouble) == 0 })
	b.send("x", "x@sender.example", "anna@example.com")
	b.until("the message", settled(1))
}
