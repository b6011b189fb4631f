package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/evidence/dnswatch"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/mx"
)

const (
	dnsAtOnce    = 4           // domains are looked at
	dnsPatience  = time.Minute // with one domain
	dnsSaveEvery = time.Hour   // when nothing changed
)

// dnsWatch keeps what DNS says of the domains that move. Safe for concurrent use.
type dnsWatch struct {
	d       *Daemon
	watcher *dnswatch.Watcher

	mu      sync.Mutex
	domains map[string]*watchedDomain
}

// watchedDomain is one domain. Its lock is held while it is looked at; what was found is read under that of the dnsWatch.
type watchedDomain struct {
	looking  sync.Mutex
	begun    time.Time // the last look
	history  dnswatch.History
	snapshot dnswatch.Snapshot
	saved    dnswatch.History
}

// startDNS watches, unless the configuration says otherwise.
func (d *Daemon) startDNS(ctx context.Context) error {
	c := d.cfg.DNS
	if !c.Watch {
		return nil
	}
	policies := mx.New(mx.Config{Servers: c.Resolvers, Now: d.opts.Clock.Now})
	d.dns = &dnsWatch{d: d, domains: map[string]*watchedDomain{}, watcher: dnswatch.New(dnswatch.Config{
		Resolvers: c.Resolvers, Servers: c.Servers, Selectors: append(selectors(d.cfg), c.Selectors...), Policy: policies.Unlisted, Now: d.opts.Clock.Now,
	})}
	asked, _ := d.dns.names()
	for _, name := range asked {
		if err := d.dns.recall(ctx, d.dns.domain(name), name); err != nil {
			d.log.WithError(err).Error("watching DNS failed; it is tried again") // mail is taken all the same
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.every(ctx, "watching DNS", d.tick(), d.dns.round)
	}()
	d.onStop(func(ctx context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stopping the watch on DNS: %w", ctx.Err())
		}
	})
	return nil
}

// names are the domains, and why some of them are not asked about.
func (w *dnsWatch) names() (asked, reserved []string) {
	cfg := w.d.live.Load().cfg
	all := slices.Clone(cfg.Domains)
	for alias := range cfg.AliasDomains {
		all = append(all, alias)
	}
	slices.Sort(all)
	for _, name := range all {
		if len(w.d.cfg.DNS.Resolvers) == 0 && isReserved(name) {
			reserved = append(reserved, name)
		} else {
			asked = append(asked, name)
		}
	}
	return asked, reserved
}

// isReserved: names for examples and tests, of which public DNS knows nothing that is ours (RFC 2606, RFC 6761).
func isReserved(name string) bool {
	return slices.ContainsFunc([]string{"example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"}, func(top string) bool {
		return name == top || strings.HasSuffix(name, "."+top)
	})
}

// round looks at the domains that are due.
func (w *dnsWatch) round(ctx context.Context) error {
	asked, _ := w.names()
	var work sync.WaitGroup
	room := make(chan struct{}, dnsAtOnce)
	var mu sync.Mutex
	var failed []error
	for _, name := range asked {
		if !w.due(name) {
			continue
		}
		room <- struct{}{}
		work.Go(func() {
			defer func() { <-room }()
			if err := w.look(ctx, name, false); err != nil {
				mu.Lock()
				failed = append(failed, err)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return errors.Join(failed...)
}

// due: a clock that was put back must not keep us from looking.
func (w *dnsWatch) due(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.domains[name]
	since := time.Duration(0)
	if one != nil {
		since = w.d.opts.Clock.Now().Sub(one.begun)
	}
	return one == nil || one.begun.IsZero() || since < 0 || since >= w.d.cfg.DNS.Every
}

// look asks about one domain, and keeps what it found; anyway, or only where that is still due.
func (w *dnsWatch) look(ctx context.Context, name string, anyway bool) error {
	one := w.domain(name)
	one.looking.Lock()
	defer one.looking.Unlock()
	if !anyway && !w.due(name) {
		return nil
	}
	if err := w.recall(ctx, one, name); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, dnsPatience)
	defer cancel()
	begun := w.d.opts.Clock.Now()
	snapshot := w.watcher.Look(limited, name)
	if ctx.Err() != nil { // what was cut off says nothing
		return ctx.Err()
	}
	was := one.history
	history := dnswatch.Next(was, snapshot, w.d.who())
	err := w.save(ctx, one, history) // first: what was shown is not taken back by a restart
	w.mu.Lock()
	one.begun, one.history, one.snapshot = begun, history, snapshot
	w.mu.Unlock()
	w.tell(was, history)
	return err
}

func (w *dnsWatch) domain(name string) *watchedDomain {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.domains[name] == nil {
		w.domains[name] = &watchedDomain{}
	}
	return w.domains[name]
}

func dnsFact(domain string) string { return "dns/" + domain }

// recall reads what an earlier process found out, once.
func (w *dnsWatch) recall(ctx context.Context, one *watchedDomain, name string) error {
	if one.history.Domain != "" {
		return nil
	}
	h := dnswatch.History{Domain: name}
	text, err := w.d.ledger.Fact(ctx, dnsFact(name))
	if err == nil {
		err = json.Unmarshal([]byte(text), &h)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("reading what DNS said of %s: %w", name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	one.history, one.saved = h, h
	return nil
}

// save makes it durable when something changed, and now and then.
func (w *dnsWatch) save(ctx context.Context, one *watchedDomain, h dnswatch.History) error {
	saved := one.saved
	if h.Same(saved) && h.Looked.Sub(saved.Looked).Abs() < dnsSaveEvery {
		return nil
	}
	text, err := json.Marshal(h)
	if err == nil {
		err = w.d.ledger.SetFact(ctx, dnsFact(h.Domain), string(text))
	}
	if err != nil {
		return fmt.Errorf("keeping what DNS says of %s: %w", h.Domain, err)
	}
	one.saved = h
	return nil
}

// tell logs what changed.
func (w *dnsWatch) tell(was, is dnswatch.History) {
	for _, c := range is.New(was) {
		entry := w.d.log.WithField("domain", is.Domain).WithField("record", c.Key.String()).WithField("alarm", "dns change")
		entry.Warn(changeText(c))
		w.d.feed.tell(func() control.Event {
			return control.Event{At: c.At, What: control.DNSChanged, Route: control.RouteDNS, Client: c.Key.String(), Detail: verb(c)}
		})
	}
	if is.MX.Switched.After(was.MX.Switched) {
		w.d.log.WithField("domain", is.Domain).WithField("at", is.MX.Switched).Info("no MX record leads to the old side any more")
	}
}

func changeText(c dnswatch.Change) string {
	return c.Key.String() + " " + verb(c)
}

func verb(c dnswatch.Change) string {
	verb := "changed"
	if c.Back {
		verb = "was set back"
	}
	return fmt.Sprintf("%s: %s, was %s", verb, recordText(c.To), recordText(c.From))
}

func recordText(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}

// known is what is known of every domain that was looked at, by this process or an earlier one, by name.
func (w *dnsWatch) known() []known {
	asked, _ := w.names()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []known
	for _, name := range asked {
		if one := w.domains[name]; one != nil && (!one.begun.IsZero() || !one.history.Looked.IsZero()) {
			all = append(all, known{one.history, one.snapshot})
		}
	}
	return all
}

type known struct {
	history  dnswatch.History
	snapshot dnswatch.Snapshot
}
