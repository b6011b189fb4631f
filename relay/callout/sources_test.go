package callout_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/relay/callout"
)

// TestFound: what two servers say together, and whether it is a gap.
func TestFound(t *testing.T) {
	all := map[string]callout.Heard{"yes": yes, "no": no, "later": grey}
	for _, tt := range []struct {
		legacy, cloud string
		want          callout.Found
		ways          string
		gap           bool
	}{
		{"yes", "yes", callout.Found{Known: true}, "[{legacy legacy:smtp} {cloud cloud:smtp}]", false},
		{"yes", "no", callout.Found{Known: true, No: true}, "[{legacy legacy:smtp}]", true},
		{"no", "yes", callout.Found{Known: true, No: true}, "[{cloud cloud:smtp}]", false},
		{"no", "no", callout.Found{No: true}, "[]", false},
		{"no", "later", callout.Found{No: true, Later: true}, "[]", false},
		{"yes", "later", callout.Found{Known: true, Later: true}, "[{legacy legacy:smtp}]", false},
		{"mute", "no", callout.Found{No: true}, "[]", false},
		{"yes", "mute", callout.Found{Known: true}, "[{legacy legacy:smtp}]", false},
		{"mute", "mute", callout.Found{}, "[]", false},
	} {
		t.Run(tt.legacy+" "+tt.cloud, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				makes := func(side cutover.Side, says string) *callout.Source {
					on := newServer()
					if says == "mute" {
						on.others = yes
					}
					on.known["x@example.com"] = all[says]
					return on.source(side, 600)
				}
				both := callout.Join(makes(cutover.Legacy, tt.legacy), makes(cutover.Cloud, tt.cloud))
				defer both.Stop()
				equal(t, "found", both.Ask(t.Context(), "x@example.com", ""), tt.want)
				equal(t, "ways", fmt.Sprint(both.Recall("x@example.com")), tt.ways)
				equal(t, "gap", len(both.Gaps()) == 1, tt.gap)
			})
		})
	}
}

// TestGapEnds when the cloud has the address as well.
func TestGapEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, cloud := newServer(), newServer()
		cloud.known["anna@example.com"] = no
		both := callout.Join(old.source(cutover.Legacy, 600), cloud.source(cutover.Cloud, 600))
		defer both.Stop()
		both.Ask(t.Context(), "anna@example.com", "")
		equal(t, "gaps", fmt.Sprint(both.Gaps()), "[anna@example.com]")
		cloud.set(func() { cloud.known["anna@example.com"] = yes })
		time.Sleep(time.Hour)
		both.Ask(t.Context(), "anna@example.com", "")
		equal(t, "gaps", fmt.Sprint(both.Gaps()), "[]")
	})
}

// TestWhoAsksUsIsNotAsked: a server that asks us about the very address that it is being asked about hears what the others know, at once.
func TestWhoAsksUsIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var both *callout.Sources
		cloud := newServer()
		depth := 0
		old := callout.NewSource(callout.Config{
			Name: "old", Side: cutover.Legacy, Rate: 600, Timeout: timeout, Clock: clock.Real(),
			Ask: func(ctx context.Context, a cutover.Address) callout.Heard {
				if depth++; depth > 2 {
					t.Error("asked again and again")
				}
				if both.Ask(ctx, a, cutover.Legacy).Known {
					return yes
				}
				return no
			},
		})
		both = callout.Join(old, cloud.source(cutover.Cloud, 600))
		defer both.Stop()
		begun := time.Now()
		equal(t, "unknown", both.Ask(t.Context(), "nobody@example.com", ""), callout.Found{No: true})
		depth = 0
		equal(t, "known", both.Ask(t.Context(), "anna@example.com", ""), callout.Found{Known: true})
		equal(t, "waited", time.Since(begun), 0)
	})
}

// TestNoSources: nobody is asked, and nobody knows.
func TestNoSources(t *testing.T) {
	var none *callout.Sources
	equal(t, "found", none.Ask(t.Context(), "anna@example.com", ""), callout.Found{})
	equal(t, "ways", len(none.Recall("anna@example.com"))+len(none.Gaps())+len(none.States()), 0)
	none.Forget()
	none.Stop()
}
