package callout

import (
	"context"
	"maps"
	"slices"
	"sync"

	"posthouse/cutover"
)

// Sources are all servers that are asked. A nil one has none. Its methods may be called from any goroutine.
type Sources struct {
	all []*Source

	mu   sync.Mutex
	gaps map[cutover.Address]bool // see Gaps
}

// Join makes one of several.
func Join(all ...*Source) *Sources { return &Sources{all: all, gaps: map[cutover.Address]bool{}} }

// Found is what all servers together know of an address.
type Found struct {
	Known bool // somebody knows it
	No    bool // somebody said no
	Later bool // somebody may know it, and did not say
}

// Ask asks every server, all at once. A server that asks us itself about an address, while it is being asked about that one, is left out: it does not know, or it would not
// ask. asker is the side of such a server, "" where nobody asks but for mail.
func (all *Sources) Ask(ctx context.Context, a cutover.Address, asker cutover.Side) (found Found) {
	if all == nil {
		return Found{}
	}
	said := map[cutover.Side]map[Answer]bool{cutover.Legacy: {}, cutover.Cloud: {}}
	answers := make([]Answer, len(all.all))
	var asked sync.WaitGroup
	for i, s := range all.all {
		if asker != "" && asker == s.cfg.Side && s.Busy(a) {
			answers[i] = Mute
			continue
		}
		asked.Go(func() { answers[i] = s.Ask(ctx, a) })
	}
	asked.Wait()
	for i, s := range all.all {
		said[s.cfg.Side][answers[i]] = true
		found.Known = found.Known || answers[i] == Yes
		found.No = found.No || answers[i] == No
		found.Later = found.Later || answers[i] == Later
	}
	all.compare(a, said[cutover.Legacy], said[cutover.Cloud])
	return found
}

// Way is where mail for an address can go.
type Way struct {
	Side        cutover.Side
	Destination string
}

// Recall is who knew the address when it was last asked, without asking again: what was taken for it must go somewhere.
func (all *Sources) Recall(a cutover.Address) (ways []Way) {
	if all == nil {
		return nil
	}
	for _, s := range all.all {
		if s.Recall(a) {
			ways = append(ways, Way{s.cfg.Side, s.cfg.Way})
		}
	}
	return ways
}

// maxGaps is how many addresses are kept for people.
const maxGaps = 1000

// compare notes an address that the old side knows and the cloud does not, until it turns out otherwise.
func (all *Sources) compare(a cutover.Address, legacy, cloud map[Answer]bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case legacy[Yes] && cloud[No] && !cloud[Yes] && len(all.gaps) < maxGaps:
		all.gaps[a] = true
	case cloud[Yes], legacy[No] && !legacy[Yes]:
		delete(all.gaps, a)
	}
}

// Gaps are addresses that somebody wrote to, that the old side knows and the cloud does not, sorted.
func (all *Sources) Gaps() []cutover.Address {
	if all == nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Sorted(maps.Keys(all.gaps))
}

// Forget believes no earlier answer any more: the lists have changed, and perhaps the servers have.
func (all *Sources) Forget() {
	if all == nil {
		return
	}
	for _, s := range all.all {
		s.Forget()
	}
}

// States are those of all servers.
func (all *Sources) States() []State {
	if all == nil {
		return nil
	}
	states := make([]State, len(all.all))
	for i, s := range all.all {
		states[i] = s.State()
	}
	return states
}

// Stop ends all questions.
func (all *Sources) Stop() {
	if all == nil {
		return
	}
	for _, s := range all.all {
		s.Stop()
	}
}
