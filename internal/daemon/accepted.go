package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// acceptedFact is where the ledger has every act of accepting a name, and of taking that back: the latest of a name counts, the others tell who did what.
const acceptedFact = "accepted"

// accepting is which names people accepted by command; those of the configuration are beside it. Safe for concurrent use.
type accepting struct {
	mu   sync.Mutex
	acts []control.Accepted
}

func (d *Daemon) loadAccepted(ctx context.Context) error {
	text, err := d.ledger.Fact(ctx, acceptedFact)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &d.accepted.acts)
	}
	if err != nil {
		return fmt.Errorf("reading who was accepted: %w", err)
	}
	return nil
}

// inForce are the names that are accepted now, in the order in which that was said.
func (a *accepting) inForce() []control.Accepted {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []control.Accepted{}
	for _, act := range a.acts {
		all = slices.DeleteFunc(all, func(b control.Accepted) bool { return b.Name == act.Name })
		if !act.Undone {
			all = append(all, act)
		}
	}
	return all
}

// allowed are all names that are accepted, by the configuration or by command.
func (d *Daemon) allowed() []string {
	names := slices.Clone(d.live.Load().cfg.Verdict.Accepted)
	for _, a := range d.accepted.inForce() {
		names = append(names, a.Name)
	}
	return names
}

// AcceptSenders records durably, before it says so.
func (d *Daemon) AcceptSenders(ctx context.Context, who string, names []string, undo bool, yield func(control.Accepted) error) error {
	meant := d.systemsOf(names)
	if undo {
		meant = d.givenBy(names)
	}
	for _, name := range meant {
		act := control.Accepted{Schema: control.AcceptedSchema, Name: fold(name), By: who, At: d.opts.Clock.Now(), Undone: undo}
		if err := d.mayAccept(act); err != nil {
			return err
		}
		if err := d.recordAccepted(ctx, act); err != nil {
			return err
		}
		what := "sender accepted"
		if undo {
			what = "sender not accepted any more"
		}
		d.log.WithField("name", act.Name).WithField("by", who).Info(what)
		if err := yield(act); err != nil {
			return err
		}
	}
	return nil
}

// systemsOf puts in place of a host by which somebody came, as verdicts name him, the name by which the sender book knows him.
func (d *Daemon) systemsOf(names []string) (all []string) {
	everybody := d.everybody()
	for _, name := range names {
		var systems []string
		for _, s := range everybody {
			if s.Stands(name) {
				systems = nil
				break
			}
			if s.CameBy(name) {
				systems = append(systems, s.Name)
			}
		}
		if len(systems) == 0 {
			systems = []string{name}
		}
		all = append(all, systems...)
	}
	return all
}

// givenBy are the names to be taken back: each as it was given, where it is accepted so, and those by which the sender book knows whom it names. A host was accepted by its own name while the book did not know yet
// by which hosts that system comes.
func (d *Daemon) givenBy(names []string) (all []string) {
	given := d.allowed()
	for _, name := range names {
		systems := d.systemsOf([]string{name})
		there := slices.DeleteFunc(append(slices.Clone(systems), name), func(n string) bool { return !slices.Contains(given, fold(n)) })
		if len(there) == 0 {
			there = systems // mayAccept says that it is not accepted
		}
		for _, n := range there {
			if !slices.Contains(all, fold(n)) {
				all = append(all, fold(n))
			}
		}
	}
	return all
}

// fold is a name as acts have it.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// mayAccept refuses a name that nobody has: it would be a slip, and seem to work.
func (d *Daemon) mayAccept(a control.Accepted) error {
	given := func(b control.Accepted) bool { return b.Name == a.Name }
	switch {
	case a.Undone && slices.ContainsFunc(d.accepted.inForce(), given):
		return nil
	case a.Undone && slices.Contains(d.live.Load().cfg.Verdict.Accepted, a.Name):
		return fmt.Errorf("%q is accepted by the configuration (verdict.accepted): it is taken back there", a.Name)
	case a.Undone:
		return fmt.Errorf("%q is not accepted", a.Name)
	case slices.ContainsFunc(d.everybody(), func(s evidence.Sender) bool { return s.Called(a.Name) }):
		return nil
	}
	return fmt.Errorf("nobody named %q is known", a.Name)
}

func (d *Daemon) recordAccepted(ctx context.Context, act control.Accepted) error {
	d.accepted.mu.Lock()
	defer d.accepted.mu.Unlock()
	acts := append(slices.Clone(d.accepted.acts), act)
	text, err := json.Marshal(acts)
	if err == nil {
		err = d.ledger.SetFact(ctx, acceptedFact, string(text))
	}
	if err == nil {
		d.accepted.acts = acts
	}
	return err
}
