package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"posthouse/systemd"
)

// app is what every command works with: the flags that hold everywhere, the two ways out, and what the process is given.
type app struct {
	build  Build
	config string // --config
	json   bool   // --json
	quiet  bool   // --quiet
	out    *printer
	talk   *printer
	in     io.Reader
	now    func() time.Time
	zone   *time.Location
	// signals starts to deliver what the process is told; stop ends that.
	signals func() (told <-chan os.Signal, stop func())
	service func(serviceOptions) service
	// noHelp is why there is no help on what it was asked for.
	noHelp error
	// reader is whom the service runs as, when that is somebody else and we can judge for him.
	reader func() (systemd.Reader, bool)
}

func newApp(b Build, in io.Reader, stdout, stderr io.Writer) *app {
	return &app{
		build: b, in: in, out: newPrinter(stdout, os.Getenv), talk: newPrinter(stderr, os.Getenv),
		now: time.Now, zone: time.Local, signals: processSignals, service: newDaemon, reader: serviceReader,
	}
}

// serviceReader is the unit's user, for root alone: to others what they cannot read themselves says enough.
func serviceReader() (systemd.Reader, bool) {
	if os.Geteuid() != 0 {
		return systemd.Reader{}, false
	}
	return systemd.ServiceUser()
}

// processSignals are those that `run` and the watching commands act on.
func processSignals() (<-chan os.Signal, func()) {
	told := make(chan os.Signal, 4)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	return told, func() { signal.Stop(told) }
}

// untilTold is ctx, ended by the first signal too. stop must be called.
func (a *app) untilTold(ctx context.Context) (until context.Context, stop func()) {
	told, quiet := a.signals()
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-told:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { cancel(); waiting.Wait(); quiet() }
}

// say talks to a person on stderr, unless --quiet or --json.
func (a *app) say(lines ...line) {
	if !a.quiet && !a.json {
		a.talk.print(lines...)
	}
}
