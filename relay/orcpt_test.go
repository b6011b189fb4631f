package relay

import "testing"

func TestParametersOfNotifications(t *testing.T) {
	for given, want := range map[string]string{"": "", "plain": "plain", "a+2Bb+20c": "a+b c", "a+2": "", "a+": "", "+ZZ": "", "+0A": "", "+FF": ""} {
		if got := Unxtext(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	for given, want := range map[string]string{
		"": "", "rfc822": "", ";x": "", "rf c;x": "", "rfc822;": "", "rfc822;bob+2Btag@old.example": "rfc822;bob+tag@old.example", "rfc822;bob+": "",
		`utf-8;b\x{F6}b@old.example`: "utf-8;böb@old.example", `utf-8;x\x{0A}y`: "", "x400;a=b": "x400;a=b",
	} {
		if got := OriginalRecipient(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}
