package evidence

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
)

// Whoever has an export comes to the same verdicts, and may fold on.
func TestExportIsJudgedTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	booked := 0
	for range 60 {
		te := randomTestimony(rnd)
		if rnd.IntN(2) == 0 {
			te = history(history(te, 1+rnd.IntN(5), "daily.example"), 20+rnd.IntN(30), "rare.example").Switch(hours(0))
		}
		out := Export{Schema: ExportSchema, At: hours(200), Policies: []Policy{randomPolicy(rnd), OldAddress([]string{"mx"}), MailboxServer([]string{"mx"}, nil)}, Testimony: te}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		var in Export
		if err := json.Unmarshal(text, &in); err != nil {
			t.Fatal(err)
		}
		want, got := out.Verdicts(), in.Verdicts()
		if a, b := toJSON(t, want), toJSON(t, got); a != b {
			t.Fatalf("got %s\nwant %s", b, a)
		}
		if want[1].Leftover.Horizon > 0 {
			booked++
		}
		more := mail(150, Wanted, "mx")
		if a, b := Fold(te, more).Uses(), Fold(in.Testimony, more).Uses(); !reflect.DeepEqual(toJSON(t, a), toJSON(t, b)) {
			t.Fatal("folding on comes to something else")
		}
	}
	if booked < 10 {
		t.Errorf("the sender book was asked %d times only", booked)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
