package callout

import (
	"time"

	"posthouse/cutover"
)

const (
	keepYes = time.Hour
	keepNo  = 5 * time.Minute
	// maxKept bounds the addresses remembered of one source: guessing takes memory, too.
	maxKept = 20_000
)

// kept is one answer.
type kept struct {
	answer Answer
	at     time.Time
	era    int // answers of an earlier one are not believed any more
}

// cache remembers the answers used or given last, at least half of maxKept of them: young ones, and old ones that have not been asked for since the young ones began.
type cache struct {
	young, old map[cutover.Address]kept
	era        int
}

func (c *cache) keep(a cutover.Address, k kept) {
	if len(c.young) >= maxKept/2 {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = map[cutover.Address]kept{}
	}
	c.young[a] = k
}

// recall is the last answer, however old.
func (c *cache) recall(a cutover.Address) (kept, bool) {
	if k, ok := c.young[a]; ok {
		return k, true
	}
	k, ok := c.old[a]
	if ok {
		c.keep(a, k)
	}
	return k, ok
}

// fresh is an answer that still holds.
func (c *cache) fresh(a cutover.Address, now time.Time) (Answer, bool) {
	k, ok := c.recall(a)
	hold := keepNo
	if k.answer == Yes {
		hold = keepYes
	}
	return k.answer, ok && k.era == c.era && now.Sub(k.at) < hold
}
