package delivery

import "testing"

// A reply is kept as people know it, with or without an enhanced code and words.
func TestReplyInWords(t *testing.T) {
	for want, r := range map[string]Reply{
		"451 4.3.0 later": {Code: 451, Enhanced: "4.3.0", Text: "later"}, "451 later": {Code: 451, Text: "later"}, "550": {Code: 550}, "550 5.1.1": {Code: 550, Enhanced: "5.1.1"},
	} {
		if got := (Outcome{Reply: r}).Words(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
