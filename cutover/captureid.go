package cutover

import (
	"strings"
	"time"
)

// Time is when the capture was made, as its first ten characters tell (milliseconds); the zero time for what is no capture's id.
func (id CaptureID) Time() time.Time {
	if len(id) < 10 {
		return time.Time{}
	}
	var ms int64
	for _, c := range id[:10] {
		v := strings.IndexRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c)
		if v < 0 {
			return time.Time{}
		}
		ms = ms<<5 | int64(v)
	}
	return time.UnixMilli(ms).UTC()
}
