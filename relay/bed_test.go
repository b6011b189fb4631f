package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"posthouse/cutover"
	"posthouse/internal/clock/clocktest"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
)

// mailbox makes a person who reads in the cloud.
func mailbox(name string, change ...func(*cutover.Mailbox)) cutover.Mailbox {
	address := cutover.Address(name + "@example.com")
	m := cutover.Mailbox{
		ID: cutover.MailboxID(address), Primary: address, Kind: cutover.Person, Home: cutover.Cloud,
		Legacy: cutover.Account{Server: "old"}, Cloud: cutover.Account{Server: "new"},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

func atHomeOn(s cutover.Side) func(*cutover.Mailbox) { return func(m *cutover.Mailbox) { m.Home = s } }

func withAliases(all ...cutover.Address) func(*cutover.Mailbox) {
	return func(m *cutover.Mailbox) { m.Aliases = all }
}

func house() relay.DirectoryConfig {
	return relay.DirectoryConfig{
		Mailboxes: []cutover.Mailbox{
			mailbox("anna", withAliases("a.smith@example.com")),
			mailbox("bob", atHomeOn(cutover.Legacy)),
			mailbox("room", func(m *cutover.Mailbox) { m.Kind = cutover.Room }),
		},
		Domains: []string{"example.com"},
		Groups:  map[cutover.Address][]cutover.Address{"all@example.com": {"anna@example.com", "bob@example.com", "friend@outside.example"}},
	}
}

// bed is an intake and a courier on a real ledger.
type bed struct {
	t       *testing.T
	ledger  *sqlite.Ledger
	config  relay.IntakeConfig
	intake  *relay.Intake
	courier *relay.Courier
	log     *logtest.Hook
	logger  logrus.FieldLogger
	clock   *clocktest.Clock
	n       int
}

func newLogger() (logrus.FieldLogger, *logtest.Hook) {
	logger, hook := logtest.NewNullLogger()
	return logger, hook
}

func openLedger(t *testing.T, folder string) *sqlite.Ledger {
	t.Helper()
	l, err := sqlite.Open(t.Context(), folder, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// newBed makes a bed whose courier is not started: what comes in stays Due.
func newBed(t *testing.T, intake relay.IntakeConfig, courier relay.CourierConfig) *bed {
	t.Helper()
	b := &bed{t: t, ledger: openLedger(t, t.TempDir()), clock: clocktest.New()}
	b.logger, b.log = newLogger()
	if intake.Plans == nil {
		intake.Plans = map[cutover.Route]relay.Plan{cutover.Arriving: {Outward: "new:smtp"}}
	}
	b.config = intake
	b.attach(b.newCourier(courier))
	return b
}

// attach makes a new intake, with this courier.
func (b *bed) attach(c *relay.Courier) {
	b.t.Helper()
	b.courier = c
	cfg := b.config
	cfg.Courier, cfg.Clock, cfg.Log = c, b.clock, b.logger
	if cfg.Ledger == nil {
		cfg.Ledger = b.ledger
	}
	var err error
	if b.intake, err = relay.NewIntake(b.t.Context(), cfg); err != nil {
		b.t.Fatal(err)
	}
}

// restart is the next process on the same ledger.
func (b *bed) restart(cfg relay.CourierConfig) {
	b.t.Helper()
	b.attach(b.newCourier(cfg))
	b.start(b.courier)
}

func (b *bed) newCourier(cfg relay.CourierConfig) *relay.Courier {
	b.t.Helper()
	cfg.Clock, cfg.Log = b.clock, b.logger
	if cfg.Ledger == nil {
		cfg.Ledger = b.ledger
	}
	c, err := relay.NewCourier(b.t.Context(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// message is one transaction; its zero fields are filled in.
type message struct {
	peer relay.Peer
	env  ledger.Envelope
	body string
}

func to(recipients ...cutover.Address) message {
	var m message
	for _, r := range recipients {
		m.env.Recipients = append(m.env.Recipients, ledger.Recipient{Address: r})
	}
	return m
}

func (m message) from(addr string) message {
	m.peer.Client.Addr = addr
	return m
}

func (m message) with(body string) message {
	m.body = body
	return m
}

func (b *bed) complete(m message) message {
	b.n++
	if m.peer.Client.Addr == "" {
		m.peer.Client.Addr = "192.0.2.1"
	}
	if m.peer.Route == "" {
		m.peer.Route = cutover.Arriving
	}
	m.peer.Listener, m.peer.Hostname, m.peer.Protocol = "mx", "posthouse.example.com", "ESMTP"
	if m.env.From == "" {
		m.env.From = "sender@outside.example"
	}
	if m.body == "" {
		m.body = fmt.Sprintf("Message-ID: <%d@outside.example>\r\nDate: Mon, 02 Mar 2026 12:00:00 +0000\r\nFrom: sender@outside.example\r\n\r\nhello %d\r\n", b.n, b.n)
	}
	return m
}

// take brings a message in and commits it.
func (b *bed) take(m message) (cutover.CaptureID, error) {
	m = b.complete(m)
	a, err := b.intake.Begin(b.t.Context(), m.peer, m.env)
	if err != nil {
		return "", err
	}
	if _, err := a.Write([]byte(m.body)); err != nil {
		a.Abort()
		return "", err
	}
	return a.Commit(b.t.Context())
}

func (b *bed) mustTake(m message) cutover.CaptureID {
	b.t.Helper()
	id, err := b.take(m)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// captured takes a message and returns its row.
func (b *bed) captured(m message) ledger.Capture {
	b.t.Helper()
	c, err := b.ledger.Capture(b.t.Context(), b.mustTake(m))
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bed) deliveries(f ledger.DeliveryFilter) []ledger.Delivery {
	b.t.Helper()
	all, err := b.ledger.Deliveries(context.WithoutCancel(b.t.Context()), f)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// of is the deliveries of one capture.
func (b *bed) of(id cutover.CaptureID) []ledger.Delivery {
	b.t.Helper()
	return b.deliveries(ledger.DeliveryFilter{Capture: id})
}

// plan takes a message and says in words what was planned, sorted: "anna@example.com new:smtp due".
func (b *bed) plan(m message) []string {
	b.t.Helper()
	return words(b.of(b.mustTake(m)))
}

func words(all []ledger.Delivery) []string {
	said := []string{}
	for _, d := range all {
		text := strings.TrimSpace(fmt.Sprintf("%s %s", d.Recipient, d.Destination)) + " " + string(d.State)
		if !d.Required {
			text += " best-effort"
		}
		said = append(said, text)
	}
	slices.Sort(said)
	return said
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// logged reports whether a line of the log holds the text.
func (b *bed) logged(text string) bool {
	return slices.ContainsFunc(b.log.AllEntries(), func(e *logrus.Entry) bool { return strings.Contains(e.Message, text) })
}

const day = 24 * time.Hour
