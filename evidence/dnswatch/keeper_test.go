package dnswatch

import "testing"

func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com": true, "mail.example.org": true, "acme.example": true, "x.test": true, "localhost": true, "acme.com": false, "myexample.com": false, "test.de": false,
	} {
		if isReserved(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
