package delivery

import (
	"time"

	"posthouse/internal/pace"
	"posthouse/relay/reason"
)

// Throttle reports whether a reply asks to slow down rather than judging the
// message, and the pause it names, if any. Greylisting is no throttle, but
// often names a pause.
func Throttle(r Reply) (throttled bool, backoff time.Duration) {
	if !r.Negative() {
		return false, 0
	}
	return reason.Of(r.Code, r.Enhanced, r.Text) == reason.Throttled, pace.Named(r.Text)
}
