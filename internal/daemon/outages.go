package daemon

import (
	"fmt"
	"time"
)

// outageAfter is how long a destination may take nothing until it is an alarm: long enough for a server that is started again.
const outageAfter = 5 * time.Minute

// outageAlarms names the destinations that take nothing, with their last words: what waits for them is late only after an hour.
func (d *Daemon) outageAlarms(now time.Time) []alarm {
	if d.courier == nil {
		return nil
	}
	var all []alarm
	for _, o := range d.courier.Outages(now) {
		if now.Sub(o.Since) < outageAfter {
			continue
		}
		all = append(all, alarm{"down " + o.Destination, "destinations", 1, fmt.Sprintf(
			"%s takes nothing since %s, what is for it waits, and it is tried again at %s: %s", o.Destination, o.Since.UTC().Format("2 Jan 15:04"), o.Retry.UTC().Format("15:04"), o.Words)})
	}
	return all
}
