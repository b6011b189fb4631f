package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"posthouse/config"
	"posthouse/systemd"
)

// A start that migrates a large ledger takes minutes: it asks the service manager for more time, again and again, up to longStart.
const (
	extendTime = 30 * time.Second
	longStart  = 30 * time.Minute
)

// abortTime is how long an aborted stop may still take before the process ends anyway; the ledger is made for that.
const abortTime = 2 * time.Second

// sameSignal is within what time a second signal is the first once more: timeout(1), terminals and supervisors tell a process and its group.
const sameSignal = time.Second

// runFlags are those of `run`.
type runFlags struct {
	stopTime time.Duration
	progress string
	clock    clockFlags
}

func newRun(a *app) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run", Short: "Run the service: take mail, copy and follow mailboxes, watch", Args: cobra.NoArgs,
		Long: `Runs the service until it is told to end. SIGTERM or SIGINT stops it in order, a second one, a second later or more, at once; SIGHUP reads the configuration again.

Exit code: 0 when stopped, 1 when it cannot run (a port is taken), 75 when posthouse already runs on the same state folder, 77 without the rights it needs, 78 for a wrong configuration.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.run(c.Context(), f) },
	}
	c.Flags().DurationVar(&f.stopTime, "stop-time", 30*time.Second, "how long deliveries under way may take when the service stops")
	c.Flags().StringVar(&f.progress, "progress", "auto", "how the first copy is shown: bars, lines, none; auto is bars on a terminal")
	f.clock.register(c)
	return c
}

func (a *app) run(ctx context.Context, f runFlags) error {
	bars, lines, err := a.progressStyle(f.progress)
	if err != nil {
		return err
	}
	clk, err := f.clock.clock(a.now())
	if err != nil {
		return err
	}
	cfg, err := load(a.config)
	if err != nil {
		return err
	}
	if err := asOwner(cfg.State, "posthouse run --config "+config.Word(a.config)); err != nil {
		return err
	}
	if cfg.File, err = filepath.Abs(cfg.File); err != nil { // others ask which file we use, from other folders
		return err
	}
	told, stop := a.signals()
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // who read our log may go away; mail goes on
	screen := newScreen(a.talk)
	log := newLog(cfg.Log, a.json, screen, a.talk, a.zone)
	notify, err := newNotifier(log)
	if err != nil {
		return err
	}
	defer notify.close()
	sockets, err := systemd.Listeners()
	if err != nil {
		return fmt.Errorf("taking the sockets over from systemd: %w", err)
	}
	r := &running{
		app: a, cfg: cfg, log: log, told: told, stopTime: f.stopTime,
		progress: progress{screen: screen, log: log, zone: a.zone, bars: bars, lines: lines},
		service: a.service(serviceOptions{
			config: cfg, version: a.build.Version, log: log, clock: clk, speed: f.clock.speed, sockets: sockets, notify: notify,
		}),
	}
	return r.run(ctx)
}

// running is one `posthouse run`.
type running struct {
	app      *app
	cfg      *config.Config
	log      *logrus.Logger
	service  service
	told     <-chan os.Signal
	toldAt   time.Time // when the process was told to end
	stopTime time.Duration
	progress progress
}

// errTold means that the process was told to end while it started.
var errTold = errors.New("told to end")

func (r *running) run(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	for _, w := range slices.Concat(r.cfg.Warnings, r.cfg.Dangers) {
		r.log.Warn(w.String())
	}
	switch err := r.start(ctx, abort); {
	case errors.Is(err, errTold):
		return nil
	case err != nil:
		return startFailure(err, r.cfg)
	}
	r.greet()
	r.progress.begin(ctx, r.cfg.Control.Socket)
	r.wait(ctx)
	r.progress.end()
	return r.stop(abort)
}

// start returns when the service runs. A signal to end meanwhile takes the start back.
func (r *running) start(ctx context.Context, abort func()) error {
	started := make(chan error, 1)
	go func() { started <- r.service.Start(ctx) }()
	ended := false
	begin := time.Now()
	more := time.NewTicker(extendTime / 3)
	defer more.Stop()
	for {
		select {
		case <-more.C:
			if time.Since(begin) < longStart {
				r.tell(systemd.ExtendTimeout(extendTime))
			}
		case err := <-started:
			if ended && err != nil {
				return errTold
			}
			if ended {
				return errors.Join(errTold, r.stop(abort))
			}
			return err
		case sig := <-r.told:
			if sig != syscall.SIGHUP { // what it would read is being read
				ended, r.toldAt = true, time.Now()
				abort()
			}
		}
	}
}

// greet says where mail is taken.
func (r *running) greet() {
	r.log.WithFields(logrus.Fields{"version": r.app.build.Version, "config": r.cfg.File, "mailboxes": len(r.cfg.Mailboxes)}).Info("posthouse is running")
	for name, l := range r.cfg.Listeners {
		for _, address := range r.service.Addrs(name) {
			r.log.WithFields(logrus.Fields{"listener": name, "role": l.Role, "address": address.String()}).Info("takes mail")
		}
	}
}

// wait returns when the process is told to end.
func (r *running) wait(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-r.told:
			if sig != syscall.SIGHUP {
				r.toldAt = time.Now()
				r.log.WithField("signal", sig.String()).Info("stopping")
				return
			}
			r.reload(ctx)
		}
	}
}

// stop ends the service in order within the stop time; a second signal aborts that.
func (r *running) stop(abort func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.stopTime)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- r.service.Stop(ctx) }()
	for {
		select {
		case err := <-stopped:
			abort()
			return r.stopFailure(err)
		case sig := <-r.told:
			if sig == syscall.SIGHUP || time.Since(r.toldAt) < sameSignal {
				continue
			}
			cancel()
			abort()
			select {
			case <-stopped:
			case <-time.After(abortTime):
			}
			return &failure{code: exitFailed, what: "aborted by a second signal", cause: "what was under way is taken up again at the next start; nothing is lost"}
		}
	}
}

// stopFailure: what did not end in time was cut, which the next start makes good.
func (r *running) stopFailure(err error) error {
	switch {
	case err == nil:
		r.log.Info("stopped")
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		r.log.WithField("stop_time", r.stopTime).Warn("stopped; what did not end in time is taken up again at the next start")
		return nil
	}
	return &failure{code: exitFailed, what: "stopping: " + err.Error(), err: err, next: "journalctl -u posthouse -n 50"}
}
