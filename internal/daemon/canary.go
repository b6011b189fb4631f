package daemon

import (
	"bufio"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/cutover"
	"posthouse/evidence/logtail"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/delivery"
)

// The kinds of test traffic.
const (
	canaryMail     = "mail"
	canaryLogin    = "login"
	canaryListener = "listener"
)

const (
	canaryFact    = "canary"        // in the ledger
	canaryPrefix  = "<canary-"      // of its Message-IDs
	canaryTime    = time.Minute     // for one test, real time
	canarySlack   = 2 * time.Minute // by which a log's clock may be behind
	canaryPatient = 3               // rounds of house-keeping within which a test is run again that could not be made
)

// canary sends test traffic and looks whether it shows up in the sources.
type canary struct {
	d *Daemon

	mu   sync.Mutex
	runs map[string]*canaryRun // by kind
}

// canaryRun is the last test of a kind.
type canaryRun struct {
	At    time.Time            `json:"at"`
	Error string               `json:"error,omitempty"`
	Shown map[string]time.Time `json:"shown,omitempty"` // by log: the time of the last test that showed up in it
	Await map[string]time.Time `json:"await,omitempty"` // by log: the time of the first test since that has not shown up yet
	Lost  map[string]bool      `json:"lost,omitempty"`  // logs in which the last decided test did not
}

// startCanary takes up what is known of earlier tests: a log that was blind stays so over a restart.
func (d *Daemon) startCanary(ctx context.Context) error {
	d.canary = &canary{d: d, runs: map[string]*canaryRun{}}
	text, err := d.ledger.Fact(ctx, canaryFact)
	if errors.Is(err, ledger.ErrNotFound) || d.cfg.Canary.Every == 0 {
		return nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &d.canary.runs)
	}
	if err != nil {
		return fmt.Errorf("reading what is known of the canary: %w", err)
	}
	for _, run := range d.canary.runs {
		run.open()
	}
	return nil
}

// open makes what is written to, and what the ledger leaves out where it is empty.
func (r *canaryRun) open() {
	for _, m := range []*map[string]time.Time{&r.Shown, &r.Await} {
		if *m == nil {
			*m = map[string]time.Time{}
		}
	}
	if r.Lost == nil {
		r.Lost = map[string]bool{}
	}
}

// kinds are the tests that are configured.
func (c *canary) kinds() (kinds []string) {
	cfg := c.d.cfg.Canary
	for _, k := range []struct{ kind, given string }{{canaryMail, cfg.To}, {canaryLogin, cfg.Login}, {canaryListener, cfg.Listener}} {
		if cfg.Every > 0 && k.given != "" {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// fly runs the tests whose time has come.
func (c *canary) fly(ctx context.Context) error {
	for _, kind := range c.kinds() {
		now := c.d.opts.Clock.Now()
		c.mu.Lock()
		last := c.runs[kind]
		c.mu.Unlock()
		if last != nil && now.Sub(last.At) < c.pause(last) {
			continue
		}
		testing, cancel := context.WithTimeout(ctx, canaryTime)
		err := c.test(testing, kind, now)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.ran(kind, now, err)
	}
	return nil
}

// pause is the time until the next test; one that could not be made says nothing, and is made again sooner.
func (c *canary) pause(last *canaryRun) time.Duration {
	if last.Error != "" {
		return min(c.d.cfg.Canary.Every, max(5*time.Minute, canaryPatient*c.d.tick()))
	}
	return c.d.cfg.Canary.Every
}

// ran notes a test. One that could not be made leaves what is known of the logs as it was.
func (c *canary) ran(kind string, at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	run := &canaryRun{At: at}
	run.open()
	if before := c.runs[kind]; before != nil {
		maps.Copy(run.Shown, before.Shown)
		maps.Copy(run.Await, before.Await)
		maps.Copy(run.Lost, before.Lost)
	}
	c.runs[kind] = run
	if err != nil {
		run.Error = err.Error()
		c.d.log.WithError(err).WithField("kind", kind).Warn("canary: the test could not be made")
	}
}

func (c *canary) test(ctx context.Context, kind string, now time.Time) error {
	switch kind {
	case canaryMail:
		return c.mail(ctx, now)
	case canaryLogin:
		return c.login(ctx)
	}
	return c.knock(ctx)
}

// mail gives the old server a message.
func (c *canary) mail(ctx context.Context, now time.Time) error {
	cfg := c.d.cfg
	name := cfg.CanaryServer()
	client, err := c.d.smtpClient(name, cfg.Servers[name])
	if err != nil {
		return err
	}
	defer func() { _ = client.Stop(ctx) }()
	message := testMail(fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: posthouse canary\r\nMessage-ID: %s\r\nDate: %s\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n\r\n"+
		"This message shows whether the logs of this server are being watched. Nobody needs to read it.\r\n",
		cfg.Canary.From, cfg.Canary.To, c.messageID(now), now.Format(time.RFC1123Z)))
	outcomes, err := client.Send(ctx, delivery.Envelope{From: cfg.Canary.From, Recipients: []delivery.Recipient{{Address: cfg.Canary.To, Notify: []string{"NEVER"}}}}, message)
	if err == nil && outcomes[0].Kind != delivery.Accepted {
		err = errors.New(cmp.Or(reply(outcomes[0], nil), "the test mail was not accepted"))
	}
	return err
}

// testMail is a body in memory.
type testMail string

func (m testMail) Size() int64 { return int64(len(m)) }

func (m testMail) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(m))), nil
}

// login logs in to the old server, and out.
func (c *canary) login(ctx context.Context) error {
	m, ok := c.d.mailboxOf(c.d.cfg.Canary.Login)
	if !ok {
		return fmt.Errorf("there is no mailbox %s", c.d.cfg.Canary.Login)
	}
	all := c.d.live.Load().mailboxes
	i := slices.IndexFunc(all, func(of mailbox) bool { return of.ID == m })
	store, err := c.d.stores.open(all[i].Mailbox, cutover.Legacy)
	if err != nil {
		return err
	}
	_, err = store.Folders(ctx)
	return errors.Join(err, store.Close())
}

// knock connects to a listener as the outside does. The listener itself notes who reaches it.
func (c *canary) knock(ctx context.Context) error {
	conn, err := connect(ctx, "tcp", c.d.cfg.Canary.Listener)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	text := bufio.NewReader(conn)
	if greeting, err := text.ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220") {
		return fmt.Errorf("%s does not greet: %q, %w", c.d.cfg.Canary.Listener, greeting, cmp.Or(err, errors.New("no 220")))
	}
	_, err = io.WriteString(conn, "QUIT\r\n")
	return err
}

// messageID names a test mail so that nobody else can make one.
func (c *canary) messageID(at time.Time) string {
	stamp := fmt.Sprint(at.UnixMicro())
	return canaryPrefix + stamp + "-" + c.mac(stamp) + "@" + c.d.hostname() + ">"
}

func (c *canary) mac(stamp string) string {
	h := hmac.New(sha256.New, c.d.traceKey)
	_, _ = io.WriteString(h, "canary "+stamp)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// is tells whether a Message-ID is that of a test mail of ours. Without a canary there is none.
func (c *canary) is(message string) bool {
	if c == nil {
		return false
	}
	name, ours := strings.CutPrefix(message, canaryPrefix)
	stamp, rest, _ := strings.Cut(name, "-")
	mac, _, _ := strings.Cut(rest, "@")
	return ours && hmac.Equal([]byte(mac), []byte(c.mac(stamp)))
}

// doubt looks whether the tests showed up in a log, and tells why it is not believed any more; since the last test that did, or the first that did not.
func (c *canary) doubt(l *logSource, now time.Time) (why string, from time.Time) {
	s := l.follower.Status()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range c.kinds() {
		run := c.runs[kind]
		if run == nil || !l.shows(kind) {
			continue
		}
		if run.Error == "" {
			c.decide(run, l.name, ownOf(kind, s), now)
		}
		if run.Lost[l.name] && why == "" {
			from = run.Await[l.name]
			why = fmt.Sprintf("our own test %s of %s does not show up in it", kind, from.UTC().Format(time.RFC3339))
			if shown := run.Shown[l.name]; !shown.IsZero() {
				from = shown
			}
		}
	}
	return why, from
}

// decide tells what a log's last line of our own traffic says of the last test. A test that is still out when the next is made is not forgotten: however often there is one, the first must show up in time.
func (c *canary) decide(run *canaryRun, log string, own, now time.Time) {
	slack := min(canarySlack, c.d.cfg.Canary.Every/2)
	first, waiting := run.Await[log]
	if !waiting || !own.Before(first.Add(-slack)) {
		first = run.At
	}
	switch {
	case !own.Before(run.At.Add(-slack)):
		run.Shown[log] = run.At
		delete(run.Await, log)
		delete(run.Lost, log)
		return
	case now.Sub(first) > max(c.d.cfg.Canary.Within, c.d.real(time.Second)):
		run.Lost[log] = true
	}
	run.Await[log] = first
}

// transports are the dialects in which our test mail shows, servers those in which mail and logins do; in the others our logins do.
var (
	transports = []string{logtail.Postfix, logtail.Exim, logtail.Sendmail, logtail.Qmail, logtail.ExchangeTracking, logtail.ExchangeSMTP}
	servers    = []string{"auto", logtail.HMailServer, logtail.MDaemon, logtail.Kerio}
)

// ownOf is when a log last showed traffic of ours of that kind.
func ownOf(kind string, s logtail.Status) time.Time {
	shown := s.OwnBy.Logins
	if kind == canaryMail {
		shown = s.OwnBy.Mail
	}
	return slices.MaxFunc(append(slices.Collect(maps.Values(shown)), time.Time{}), time.Time.Compare)
}

// shows tells whether a test must show up in a log. Courier's programs for reading mail are used beside other transports: its log must show mail where it ever did.
func (l *logSource) shows(kind string) bool {
	switch {
	case kind == canaryListener:
		return false
	case slices.Contains(servers, l.kind):
		return true
	case l.kind == logtail.Courier && kind == canaryMail:
		s := l.follower.Status()
		return !s.LastMail.IsZero() || !ownOf(kind, s).IsZero()
	}
	return slices.Contains(transports, l.kind) == (kind == canaryMail)
}

// keep makes durable what is known.
func (c *canary) keep(ctx context.Context) error {
	if len(c.kinds()) == 0 {
		return nil
	}
	c.mu.Lock()
	text, err := json.Marshal(c.runs)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if before, err := c.d.ledger.Fact(ctx, canaryFact); err == nil && before == string(text) {
		return nil
	}
	return c.d.ledger.SetFact(ctx, canaryFact, string(text))
}

// alarms tells of tests that cannot be made.
func (c *canary) alarms() (all []alarm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range c.kinds() {
		if run := c.runs[kind]; run != nil && run.Error != "" {
			all = append(all, alarm{"canary " + kind, "tests", 1, fmt.Sprintf("the canary's test %s could not be made: %s", kind, run.Error)})
		}
	}
	return all
}

// reachedSince are the listeners that a connection from another address reached.
func (d *Daemon) reachedSince(at time.Time) (names []string) {
	t := d.witness.snapshot()
	for _, name := range d.listenerNames() {
		if !t.Contact(name).Before(at) {
			names = append(names, name)
		}
	}
	return names
}

// describe tells of the last tests.
func (c *canary) describe() control.Canary {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := control.Canary{Every: c.d.cfg.Canary.Every}
	for _, kind := range c.kinds() {
		run := c.runs[kind]
		if run == nil {
			continue
		}
		r := control.CanaryRun{Kind: kind, At: run.At, Error: run.Error}
		if kind == canaryListener {
			r.Seen = c.d.reachedSince(run.At)
		}
		for _, l := range c.d.logs {
			switch {
			case !l.shows(kind):
			case run.Lost[l.name]:
				r.Lost = append(r.Lost, l.name)
			case run.Shown[l.name].Equal(run.At):
				r.Seen = append(r.Seen, l.name)
			default:
				r.Await = append(r.Await, l.name)
			}
		}
		told.Runs = append(told.Runs, r)
	}
	return told
}
