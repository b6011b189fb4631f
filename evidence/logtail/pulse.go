package logtail

import "time"

// pulse counts the lines read of late, by quarters of an hour. The zero value has counted none.
type pulse struct {
	counts [96]int // of one day; the newest first
	newest int64   // quarter of the first
}

const quarter = 15 * time.Minute

func (p *pulse) add(now time.Time) {
	p.age(now)
	p.counts[0]++
}

// age moves the counts to where they belong now.
func (p *pulse) age(now time.Time) {
	at := now.Unix() / int64(quarter/time.Second)
	older := min(at-p.newest, int64(len(p.counts)))
	if older <= 0 {
		return
	}
	copy(p.counts[older:], p.counts[:int64(len(p.counts))-older])
	clear(p.counts[:older])
	p.newest = at
}

// within is how many were read in the last quarters, the one that has begun included.
func (p *pulse) within(now time.Time, d time.Duration) (sum int) {
	p.age(now)
	for _, n := range p.counts[:min(len(p.counts), int(d/quarter))] {
		sum += n
	}
	return sum
}
