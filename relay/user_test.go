package relay_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// byUser is what a user sends who has a mailbox here, and may send outside.
func byUser(user, sender string, recipients ...cutover.Address) message {
	m := to(recipients...)
	m.peer.Route, m.peer.Client.User, m.peer.Outward = cutover.Submission, user, true
	m.peer.Mailbox = cutover.MailboxID(user)
	m.env.From = sender
	return m
}

// byDevice is what a device sends that may send outside.
func byDevice(recipients ...cutover.Address) message {
	m := to(recipients...)
	m.peer.Route, m.peer.Outward, m.peer.Device, m.env.From = cutover.Devices, true, "scanner-2", "scanner@example.com"
	return m
}

func userBed(t *testing.T, plan relay.Plan) *bed {
	cfg := house()
	cfg.PlusTags = true
	cfg.AliasDomains = map[string]string{"old.example": "example.com"}
	cfg.Extra = map[cutover.Address]cutover.Address{"invoices@example.com": "anna@example.com"}
	cfg.SendAs = map[cutover.Address][]cutover.Address{"Anna@example.com": {"news@example.org", "@projects.example"}}
	return newBed(t, relay.IntakeConfig{
		Directory: relay.NewDirectory(cfg),
		Plans:     map[cutover.Route]relay.Plan{cutover.Submission: plan, cutover.Devices: plan, cutover.Arriving: plan},
	}, relay.CourierConfig{})
}

// Users go outside by the cloud as themselves, and by the old server as anybody else; inside, everything goes home.
func TestUsersSendAsThemselves(t *testing.T) {
	both := relay.Plan{Outward: "new:smtp", Foreign: "old:smtp"}
	const away = cutover.Address("Friend@outside.example")
	for _, c := range []struct {
		name, sender string
		want         string
	}{
		{"primary", "anna@example.com", "new"},
		{"case", "ANNA@Example.COM", "new"},
		{"alias", "a.smith@example.com", "new"},
		{"plus tag", "anna+x@example.com", "new"},
		{"alias domain", "anna@old.example", "new"},
		{"further address", "invoices@example.com", "new"},
		{"configured", "news@example.org", "new"},
		{"configured domain", "any@projects.example", "new"},
		{"receipt", "<>", "new"},
		{"bare name", "anna", "new"},
		{"colleague", "bob@example.com", "old"},
		{"group", "all@example.com", "old"},
		{"unknown here", "nobody@example.com", "old"},
		{"elsewhere", "anna@outside.example", "old"},
		{"like a configured domain", "any@sub.projects.example", "old"},
	} {
		b := userBed(t, both)
		m := b.complete(byUser("anna@example.com", c.sender, away, "bob@example.com"))
		if c.sender == "<>" {
			m.env.From = ""
		}
		equal(t, c.name, words(b.of(b.mustTakeAsIs(m))), []string{string(away) + " " + c.want + ":smtp due", "bob@example.com old:smtp due"})
	}
	b := userBed(t, both)
	stranger := byUser("anna", "anna@example.com", away)
	stranger.peer.Mailbox = ""
	equal(t, "a login that is nobody's here", b.plan(stranger), []string{string(away) + " old:smtp due"})
	equal(t, "no way out but the old server", userBed(t, relay.Plan{Foreign: "old:smtp"}).plan(byUser("anna@example.com", "anna@example.com", away)), []string{string(away) + " old:smtp due"})
	equal(t, "no old server that sends", userBed(t, relay.Plan{Outward: "new:smtp"}).plan(byUser("anna@example.com", "bob@example.com", away)), []string{string(away) + " new:smtp due"})
	equal(t, "a device", userBed(t, both).plan(byDevice(away, "anna@example.com")), []string{string(away) + " new:smtp due", "anna@example.com new:smtp due"})
}

// Outside is for those who may, and only what DNS may know is outside.
func TestWhoMaySendOutside(t *testing.T) {
	b := userBed(t, relay.Plan{Outward: "new:smtp"})
	for _, peer := range []relay.Peer{byUser("anna", "").peer, byDevice().peer} {
		for recipient, want := range map[string]string{
			"x@outside.example": "ok", "x@OUTSIDE.example.": "ok", "x%y@outside.example": "ok", "anna@example.com": "ok", "nobody@example.com": "451 4.1.1",
			"x@[192.0.2.1]": "550 5.1.2", "x@[IPv6:2001:db8::1]": "553 5.1.3", "x@192.0.2.1": "550 5.1.2", "x@1.2": "550 5.1.2", "x@localhost": "550 5.1.2", "x@printer": "550 5.1.2",
		} {
			equal(t, string(peer.Route)+" to "+recipient, answer(b.intake.Recipient(t.Context(), peer, recipient)), want)
		}
		peer.Outward = false
		equal(t, "who may not", answer(b.intake.Recipient(t.Context(), peer, "x@outside.example")), "550 5.7.1")
	}
	mx := relay.Peer{Route: cutover.Arriving, Outward: true}
	equal(t, "from the world, whatever it is told", answer(b.intake.Recipient(t.Context(), mx, "x@outside.example")), "550 5.7.1")
	nowhere := userBed(t, relay.Plan{})
	equal(t, "without a way", answer(nowhere.intake.Recipient(t.Context(), byDevice().peer, "x@outside.example")), "550 5.7.1")
}

func TestWhoseLogin(t *testing.T) {
	person := func(name, server, login string) cutover.Mailbox {
		return mailbox(name, func(m *cutover.Mailbox) { m.Legacy = cutover.Account{Server: server, Login: login} })
	}
	dir := relay.NewDirectory(relay.DirectoryConfig{Mailboxes: []cutover.Mailbox{
		person("anna", "old", "asmith"), person("bob", "old", "bob@example.com"), person("carl", "older", "asmith"), person("dora", "old", "shared"), person("emil", "old", "Shared"),
		person("fred", "old", "gina@example.com"), person("gina", "old", "g"),
	}})
	for login, want := range map[string]cutover.MailboxID{
		"asmith": "anna@example.com", "ASmith": "anna@example.com", "anna@example.com": "anna@example.com", "bob@example.com": "bob@example.com", "bob": "", "carl@example.com": "", "shared": "",
		"gina@example.com": "fred@example.com", "": "",
	} {
		if m, _ := dir.User(login, "old"); m.ID != want {
			t.Errorf("%s is %q, want %q", login, m.ID, want)
		}
	}
}

// A user hears of what is not taken outside, and nobody else has to look. What stays inside is held, as everybody's.
func TestUsersHearOfFailures(t *testing.T) {
	spam := relay.Outcome{Kind: relay.Declined, Reply: "550 5.7.1 spam", Class: reason.Spam}
	robot := "Message-ID: <r@x>\r\nFrom: anna@example.com\r\nAuto-Submitted: auto-generated\r\n\r\nx\r\n"
	told := []string{"anna@example.com new:smtp: failed"}
	for name, c := range map[string]struct {
		outcome      relay.Outcome
		recipient    cutover.Address
		notify, body string
		user         string
		state        ledger.DeliveryState
		want         []string
	}{
		"refused":                {outcome: never, state: ledger.Dropped, want: told},
		"refused as spam":        {outcome: spam, state: ledger.Dropped, want: told},
		"by a program":           {outcome: never, body: robot, state: ledger.Dropped, want: told},
		"asked not to be told":   {outcome: never, notify: "NEVER", state: ledger.Held},
		"inside":                 {outcome: never, recipient: "room@example.com", state: ledger.Held},
		"of a device":            {outcome: never, user: "-", state: ledger.Held},
		"of a device, too spamy": {outcome: spam, user: "-", state: ledger.Quiet},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newOffice()
			running(t, patient(toCloud(cloud.then(c.outcome)), cloud), func(t *testing.T, b *bed) {
				b.config.Plans = map[cutover.Route]relay.Plan{cutover.Submission: {Outward: "new:smtp"}, cutover.Arriving: {}}
				b.attach(b.courier)
				if c.recipient == "" {
					c.recipient = "friend@outside.example"
				}
				m := byUser("anna@example.com", "anna@example.com", c.recipient).with(c.body)
				m.env.Recipients[0].Notify = c.notify
				if c.user == "-" {
					m.peer.Client.User = ""
				}
				id := b.mustTake(m)
				time.Sleep(time.Second)
				b.tell(false)
				b.tell(false)
				synctest.Wait()
				if d := b.of(id)[0]; d.State != c.state {
					t.Errorf("it is %s: %s", d.State, d.Reason)
				}
				equal(t, "notices", b.notices(), append([]string{}, c.want...))
			})
		})
	}
}

// The world sees that a user logged in and not from where; a device has its name. What is missing of a user's message is put before it.
func TestWhatTheWorldSees(t *testing.T) {
	b := userBed(t, relay.Plan{Outward: "new:smtp"})
	m := byUser("anna@example.com", "anna@example.com", "friend@outside.example").with("Subject: x\r\n\r\nDate: none\r\n")
	m.peer.Client.Name = "home-pc"
	c := b.captured(m)
	prefix := string(c.Prefix)
	if strings.Contains(prefix, "192.0.2.1") || strings.Contains(prefix, "home-pc") || !strings.HasPrefix(prefix, "Received: from a-user (logged in)\r\n") {
		t.Error(prefix)
	}
	if !strings.Contains(prefix, "\r\nDate: ") || !strings.Contains(prefix, "\r\nMessage-ID: <"+string(c.ID)+"@posthouse.example.com>\r\n") {
		t.Error(prefix)
	}
	if c.Client.Addr != "192.0.2.1" || c.Client.Name != "home-pc" {
		t.Errorf("the ledger knows %+v", c.Client)
	}
	prefix = string(b.captured(byUser("anna@example.com", "anna@example.com", "friend@outside.example")).Prefix)
	if strings.Contains(prefix, "\r\nDate: ") || strings.Contains(prefix, "\r\nMessage-ID: ") {
		t.Error(prefix)
	}
	if prefix = string(b.captured(byDevice("anna@example.com")).Prefix); !strings.Contains(prefix, "(scanner-2 [192.0.2.1])") {
		t.Error(prefix)
	}
}

// A user's own copy waits a while for the one that his program makes, and keeps nobody waiting.
func TestSentCopyIsPlanned(t *testing.T) {
	b := userBed(t, relay.Plan{Outward: "new:smtp", Foreign: "old:smtp"})
	m := byUser("anna@example.com", "a.smith@example.com", "anna@example.com")
	m.peer.FileSent = true
	id := b.mustTake(m)
	equal(t, "as himself, to himself", words(b.of(id)), []string{"anna@example.com new:sent due best-effort", "anna@example.com new:smtp due"})
	for _, d := range b.of(id) {
		if wait := d.Next.Sub(d.Since); (d.Destination == "new:sent") != (wait >= time.Minute) {
			t.Errorf("%s waits %v", d.Destination, wait)
		}
	}
	m = byUser("anna@example.com", "bob@example.com", "anna@example.com")
	m.peer.FileSent = true
	equal(t, "as somebody else", b.plan(m), []string{"anna@example.com new:smtp due"})
}

// A user's program that did not hear our 250 repeats the transaction: it is one capture.
func TestRepeatedSubmission(t *testing.T) {
	b := userBed(t, relay.Plan{Outward: "new:smtp"})
	m := byUser("anna@example.com", "anna@example.com", "friend@outside.example").with("Subject: x\r\n\r\nx\r\n")
	if first, second := b.mustTake(m), b.mustTake(m); first != second {
		t.Errorf("%s and %s", first, second)
	}
}
