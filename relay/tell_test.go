package relay_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

var teller = relay.Teller{Hostname: "mail.example.com", Postmaster: "postmaster@example.com", Organisation: "Example Ltd"}

// tell makes every notification that is due, as the daemon does each half minute.
func (b *bed) tell(notifications bool) {
	b.t.Helper()
	for _, d := range b.deliveries(ledger.DeliveryFilter{Required: true, Untold: true, States: []ledger.DeliveryState{ledger.Due, ledger.Held}, Captured: time.Now().Add(-day)}) {
		if err := b.intake.Late(b.t.Context(), d, notifications); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, d := range b.deliveries(ledger.DeliveryFilter{ToTell: true}) {
		if err := b.intake.Notify(b.t.Context(), d, teller); err != nil {
			b.t.Fatal(err)
		}
	}
}

// notices are the notifications there are, each with its recipient and action: "sender@outside.example new:smtp: relayed".
func (b *bed) notices() []string {
	b.t.Helper()
	said := []string{}
	for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
		c, err := b.ledger.Capture(b.t.Context(), d.Capture)
		if err != nil {
			b.t.Fatal(err)
		}
		if c.Route != cutover.Notices {
			continue
		}
		if c.Envelope.From != "" || c.Envelope.Recipients[0].Notify != "NEVER" {
			b.t.Errorf("sent from %q with %+v", c.Envelope.From, c.Envelope.Recipients)
		}
		_, action, _ := strings.Cut(b.written(d.Capture), "\r\nAction: ")
		action, _, _ = strings.Cut(action, "\r\n")
		said = append(said, string(d.Recipient)+" "+d.Destination+": "+action)
	}
	slices.Sort(said)
	return said
}

func (b *bed) written(id cutover.CaptureID) string {
	b.t.Helper()
	body, err := b.ledger.OpenBody(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// asking is a message with NOTIFY.
func asking(notify string, recipients ...cutover.Address) message {
	m := to(recipients...)
	for i := range m.env.Recipients {
		m.env.Recipients[i].Notify = notify
	}
	return m
}

func telling(cfg relay.CourierConfig) relay.CourierConfig {
	cfg.Notifications = true
	return cfg
}

// A success is told to who asked, where the next hop does not tell it.
func TestSuccessIsTold(t *testing.T) {
	told := yes
	told.Notifies = true
	in := yes
	in.Seen = "INBOX UID 1"
	for name, c := range map[string]struct {
		off     bool
		user    string
		from    string
		notify  string
		outcome relay.Outcome
		want    []string
	}{
		"asked":                        {notify: "SUCCESS", outcome: yes, want: []string{"sender@outside.example new:smtp: relayed"}},
		"asked, in the mailbox":        {notify: "FAILURE,SUCCESS", outcome: in, want: []string{"sender@outside.example new:smtp: delivered"}},
		"the next hop tells it":        {notify: "SUCCESS", outcome: told},
		"not asked":                    {outcome: yes},
		"asked for other things":       {notify: "FAILURE,DELAY", outcome: yes},
		"never":                        {notify: "NEVER", outcome: yes},
		"it is off":                    {off: true, notify: "SUCCESS", outcome: yes},
		"it is off, but not for users": {off: true, user: "bob", notify: "SUCCESS", outcome: yes, want: []string{"sender@outside.example new:smtp: relayed"}},
		"one of us":                    {from: "bob@example.com", notify: "SUCCESS", outcome: yes, want: []string{"bob@example.com old:smtp: relayed"}},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newOffice()
			cfg := patient(toCloud(cloud.then(c.outcome)), cloud)
			cfg.Notifications = !c.off
			running(t, cfg, func(t *testing.T, b *bed) {
				m := asking(c.notify, "anna@example.com")
				m.peer.Client.User, m.env.From = c.user, c.from
				b.mustTake(m)
				time.Sleep(time.Second)
				b.tell(!c.off)
				b.tell(!c.off)
				time.Sleep(time.Hour)
				b.tell(!c.off) // nobody is told of a notification
				equal(t, "notices", b.notices(), append([]string{}, c.want...))
			})
		})
	}
}

// A failure is told when a person gives the message up and says so: what happened before is told to nobody.
func TestFailureIsToldOnAPersonsWord(t *testing.T) {
	spam := relay.Outcome{Kind: relay.Declined, Reply: "550 5.7.1 spam", Class: reason.Spam}
	list := "Message-ID: <l@x>\r\nFrom: x@outside.example\r\nList-Id: <l.outside.example>\r\n\r\nx\r\n"
	robot := "Message-ID: <r@x>\r\nFrom: x@outside.example\r\nAuto-Submitted: auto-generated\r\n\r\nx\r\n"
	for name, c := range map[string]struct {
		notify  string
		silent  bool // dropped without --notify
		from    string
		body    string
		outcome relay.Outcome
		want    []string
	}{
		"dropped":                {outcome: never, want: []string{"sender@outside.example new:smtp: failed"}},
		"asked":                  {outcome: never, notify: "FAILURE", want: []string{"sender@outside.example new:smtp: failed"}},
		"asked for other things": {outcome: never, notify: "SUCCESS,DELAY"},
		"never":                  {outcome: never, notify: "NEVER"},
		"dropped in silence":     {outcome: never, silent: true},
		"null sender":            {outcome: never, from: "<>"},
		"spam":                   {outcome: spam},
		"by a list":              {outcome: never, body: list},
		"by a program":           {outcome: never, body: robot},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newOffice()
			running(t, patient(toCloud(cloud.then(c.outcome)), cloud), func(t *testing.T, b *bed) {
				m := asking(c.notify, "anna@example.com").with(c.body)
				m.env.From, m.env.Return, m.env.EnvelopeID, m.env.Recipients[0].ORcpt = c.from, "FULL", "id+2B7", "rfc822;a+2Bb@outside.example"
				m = b.complete(m)
				if c.from == "<>" {
					m.env.From = ""
				}
				id := b.mustTakeAsIs(m)
				time.Sleep(time.Second)
				b.tell(false)
				equal(t, "told before", b.notices(), []string{})
				b.do(relay.Deed{Do: relay.Drop, Keep: keeps, Notify: !c.silent, Why: "no such person here"}, id)
				b.tell(false)
				b.tell(false)
				equal(t, "notices", b.notices(), append([]string{}, c.want...))
				reason := b.of(id)[0].Reason
				if promised := strings.Contains(reason, "its sender is told"); promised != (len(c.want) > 0 || c.body != "") {
					t.Errorf("it says %q", reason)
				}
				for _, d := range b.deliveries(ledger.DeliveryFilter{To: "sender@outside.example"}) {
					text := b.written(d.Capture)
					for _, part := range []string{"Status: 5.1.1\r\n", "Original-Envelope-Id: id+7\r\n", "Original-Recipient: rfc822; a+b@outside.example\r\n", "no such person here", "hello "} {
						if !strings.Contains(text, part) {
							t.Errorf("%q is not in\n%s", part, text)
						}
					}
				}
			})
		})
	}
}

func (b *bed) mustTakeAsIs(m message) cutover.CaptureID {
	b.t.Helper()
	a, err := b.intake.Begin(b.t.Context(), m.peer, m.env)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := a.Write([]byte(m.body)); err != nil {
		b.t.Fatal(err)
	}
	id, err := a.Commit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// After a day it is told once that a message waits, where that is wanted.
func TestDelayIsTold(t *testing.T) {
	for _, on := range []bool{true, false} {
		cloud := newOffice()
		running(t, telling(patient(toCloud(cloud.then(later)), cloud)), func(t *testing.T, b *bed) {
			b.mustTake(to("anna@example.com"))
			b.mustTake(asking("DELAY", "anna@example.com"))
			b.mustTake(asking("FAILURE", "anna@example.com"))
			time.Sleep(day - time.Hour)
			b.tell(on)
			equal(t, "before", b.notices(), []string{})
			for range 3 {
				time.Sleep(2 * time.Hour)
				b.tell(on)
			}
			want := []string{}
			if on {
				want = []string{"sender@outside.example new:smtp: delayed", "sender@outside.example new:smtp: delayed"}
			}
			equal(t, "notices", b.notices(), want)
		})
	}
}

// A notification is guarded by TLS as the message was (RFC 8689 §5).
func TestNotificationRequiresTLSToo(t *testing.T) {
	for _, demanded := range []bool{true, false} {
		cloud := newOffice()
		running(t, telling(patient(toCloud(cloud.then(yes)), cloud)), func(t *testing.T, b *bed) {
			m := asking("SUCCESS", "anna@example.com")
			m.env.RequireTLS = demanded
			b.mustTake(m)
			time.Sleep(time.Second)
			b.tell(true)
			equal(t, "notices", len(b.notices()), 1)
			for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
				c, err := b.ledger.Capture(t.Context(), d.Capture)
				if err != nil || c.Envelope.RequireTLS != demanded {
					t.Errorf("%s of route %s: %t, %v", c.ID, c.Route, c.Envelope.RequireTLS, err)
				}
			}
		})
	}
}

// However often it is begun, after a crash between the notification and the note that it was made too, there is one; and one for a group, whatever its members.
func TestANotificationIsMadeOnce(t *testing.T) {
	cloud := newOffice()
	running(t, telling(patient(toCloud(cloud.then(yes)), cloud)), func(t *testing.T, b *bed) {
		id := b.mustTake(asking("SUCCESS", "all@example.com"))
		time.Sleep(time.Second)
		before := b.deliveries(ledger.DeliveryFilter{ToTell: true})
		if len(before) < 2 {
			t.Fatalf("%+v", b.of(id))
		}
		for range 3 {
			for _, d := range before {
				if err := b.intake.Notify(t.Context(), d, teller); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(3 * day) // longer, all in all, than a transaction counts as repeated
		}
		if all := b.notices(); len(all) != 1 || len(b.deliveries(ledger.DeliveryFilter{ToTell: true})) != 0 {
			t.Errorf("%v", all)
		}
	})
}
