package logtail

import (
	"fmt"
	"time"
)

// Progress is how much of what was written before has been read.
type Progress struct {
	Read  int64 `json:"read"`  // octets, as they lie in the files
	Total int64 `json:"total"` // likewise
}

// worthTelling is how much there must be to read before progress is told.
const worthTelling = 16 << 20

// expect begins a poll with so many octets before it.
func (f *Follower) expect(total int64) {
	f.progress = Progress{}
	if total >= worthTelling {
		f.progress.Total = total
	}
}

// advance counts what was read of the file that is open.
func (f *Follower) advance(octets int) {
	if u, ok := f.file.(*unpacked); ok {
		octets = u.packedSince()
	}
	f.progress.Read = min(f.progress.Read+int64(octets), f.progress.Total)
}

// packedSince is how many octets were taken of a compressed file since it was asked last.
func (u *unpacked) packedSince() int {
	at, err := u.Seek(0, 1)
	if err != nil {
		return 0
	}
	since := at - u.counted
	u.counted = at
	return int(max(0, since))
}

// reading tells how far the reading of old logs is; "" if there is nothing to tell.
func (p Progress) reading(last time.Time) string {
	if p.Total == 0 || p.Read >= p.Total {
		return ""
	}
	return fmt.Sprintf("what was written before is being read: %d %% of %d MB, up to %s", 100*p.Read/p.Total, p.Total>>20, last.Format(time.DateOnly))
}

// tellProgress reports while a poll goes on, and in the service's log twice a minute.
func (f *Follower) tellProgress() {
	if f.progress.Total == 0 {
		return
	}
	f.report()
	if now := f.clock.Now(); now.Sub(f.told) >= 30*time.Second {
		f.told = now
		f.log.WithField("percent", 100*f.progress.Read/f.progress.Total).WithField("up_to", f.pos.LastLine).Info("reading old logs")
	}
}
