package evidence

import (
	"encoding/json"
	"testing"
	"time"
)

// Clients that hide behind one address keep nothing from being ready; where it is not, they are told of, by whoever judges an export too.
func TestCrowds(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	base := Testimony{}.Cover(Coverage{"mx", Span{now.Add(-4 * day), now}})
	base.contacts = map[string]time.Time{"mx": now}
	w := OpenWork{At: now, Crowds: []Crowd{{Address: "10.0.0.1", Names: []string{"one.example", "two.example"}}}}
	quiet := base.WithWork(w)
	w.Crowds[0].Names[0] = "changed.example"
	used := Fold(quiet, Observation{At: now, Channel: Arriving, Class: Wanted, Source: "mx", Sender: "a.example"})
	for _, c := range []struct {
		t     Testimony
		state State
		codes int
	}{{quiet, Ready, 0}, {used, NotYet, 1}} {
		out := Export{Schema: ExportSchema, At: now, Policies: []Policy{quietAlone(OldAddress([]string{"mx"}))}, Testimony: c.t}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		var in Export
		if err := json.Unmarshal(text, &in); err != nil {
			t.Fatal(err)
		}
		for _, v := range []Verdict{out.Verdicts()[0], in.Verdicts()[0]} {
			var hidden []Reason
			for _, r := range v.Reasons {
				if r.Code == Hidden {
					hidden = append(hidden, r)
				}
			}
			if v.State != c.state || v.Reasons == nil || len(hidden) != c.codes || c.codes == 1 && hidden[0].Senders[0] != "one.example" {
				t.Errorf("%s: %+v", v.State, v.Reasons)
			}
		}
	}
}
