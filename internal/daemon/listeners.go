package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/login"
	"posthouse/relay"
	"posthouse/relay/listener"
)

// startListeners opens the front doors last but one: whatever they take can be stored and carried on by then.
func (d *Daemon) startListeners(ctx context.Context) error {
	if err := d.startAsking(); err != nil {
		return err
	}
	in, err := relay.NewIntake(ctx, relay.IntakeConfig{
		Ledger: d.ledger, Directory: d.live.Load().directory, Sources: d.callouts, Plans: plans(d.cfg), Courier: d.courier, SRS: d.srs,
		LegacyNets: networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.LegacyAddresses }),
		CloudNets:  networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.CloudAddresses }),
		// Captured folds a repeat as well, once the ledger has it: through the witness it would be folded twice.
		Captured: d.witness.Captured, Examiner: d.examiner, Examined: d.witness.BeingExamined, Testimony: d.ledger, Clock: d.opts.Clock, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.intake = in
	d.onStop(d.stopListeners)
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Listeners)) {
		if err := d.startListener(name, d.cfg.Listeners[name]); err != nil {
			return fmt.Errorf("listener %s: %w", name, err)
		}
	}
	return d.answerOthers()
}

func networks(cfg *config.Config, of func(config.Listener) []netip.Prefix) []netip.Prefix {
	var all []netip.Prefix
	for _, l := range cfg.Listeners {
		all = append(all, of(l)...)
	}
	return all
}

func (d *Daemon) startListener(name string, l config.Listener) error {
	cfg := listener.Config{
		Name: name, Role: route(l.Role), Hostname: l.Hostname, Addr: l.Address, Intake: d.intakeOf(l), Observer: observer{d},
		Log: d.log, MaxMessageBytes: int64(l.MaxMessageSize), MaxRecipients: l.MaxRecipients,
		CommandTimeout: l.CommandTimeout, DataTimeout: l.DataTimeout, MessageTimeout: l.Limits.MessageTime, Limits: limits(l),
		SMTPUTF8: true, DSN: d.passesDSN, RequireTLS: d.keepsTLS(l), // what a next hop cannot take goes by the mailbox path or is held
	}
	if cfg.Role == cutover.Submission {
		cfg.DSN = nil // users who logged in are told by us
	}
	cfg.Limits.Shared = func(a netip.Addr) bool { return d.crowds.hidden(a, d.opts.Clock.Now()) }
	if cfg.Hostname == "" {
		cfg.Hostname = d.hostname()
	}
	if err := d.secure(&cfg, l); err != nil {
		return err
	}
	if l.Role == config.RoleSubmission {
		var err error
		if cfg.Auth, err = d.passwords(); err != nil {
			return err
		}
	}
	if sockets := d.opts.Sockets[l.Socket]; l.Socket != "" && len(sockets) > 0 {
		cfg.Sockets = sockets
		delete(d.opts.Sockets, l.Socket)
	} else if l.Address == "" {
		return fmt.Errorf("no socket %q came from the service manager, and no address is configured", l.Socket)
	}
	server, err := listener.New(cfg)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	d.doors = append(d.doors, server.Stop)
	d.listeners = append(d.listeners, server)
	return nil
}

func (d *Daemon) secure(cfg *listener.Config, l config.Listener) error {
	if l.TLS == config.TLSNone {
		return nil
	}
	identities, err := d.identitiesOf(l, cfg.Hostname)
	if err != nil {
		return err
	}
	cfg.TLS = login.ServerConfig(login.ServerOptions{Old: l.TLSOld, AskClient: l.TLSAskClient}, identities...)
	cfg.ImplicitTLS = l.TLS == config.TLSImplicit
	if d.tls == nil {
		d.tls = cfg.TLS
	}
	return nil
}

// notConfigured answers on sockets for which nothing is configured.
func (d *Daemon) notConfigured(cfg listener.Config) error {
	server, err := listener.NewNotConfigured(cfg)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	d.doors = append(d.doors, server.Stop)
	return nil
}

// stopListeners stops them side by side, so that none takes anything new while another waits for a client. Clients that are still in the middle of something after half of the
// time are cut: the other half is for what is under way to the next hop.
func (d *Daemon) stopListeners(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	errs := make([]error, len(d.doors))
	var all sync.WaitGroup
	for i, stop := range d.doors {
		all.Go(func() { errs[i] = stop(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// answerOthers says so on sockets that the service manager opened and no listener uses.
func (d *Daemon) answerOthers() error {
	for name, sockets := range d.opts.Sockets {
		cfg := listener.Config{Name: name, Role: cutover.Submission, Hostname: d.hostname(), Sockets: sockets, Log: d.log}
		if name == "submissions" {
			cfg.TLS = d.tls
			cfg.ImplicitTLS = cfg.TLS != nil
		}
		if err := d.notConfigured(cfg); err != nil {
			return fmt.Errorf("socket %s: %w", name, err)
		}
	}
	return nil
}

func route(r config.Role) cutover.Route {
	switch r {
	case config.RoleDevices:
		return cutover.Devices
	case config.RoleSubmission:
		return cutover.Submission
	}
	return cutover.Arriving
}

// hostname is the name we give to others: that of the first listener that has one, else the machine's.
func (d *Daemon) hostname() string {
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Listeners)) {
		if hostname := d.cfg.Listeners[name].Hostname; hostname != "" {
			return hostname
		}
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}
