package delivery

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

const (
	smallBody = "Subject: exact\r\n\r\n.dots\r\nand more\r\n"
	envelope3 = "MAIL FROM:<ann@old.example>\r\nRCPT TO:<bob@new.example>\r\nDATA\r\n"
	envelope2 = "MAIL FROM:<ann@old.example>\r\nRCPT TO:<bob@new.example>\r\n"
)

// The next hop hangs up after each possible number of octets. Only if it got
// the very last one may the message be in doubt; before that it is unsent.
func TestDoubtBeginsWithTheLastOctet(t *testing.T) {
	large := strings.Repeat("0123456789abcdef0123456789abcdef\r\n", 2*chunkSize/34+100)
	tail := (len(large)-1)%chunkSize + 1
	bdatSmall := fmt.Sprintf("BDAT %d LAST\r\n", len(smallBody)) + smallBody
	bdatLarge := fmt.Sprintf("BDAT %d\r\n", len(large)-tail) + large[:len(large)-tail] +
		fmt.Sprintf("BDAT %d LAST\r\n", tail) + large[len(large)-tail:]
	tests := []struct {
		name     string
		ehlo     string
		body     string
		envelope string // answered
		replies  string
		rest     string // cut
		step     int
	}{
		{"DATA", "250-mx\r\n250 PIPELINING\r\n", smallBody, envelope3, "250 ok\r\n250 ok\r\n354 go\r\n",
			strings.Replace(smallBody, "\r\n.", "\r\n..", 1) + ".\r\n", 1},
		{"BDAT with its envelope", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", smallBody, "", "", envelope2 + bdatSmall, 1},
		{"BDAT in two chunks", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", large, envelope2, "250 ok\r\n250 ok\r\n", bdatLarge, 997},
		{"empty message", "250-mx\r\n250 PIPELINING\r\n", "", envelope3, "250 ok\r\n250 ok\r\n354 go\r\n", ".\r\n", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for n := 0; n < len(tt.rest); n += tt.step {
				synctest.Test(t, func(t *testing.T) {
					cutAfter(t, tt.ehlo, tt.envelope, tt.replies, tt.rest[:n], tt.body, Unsent)
				})
			}
			synctest.Test(t, func(t *testing.T) {
				cutAfter(t, tt.ehlo, tt.envelope, tt.replies, tt.rest, tt.body, InDoubt)
			})
		})
	}
}

// cutAfter plays a next hop that answers the envelope, reads exactly rest and
// hangs up.
func cutAfter(t *testing.T, ehlo, envelope, replies, rest, body string, want Kind) {
	ours, theirs := net.Pipe()
	client, err := New(Config{
		Hello:       "gate.old.example",
		Destination: Destination{Address: "mx.new.example:25", TLS: TLS{Mode: Plaintext}},
		Dial:        func(context.Context, string, string) (net.Conn, error) { return ours, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	played := make(chan struct{})
	go func() {
		defer close(played)
		defer theirs.Close()
		io.WriteString(theirs, "220 mx\r\n")
		bufio.NewReaderSize(theirs, 16).ReadString('\n')
		io.WriteString(theirs, ehlo)
		b := make([]byte, len(envelope))
		if _, err := io.ReadFull(theirs, b); err != nil || string(b) != envelope {
			t.Errorf("envelope %q: %v", b, err)
		}
		if replies != "" {
			io.WriteString(theirs, replies)
		}
		b = make([]byte, len(rest))
		if _, err := io.ReadFull(theirs, b); err != nil || string(b) != rest {
			t.Errorf("got %.100q: %v", b, err)
		}
	}()
	outs, err := client.Send(t.Context(), oneRecipient, newBody(body))
	<-played
	if outs[0].Kind != want || err == nil {
		t.Fatalf("cut after %d octets: %s, %v", len(rest), outs[0].Kind, err)
	}
}

var oneRecipient = Envelope{From: "ann@old.example", Recipients: []Recipient{{Address: "bob@new.example"}}}
