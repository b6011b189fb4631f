package daemon_test

import (
	"fmt"
	"testing"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// falseEnds are what a lenient server may take for the end of DATA; the last is the true one, which only BDAT can bring within a message.
var falseEnds = []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\n", "\r\n.\n", "\r.\r\n", "\n\n.\n\n", "\r\r\n.\r\r\n", "\r\n.\r\n"}

// smuggling is a message that holds another behind a false end of data.
func smuggling(number int, end string) []byte {
	return fmt.Appendf(nil, "From: <x@sender.example>\r\nMessage-ID: <%d@sender.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\none%s"+
		"MAIL FROM:<evil@sender.example>\r\nRCPT TO:<carl@example.com>\r\nDATA\r\nFrom: <boss@example.com>\r\n\r\nsmuggled\r\n", number, end)
}

// TestNothingIsSmuggledOut: whatever a message holds that a lenient next hop would take for its end, it stays one message, octet for octet, by every way out.
func TestNothingIsSmuggledOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		mx     testserver.SMTPConfig
		layout layout
		kept   bool // held where neither verb can take it
	}{
		{name: "BDAT", mx: testserver.SMTPConfig{Lenient: true}},
		{name: "DATA, else the mailbox path", mx: testserver.SMTPConfig{Lenient: true, Without: []string{"CHUNKING", "BINARYMIME"}}},
		{name: "DATA alone", mx: testserver.SMTPConfig{Lenient: true, Without: []string{"CHUNKING", "BINARYMIME"}}, layout: layout{relay: "rescue = false"}, kept: true},
		{name: "the mailbox path", layout: layout{to: `to = ["home:mailbox"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.layout.mx = c.mx
			b := newBed(t, c.layout)
			b.start()
			letters := b.smuggle(t)
			fit := len(letters)
			if c.kept {
				fit = 1 // CRLF.CRLF, which DATA stuffs
			}
			s := b.until("each to come to its end", func(s control.Status) bool {
				return s.Queue.Settled+s.Queue.Held == len(letters) && s.Queue.Accepted == 0
			})
			if s.Queue.Settled != fit {
				t.Errorf("%d arrived, want %d", s.Queue.Settled, fit)
			}
			for i, letter := range letters[len(letters)-fit:] {
				if found := b.holding(b.cloud, "anna@example.com", letter); len(found) != 1 {
					t.Errorf("letter %d: found at %v", i, found)
				}
			}
			if found := b.holding(b.cloud, "anna@example.com", nil); len(found) != fit {
				t.Errorf("anna has %d messages, want %d", len(found), fit)
			}
			if found := b.holding(b.cloud, "carl@example.com", nil); len(found) != 0 {
				t.Errorf("smuggled: %v", found)
			}
			for _, e := range b.mx.Received() {
				if e.From != "x@sender.example" {
					t.Errorf("a message of %s", e.From)
				}
			}
			if n := b.mx.Violations(); n != 0 {
				t.Errorf("%d breaches of the protocol", n)
			}
		})
	}
}

// smuggle gives the daemon a letter for each false end by DATA, where that can hold it, and by BDAT; the last is the one that is none of a bare CR or LF.
func (b *bed) smuggle(t *testing.T) (letters [][]byte) {
	t.Helper()
	for i, end := range falseEnds {
		for _, bdat := range []bool{false, true} {
			if !bdat && i == len(falseEnds)-1 {
				continue
			}
			letter := smuggling(len(letters), end)
			r, err := testserver.Sender{BDAT: bdat}.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, letter)
			if err != nil || !r.Final.OK() {
				t.Fatalf("%q: %+v, %v", end, r, err)
			}
			letters = append(letters, letter)
		}
	}
	return letters
}
