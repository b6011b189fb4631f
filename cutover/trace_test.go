package cutover_test

import (
	"strings"
	"testing"

	"posthouse/cutover"
)

const capture = cutover.CaptureID("01JD9F3K7Q0000000000000000")

func TestTraceVerifiesItsOwn(t *testing.T) {
	key := []byte("a key of the ledger")
	trace := cutover.NewTrace(key, capture)
	if id, ok := trace.Verify(key); !ok || id != capture {
		t.Fatalf("%s names %q, %v", trace, id, ok)
	}
	header := cutover.TraceField + ": " + string(trace) + "\r\nFrom: a@example.com\r\n\r\n"
	if id, ok := cutover.IdentityOf([]byte(header)).Trace.Verify(key); !ok || id != capture {
		t.Errorf("from a header: %q, %v", id, ok)
	}
	if strings.ContainsAny(string(trace), " \t\r\n") || len(trace) > 60 {
		t.Errorf("%q may be folded on its way", trace)
	}
}

func TestTraceRefusesTheRest(t *testing.T) {
	key := []byte("a key of the ledger")
	own := string(cutover.NewTrace(key, capture))
	id, mac, _ := strings.Cut(own, ".")
	for name, trace := range map[string]string{
		"foreign key":   string(cutover.NewTrace([]byte("another key"), capture)),
		"no key":        string(cutover.NewTrace(nil, capture)),
		"tampered id":   "01JD9F3K7Q0000000000000001." + mac,
		"tampered MAC":  own[:len(own)-1] + flipped(own[len(own)-1]),
		"longer MAC":    own + "0",
		"shorter MAC":   own[:len(own)-1],
		"lower case":    strings.ToLower(own),
		"no MAC":        id + ".",
		"no dot":        id + mac,
		"id alone":      id,
		"MAC alone":     "." + mac,
		"another dot":   id + "." + own,
		"dot":           ".",
		"garbage":       "\x00\xff.\r\n",
		"empty":         "",
		"blank after":   own + " ",
		"comment after": own + " (checked)",
	} {
		if got, ok := cutover.Trace(trace).Verify(key); ok || got != "" {
			t.Errorf("%s: %q verifies as %q", name, trace, got)
		}
	}
}

func flipped(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

func TestCaptureIDShort(t *testing.T) {
	for id, want := range map[cutover.CaptureID]string{capture: "01JD9F3K7Q", "short": "short", "": ""} {
		if id.Short() != want {
			t.Errorf("%q is %q in short", id, id.Short())
		}
	}
}
