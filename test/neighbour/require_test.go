package neighbour_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"posthouse/test/neighbour"
)

// outcome is a test that notes how it was ended.
type outcome struct {
	testing.TB
	how, why string
}

func (o *outcome) Helper()           {}
func (o *outcome) Fatal(args ...any) { o.end("failed", args) }
func (o *outcome) Skip(args ...any)  { o.end("skipped", args) }

func (o *outcome) end(how string, args []any) {
	o.how, o.why = how, fmt.Sprint(args...)
	runtime.Goexit()
}

// A neighbour that cannot be had is named aloud, and is a failure where neighbours are required.
func TestRequire(t *testing.T) {
	for _, tt := range []struct{ required, how string }{{"", "skipped"}, {"required", "failed"}} {
		t.Setenv("POSTHOUSE_NEIGHBOURS", tt.required)
		o := &outcome{TB: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			neighbour.Require(o, "no-such-server")
		}()
		<-ended
		if o.how != tt.how || !strings.Contains(o.why, "no-such-server") {
			t.Errorf("POSTHOUSE_NEIGHBOURS=%q: %s: %s, want it %s", tt.required, o.how, o.why, tt.how)
		}
	}
}
