package callout_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock/clocktest"
	"posthouse/relay/callout"
)

// A clock that is put back by days makes neither an answer nor the pause of a server that was down hold for days, and what may be asked grows again.
func TestClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on, c := newServer(), clocktest.New()
		s := on.sourceBy(c, cutover.Legacy, 600)
		defer s.Stop()
		ask := func(local any) callout.Answer {
			return s.Ask(t.Context(), cutover.Address(fmt.Sprint(local, "@example.com")))
		}
		equal(t, "before", ask("nobody"), callout.No)
		on.set(func() { on.others, on.known["nobody@example.com"] = down, yes })
		for n := range 3 {
			ask(n)
		}
		equal(t, "down before", s.State().Down, true)
		on.set(func() { on.others = no })
		c.Set(-72 * time.Hour)
		time.Sleep(6 * time.Minute)
		equal(t, "down after", s.State().Down, false)
		equal(t, "after", ask("nobody"), callout.Yes)
		for n := range 200 { // more than may be asked at once
			ask(n)
		}
		time.Sleep(time.Minute)
		equal(t, "after many", ask("anna"), callout.Yes)
	})
}
