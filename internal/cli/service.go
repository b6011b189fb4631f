package cli

import (
	"context"
	"net"

	"github.com/sirupsen/logrus"

	"posthouse/config"
	"posthouse/internal/clock"
	"posthouse/internal/daemon"
)

// service is what `run` runs.
type service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Addrs(listener string) []net.Addr
	Reload(ctx context.Context, next *config.Config) ([]config.Change, error)
	// Refused keeps for the status that a reload could not be done, until one is.
	Refused(errors int, first string)
}

// serviceOptions are what `run` knows.
type serviceOptions struct {
	config  *config.Config
	version string
	log     *logrus.Logger
	clock   clock.Clock
	speed   float64
	sockets map[string][]net.Listener
	notify  *notifier
	// copyOnly: nothing but what `backfill` needs.
	copyOnly bool
}

func newDaemon(o serviceOptions) service {
	opts := daemon.Options{Config: o.config, Version: o.version, Log: o.log, Clock: o.clock, Speed: o.speed, Sockets: o.sockets, CopyOnly: o.copyOnly}
	if o.notify != nil {
		opts.Notify = o.notify
	}
	return daemon.New(opts)
}
