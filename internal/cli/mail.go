package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/records"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

// offlineLong ends the help of commands that need no service.
const offlineLong = `69 when posthouse is not running and left no ledger.
Where it is not running, list, show, export and trace tell what its ledger holds; 75 while it is just starting or stopping.`

// mail tells of captured mail: the running service, or, where none runs, what its ledger holds.
type mail interface {
	queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error
	trace(ctx context.Context, asked string) (control.Trace, error)
	message(ctx context.Context, capture string, to io.Writer) (octets int64, err error)
	// about are our domains, and the time by which ages are told.
	about(ctx context.Context) (domains []string, at time.Time, err error)
	// close lets a service start. It is called when all is read, before it is shown, as who reads it may take hours; and may be called twice.
	close() error
}

// mail finds out who tells. That nobody runs is said to people, and to those who see the errors of a script.
func (a *app) mail(ctx context.Context) (mail, error) {
	r, err := a.reach()
	if err != nil {
		return nil, err
	}
	err = r.client.Reach(ctx)
	if !errors.Is(err, control.ErrNotRunning) || errors.Is(err, fs.ErrPermission) {
		return r, nil // whatever else is the matter its answers tell
	}
	o := &offline{place: r.place, at: a.now()}
	o.records, o.done, err = daemon.Offline(ctx, r.state, r.names.Organisation, a.now)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.explain(fmt.Errorf("%w, and left no ledger in %s", control.ErrNotRunning, r.state))
	}
	if err != nil {
		return nil, r.unread(err)
	}
	if !a.quiet {
		a.talk.print(offlineView(r)...)
	}
	return o, nil
}

// offlineView says whose word the answer is.
func offlineView(r *remote) []line {
	return append(warnings(r.broken),
		line{{warn, "! "}, {plain, "posthouse is not running: nobody listens at " + r.socket}},
		line{{plain, "  this is what the ledger in " + r.state + " holds; nothing is tried until it runs"}},
		labelled("next", span{strong, r.startCommand()}))
}

// unread is why the ledger of a service that is not running cannot be read.
func (r *remote) unread(err error) error {
	f := &failure{code: exitFailed, what: "posthouse is not running, and its ledger cannot be read: " + err.Error(), err: err}
	var locked *sqlite.LockedError
	switch {
	case errors.As(err, &locked):
		f.code, f.what = exitLater, "posthouse does not answer at "+r.socket+", and "+locked.Error()
		f.cause, f.next = "it is just starting or stopping, or another command reads the ledger", "journalctl -u posthouse -n 50"
	case errors.Is(err, fs.ErrPermission):
		f.code, f.cause, f.next = exitPermission, "only root and the service's user may read what it left", asRoot("queue list", r.config)
	case errors.Is(err, ledger.ErrOlderSchema):
		f.cause, f.next = "posthouse was updated and did not start since; it brings its ledger up to date when it starts", r.startCommand()
	default:
		f.cause, f.next = unreadable(err, r.state)
	}
	return f
}

// offline is the ledger of a service that is not running.
type offline struct {
	place
	records *records.Records
	at      time.Time
	done    func() error
}

func (o *offline) queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	return elsewhere(asFailure(o.records.Queued(ctx, f, yield)))
}

func (o *offline) trace(ctx context.Context, asked string) (control.Trace, error) {
	t, err := o.records.Trace(ctx, asked)
	return t, elsewhere(asFailure(err))
}

func (o *offline) message(ctx context.Context, capture string, to io.Writer) (int64, error) {
	written := &counter{to: to}
	err := o.records.Message(ctx, capture, written)
	return written.octets, elsewhere(asFailure(err))
}

func (o *offline) about(context.Context) ([]string, time.Time, error) {
	return o.names.Domains, o.at, nil
}

func (o *offline) close() error { return o.done() }

// counter counts the octets that go through it.
type counter struct {
	to     io.Writer
	octets int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.octets += int64(n)
	return n, err
}
