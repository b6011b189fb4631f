package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence/canary"
	"posthouse/internal/control"
	"posthouse/relay/delivery"
)

// canaryPatient is how many rounds of house-keeping there are between a test that could not be made and the next.
const canaryPatient = 3

func (d *Daemon) startCanary(ctx context.Context) (err error) {
	c := d.cfg.Canary
	cfg := canary.Config{
		Every: c.Every, Retry: max(5*time.Minute, canaryPatient*d.tick()), Within: max(c.Within, d.real(time.Second)), From: c.From, To: c.To, Listener: c.Listener, Dial: connect,
		Host: d.hostname(), Key: d.traceKey, Facts: d.ledger, Clock: d.opts.Clock, Log: d.log,
	}
	if c.To != "" {
		cfg.Send = d.sendCanary
	}
	if c.Login != "" {
		cfg.Login = d.loginCanary
	}
	d.canary, err = canary.Open(ctx, cfg)
	return err
}

// sendCanary gives the old server a message.
func (d *Daemon) sendCanary(ctx context.Context, message string) error {
	name := d.cfg.CanaryServer()
	client, err := d.smtpClient(name, d.cfg.Servers[name])
	if err != nil {
		return err
	}
	defer func() { _ = client.Stop(ctx) }()
	envelope := delivery.Envelope{From: d.cfg.Canary.From, Recipients: []delivery.Recipient{{Address: d.cfg.Canary.To, Notify: []string{"NEVER"}}}}
	outcomes, err := client.Send(ctx, envelope, testMail(message))
	if err == nil && outcomes[0].Kind != delivery.Accepted {
		err = errors.New(cmp.Or(outcomes[0].Words(), "the test mail was not accepted"))
	}
	return err
}

// testMail is a body in memory.
type testMail string

func (m testMail) Size() int64 { return int64(len(m)) }

func (m testMail) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(m))), nil
}

// loginCanary logs in to the old server, and out.
func (d *Daemon) loginCanary(ctx context.Context) error {
	m, ok := d.mailboxOf(d.cfg.Canary.Login)
	if !ok {
		return fmt.Errorf("there is no mailbox %s", d.cfg.Canary.Login)
	}
	all := d.live.Load().mailboxes
	i := slices.IndexFunc(all, func(of mailbox) bool { return of.ID == m })
	store, err := d.stores.Open(all[i].Mailbox, cutover.Legacy)
	if err != nil {
		return err
	}
	_, err = store.Folders(ctx)
	return errors.Join(err, store.Close())
}

// forCanary is the log as the canary sees it.
func (l *logSource) forCanary() canary.Log {
	return canary.Log{Name: l.name, Kind: l.kind, Status: l.follower.Status()}
}

// canaryAlarms tell of tests that cannot be made.
func (d *Daemon) canaryAlarms() (all []alarm) {
	for _, run := range d.canary.Runs() {
		if run.Error != "" {
			all = append(all, alarm{"canary " + string(run.Kind), "tests", 1, fmt.Sprintf("the canary's test %s could not be made: %s", run.Kind, run.Error)})
		}
	}
	return all
}

// describeCanary tells of the last tests.
func (d *Daemon) describeCanary() control.Canary {
	var logs []canary.Log
	for _, l := range d.logs {
		logs = append(logs, l.forCanary())
	}
	told := control.Canary{Every: d.cfg.Canary.Every}
	for _, run := range d.canary.Runs(logs...) {
		if run.Kind == canary.Listener {
			run.Seen = d.reachedSince(run.At)
		}
		told.Runs = append(told.Runs, control.CanaryRun{Kind: string(run.Kind), At: run.At, Error: run.Error, Seen: run.Seen, Await: run.Await, Lost: run.Lost})
	}
	return told
}

// reachedSince are the listeners that a connection from another address reached.
func (d *Daemon) reachedSince(at time.Time) (names []string) {
	t := d.witness.Snapshot()
	for _, name := range d.listenerNames() {
		if !t.Contact(name).Before(at) {
			names = append(names, name)
		}
	}
	return names
}
