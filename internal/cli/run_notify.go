package cli

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/systemd"
)

// notifier tells the service manager what happens, and feeds its watchdog while every loop proves itself alive. Outside systemd it does nothing.
type notifier struct {
	log      logrus.FieldLogger
	watchdog *systemd.Watchdog
	cancel   context.CancelFunc
	fed      sync.WaitGroup
}

// newNotifier starts feeding. The caller calls close.
func newNotifier(log logrus.FieldLogger) (*notifier, error) {
	interval, err := systemd.WatchdogInterval()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &notifier{log: log, watchdog: systemd.NewWatchdog(interval), cancel: cancel}
	n.fed.Go(func() {
		n.watchdog.Run(ctx, func(err error) { log.WithError(err).Error("the watchdog is not fed") })
	})
	return n, nil
}

// close ends the feeding.
func (n *notifier) close() {
	n.cancel()
	n.fed.Wait()
}

func (n *notifier) Ready() { n.tell(systemd.Ready()) }

// Stopping ends the watch: a loop that has ended proves nothing any more.
func (n *notifier) Stopping() {
	n.cancel()
	n.tell(systemd.Stopping())
}

// Beat registers a loop that must prove itself alive.
func (n *notifier) Beat(name string, maxAge time.Duration) func() {
	return n.watchdog.Register(name, maxAge).Alive
}

func (n *notifier) tell(err error) {
	if err != nil {
		n.log.WithError(err).Warn("the service manager was not told")
	}
}
