package dnswatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/internal/clock"
	"posthouse/ledger"
)

const (
	atOnce    = 4           // domains are looked at
	lookTime  = time.Minute // with one domain
	saveEvery = time.Hour   // when nothing changed
)

// KeeperConfig is what a Keeper needs.
type KeeperConfig struct {
	Watch   Config
	Domains func() []string
	Every   time.Duration // the time between two looks at a domain
	Who     func() Who
	Told    func(was, is History) // is called after each look
	Facts   interface {
		Fact(ctx context.Context, name string) (string, error)
		SetFact(ctx context.Context, name, value string) error
	}
	Clock clock.Clock
}

// Keeper looks at the domains again and again, and keeps in the ledger what was found. Safe for concurrent use.
type Keeper struct {
	cfg     KeeperConfig
	watcher *Watcher

	mu      sync.Mutex
	domains map[string]*watched
}

// Known is what is known of a domain: its history, and what the last look saw.
type Known struct {
	History  History
	Snapshot Snapshot
}

// NewKeeper makes a Keeper, which knows nothing before Recall.
func NewKeeper(cfg KeeperConfig) *Keeper {
	return &Keeper{cfg: cfg, watcher: New(cfg.Watch), domains: map[string]*watched{}}
}

// Recall reads what an earlier process found out about a domain. Where it fails the next look tries it again.
func (k *Keeper) Recall(ctx context.Context, name string) error {
	one := k.domain(name)
	one.looking.Lock()
	defer one.looking.Unlock()
	return k.recall(ctx, one, name)
}

// watched is one domain. Its lock is held while it is looked at; what was found is read under that of the Keeper.
type watched struct {
	looking  sync.Mutex
	begun    time.Time // the last look
	history  History
	snapshot Snapshot
	saved    History
}

// Names are the domains, and why some of them are not asked about.
func (k *Keeper) Names() (asked, reserved []string) {
	all := slices.Clone(k.cfg.Domains())
	slices.Sort(all)
	for _, name := range all {
		if len(k.cfg.Watch.Resolvers) == 0 && isReserved(name) {
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

// Round looks at the domains that are due.
func (k *Keeper) Round(ctx context.Context) error {
	asked, _ := k.Names()
	var work sync.WaitGroup
	room := make(chan struct{}, atOnce)
	var mu sync.Mutex
	var failed []error
	for _, name := range asked {
		if !k.due(name) {
			continue
		}
		room <- struct{}{}
		work.Go(func() {
			defer func() { <-room }()
			if err := k.Look(ctx, name, false); err != nil {
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
func (k *Keeper) due(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	one := k.domains[name]
	since := time.Duration(0)
	if one != nil {
		since = k.cfg.Clock.Now().Sub(one.begun)
	}
	return one == nil || one.begun.IsZero() || since < 0 || since >= k.cfg.Every
}

// Look asks about one domain, and keeps what it found; anyway, or only where that is still due.
func (k *Keeper) Look(ctx context.Context, name string, anyway bool) error {
	one := k.domain(name)
	one.looking.Lock()
	defer one.looking.Unlock()
	if !anyway && !k.due(name) {
		return nil
	}
	if err := k.recall(ctx, one, name); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	begun := k.cfg.Clock.Now()
	snapshot := k.watcher.Look(limited, name)
	if ctx.Err() != nil { // what was cut off says nothing
		return ctx.Err()
	}
	was := one.history
	history := Next(was, snapshot, k.cfg.Who())
	err := k.save(ctx, one, history) // first: what was shown is not taken back by a restart
	k.mu.Lock()
	one.begun, one.history, one.snapshot = begun, history, snapshot
	k.mu.Unlock()
	k.cfg.Told(was, history)
	return err
}

func (k *Keeper) domain(name string) *watched {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.domains[name] == nil {
		k.domains[name] = &watched{}
	}
	return k.domains[name]
}

func factOf(domain string) string { return "dns/" + domain }

// recall reads it once. The caller holds the domain's lock: what a look found meanwhile must not be written over.
func (k *Keeper) recall(ctx context.Context, one *watched, name string) error {
	if one.history.Domain != "" {
		return nil
	}
	h := History{Domain: name}
	text, err := k.cfg.Facts.Fact(ctx, factOf(name))
	if err == nil {
		err = json.Unmarshal([]byte(text), &h)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("reading what DNS said of %s: %w", name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	one.history, one.saved = h, h
	return nil
}

// save makes it durable when something changed, and now and then.
func (k *Keeper) save(ctx context.Context, one *watched, h History) error {
	saved := one.saved
	if h.Same(saved) && h.Looked.Sub(saved.Looked).Abs() < saveEvery {
		return nil
	}
	text, err := json.Marshal(h)
	if err == nil {
		err = k.cfg.Facts.SetFact(ctx, factOf(h.Domain), string(text))
	}
	if err != nil {
		return fmt.Errorf("keeping what DNS says of %s: %w", h.Domain, err)
	}
	one.saved = h
	return nil
}

// Known is what is known of every domain that was looked at, by this process or an earlier one, by name.
func (k *Keeper) Known() []Known {
	asked, _ := k.Names()
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []Known
	for _, name := range asked {
		if one := k.domains[name]; one != nil && (!one.begun.IsZero() || !one.history.Looked.IsZero()) {
			all = append(all, Known{one.history, one.snapshot})
		}
	}
	return all
}

// One is what is known of a domain.
func (k *Keeper) One(name string) Known {
	one := k.domain(name)
	k.mu.Lock()
	defer k.mu.Unlock()
	return Known{one.history, one.snapshot}
}
