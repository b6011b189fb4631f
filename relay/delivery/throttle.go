package delivery

import (
	"strings"
	"time"

	"posthouse/internal/pace"
)

// Throttle reports whether a reply asks to slow down rather than judging the
// message, and the pause it names, if any. Greylisting is no throttle, but
// often names a pause.
func Throttle(r Reply) (throttled bool, backoff time.Duration) {
	if !r.Negative() {
		return false, 0
	}
	return isThrottle(r, strings.ToLower(r.Text)), pace.Named(r.Text)
}

func isThrottle(r Reply, text string) bool {
	if strings.Contains(text, "greylist") || strings.Contains(text, "graylist") {
		return false
	}
	switch r.Code {
	case 421:
		// 4.4.2 is a connection that was idle or broke: nobody is overloaded.
		return r.Enhanced != "4.4.2"
	case 432:
		// Exchange: "432 4.3.2 Concurrent connections limit exceeded".
		return true
	case 450, 451, 452, 454:
		// Microsoft 4.7.500-699 and 4.7.651 (server busy, reputation), Google
		// 4.7.28 (rate), 4.7.0 (too many logins).
		return strings.HasPrefix(r.Enhanced, "4.7.") || namesRate(text)
	case 550:
		// Google: "550 5.4.5 Daily user sending limit exceeded", over tomorrow.
		return r.Enhanced == "5.4.5"
	}
	return false
}

// namesRate finds throttles under other enhanced codes, such as Google's
// "450 4.2.1 … is receiving mail at a rate that prevents …".
func namesRate(text string) bool {
	for _, s := range []string{"at a rate that", "rate limit", "throttl", "too many connections", "too many messages", "server busy", "slow down"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
