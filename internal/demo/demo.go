package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"posthouse/internal/clock"
	"posthouse/internal/control"
)

// Options are what a demonstration is made of.
type Options struct {
	// Program is the path of posthouse itself.
	Program string
	// Seed makes other mail of the same kind; the same seed makes the same.
	Seed uint64
	// Tell is called with each thing that happens, from Run's goroutine.
	Tell func(Event)
	// Check says whether the service would take the configuration file at path.
	Check func(path string) error
	// Hold keeps everything up after the end, or after a failure, until the context ends.
	Hold bool
	// Small makes a short demonstration of few messages, for tests.
	Small bool
}

// ErrFound means that the demonstration came to its end and found something that must not be: the last event names it.
var ErrFound = errors.New("the demonstration found what must not be")

// Failure is a demonstration that did not come to its end.
type Failure struct {
	Doing string // what it was about to see
	Err   error
	// Log is the end of the service's log: warnings and errors.
	Log []string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Doing, f.Err) }

func (f *Failure) Unwrap() error { return f.Err }

// patience is the real time after which the demonstration gives up: it must end by itself.
const patience = 5 * time.Minute

// Run plays the demonstration. When it returns, every process has ended and the temporary folder is gone. The error is nil only if nothing was missing, twice or changed, and the verdict was
// ready; else it wraps ErrFound, or is a *Failure.
func Run(ctx context.Context, o Options) error {
	p := fullPlan
	if o.Small {
		p = smallPlan
	}
	dir, err := os.MkdirTemp("", "posthouse-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &runner{Options: o, plan: p, dir: dir, began: time.Now(), clock: clock.Real()}
	return r.run(ctx)
}

// runner is one demonstration.
type runner struct {
	Options
	plan  plan
	dir   string
	began time.Time
	clock clock.Clock
	epoch time.Time // real instant at which the clock showed day0

	world    *world
	settings *settings
	diary    *diary
	flow     *flow
	child    *child
	log      *os.File
	client   *control.Client
	flowed   chan struct{} // closed when the flow has ended
	doing    string
	lastDay  int
	verdict  *Verdict // the last one
	isReady  bool
	killed   time.Time     // on the demonstration's clock
	before   Traffic       // at the last day's end
	arrived  chan struct{} // closed when everything that was to be sent has been taken
	switched atomic.Pointer[time.Time]
}

func (r *runner) run(ctx context.Context) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limited, stop := context.WithTimeoutCause(inner, patience, fmt.Errorf("it took longer than %s", patience))
	defer stop()
	defer r.close(cancel)
	err := r.play(limited, inner, cancel)
	if err != nil && !errors.Is(err, ErrFound) && ctx.Err() == nil {
		err = &Failure{Doing: r.doing, Err: err, Log: r.complaints()}
	}
	if r.Hold && r.settings != nil && ctx.Err() == nil {
		r.hold(ctx, err)
	}
	return err
}

func (r *runner) complaints() []string {
	if r.child == nil {
		return nil
	}
	return r.child.complaints()
}

// close ends everything, the carriers of mail first, so that nothing is begun that nobody would finish.
func (r *runner) close(cancel context.CancelCauseFunc) {
	cancel(nil)
	if r.flowed != nil {
		<-r.flowed
	}
	if r.child != nil {
		r.child.stop()
	}
	if r.world != nil {
		r.world.stop()
	}
	if r.diary != nil {
		r.diary.close()
	}
	if r.log != nil {
		r.log.Close()
	}
}

// hold keeps everything up until the context ends.
func (r *runner) hold(ctx context.Context, failed error) {
	e := Event{Kind: Holding, Opened: r.servers()}
	if failed != nil {
		e.Failed = failed.Error()
	}
	for _, m := range mailboxes {
		e.Logins = append(e.Logins, Login{User: m.address(), OldPassword: oldPassword(m), NewPassword: newPassword(m)})
	}
	r.tell(e)
	<-ctx.Done()
}

// tell tells of something that happened now, unless the event names its instant.
func (r *runner) tell(e Event) {
	e.Schema, e.Real = Schema, time.Since(r.began).Seconds()
	switch {
	case r.epoch.IsZero():
		e.At = day0
	case e.At.IsZero():
		e.At = r.clock.Now()
	}
	e.Day = int(e.At.Sub(day0) / (24 * hour))
	r.Tell(e)
}

// open makes the world, starts the servers, and writes the configuration.
func (r *runner) open() (err error) {
	r.doing = "opening the servers"
	if r.world, err = newWorld(r.Seed, r.plan.messages); err != nil {
		return err
	}
	if err := r.world.start(); err != nil {
		return err
	}
	if r.log, err = os.OpenFile(filepath.Join(r.dir, "posthouse.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	r.settings = &settings{
		dir: r.dir, listener: port, quiet: r.plan.quiet, home: map[wave]string{pilot: "cloud", moving: "legacy", last: "legacy"},
		legacy: serverAddr{r.world.legacy.Addr(), r.world.legacySMTP.Addr(), r.world.legacyDAV.URL()},
		cloud:  serverAddr{r.world.cloud.Addr(), r.world.cloudSMTP.Addr(), r.world.cloudDAV.URL()},
	}
	r.client = control.Dial(r.settings.socket())
	if err := r.settings.write(); err != nil {
		return err
	}
	r.tell(Event{Kind: Opened, Opened: r.servers()})
	return r.Check(r.settings.file())
}

func (r *runner) servers() *Servers {
	return &Servers{
		OldIMAP: r.world.legacy.Addr(), OldSMTP: r.world.legacySMTP.Addr(), NewIMAP: r.world.cloud.Addr(), NewSMTP: r.world.cloudSMTP.Addr(),
		Listener: r.settings.listener, Program: r.Program, Config: r.settings.file(), Mailboxes: len(mailboxes), Messages: r.plan.messages, Octets: r.world.octets,
		OldDAV: r.world.legacyDAV.URL(), NewDAV: r.world.cloudDAV.URL(), Events: r.world.events, Contacts: r.world.contacts,
		Senders: len(r.world.senders), HoursASecond: speed / 3600,
	}
}

// freePort finds a port for the listener that stays its own while the service is down: outside the range from which the system serves connections (ip_local_port_range), and not where another
// demonstration looks at the same moment.
func freePort() (string, error) {
	const low, ports = 20025, 12000
	var last error
	for try := range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", low+(os.Getpid()*31+try*7)%ports)
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
		last = err
	}
	return "", last
}
