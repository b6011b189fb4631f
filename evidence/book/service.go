package book

import "time"

// service is what is known of what carries several: where any of them was seen.
type service struct {
	lastOld time.Time
	all     Series // on the new side
}

// group finds what carries several.
func (b *Book) group() {
	b.services = make(map[string]*service)
	for _, e := range b.Entries {
		if e.Service == "" {
			continue
		}
		s := b.services[e.Service]
		if s == nil {
			s = &service{}
			b.services[e.Service] = s
		}
		s.lastOld, s.all = later(s.lastOld, e.LastOld), s.all.Plus(e.New)
	}
}

// carried takes what others showed of the same service: it was seen on the new side with theirs, and not on the old one since.
func (s *standing) carried(by *service) {
	if by == nil {
		return
	}
	if since := by.all.From(DayOf(later(s.stays, by.lastOld)) + 1); len(since) > 0 {
		s.along = since.Total()
	}
}
