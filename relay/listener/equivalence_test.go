package listener

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
)

// talker is a client that reads replies on a goroutine of its own, so that an unbuffered network cannot lock up.
type talker struct {
	conn    net.Conn
	replies chan string // final lines; closed at the end of the connection
}

func newTalker(conn net.Conn) *talker {
	k := &talker{conn: conn, replies: make(chan string, 100)}
	go func() {
		defer close(k.replies)
		in := bufio.NewReader(conn)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if len(line) > 3 && line[3] == ' ' {
				k.replies <- line
			}
		}
	}()
	return k
}

// say sends, if there is something to send, and wants these reply codes.
func (k *talker) say(octets string, codes ...string) error {
	if octets != "" {
		if _, err := io.WriteString(k.conn, octets); err != nil {
			return err
		}
	}
	for _, code := range codes {
		if line := <-k.replies; !strings.HasPrefix(line, code) {
			return fmt.Errorf("after %.60q: reply %q, want %s", octets, line, code)
		}
	}
	return nil
}

func (k *talker) pieces(r *rand.Rand, wire string) error {
	for wire != "" {
		n := 1 + r.IntN(min(len(wire), 40))
		if err := k.say(wire[:n]); err != nil {
			return err
		}
		wire = wire[n:]
	}
	return nil
}

const envelopeCommands = "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@mail.test>\r\n"

func newTalkerBed(t *testing.T) (*bed, *talker) {
	b := newBed(t, func(c *Config) { c.MaxAccepted = 1 << 30 })
	k := newTalker(b.net.dial("198.51.100.7:4711"))
	t.Cleanup(func() {
		k.conn.Close()
		b.stop()
	})
	if err := k.say("EHLO client.test\r\n", "220", "250"); err != nil {
		t.Fatal(err)
	}
	return b, k
}

// lastBody takes the one message that was committed since the last call.
func (in *memIntake) lastBody(t *testing.T) string {
	t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.committed) != 1 {
		t.Fatalf("%d messages were committed, want 1", len(in.committed))
	}
	body := in.committed[0].body.String()
	in.committed = nil
	return body
}

// TestDataEqualsReference sends random bodies in random pieces, sometimes with the next command behind the final dot in the same piece.
func TestDataEqualsReference(t *testing.T) {
	b, k := newTalkerBed(t)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range bodies {
		wire, _, _ := strings.Cut(randomScraps(r, 12)+"\r\n.\r\n", "\r\n.\r\n")
		wire += "\r\n.\r\n"
		if strings.HasPrefix(wire, ".\r\n") {
			wire = "." + wire // or the body would end here
		}
		want, _, _ := reference(wire)
		codes := []string{"250"}
		if r.IntN(2) == 1 {
			wire, codes = wire+"NOOP\r\n", append(codes, "250")
		}
		err := k.say(envelopeCommands+"DATA\r\n", "250", "250", "354")
		if err == nil {
			err = k.pieces(r, wire)
		}
		if err = cmpErr(err, k.say("", codes...)); err != nil {
			t.Fatalf("body %d, %q: %v", i, wire, err)
		}
		if got := b.intake.lastBody(t); got != want {
			t.Fatalf("body %d, wire %q: stored %q, want %q", i, wire, got, want)
		}
	}
}

// TestBdatKeepsEveryOctet sends random bodies in random chunks, everything pipelined, in random pieces.
func TestBdatKeepsEveryOctet(t *testing.T) {
	b, k := newTalkerBed(t)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range bodies / 10 {
		body, wire, codes := randomScraps(r, 20), envelopeCommands, []string{"250", "250"}
		left := body
		for range r.IntN(4) {
			n := r.IntN(len(left) + 1)
			wire += fmt.Sprintf("BDAT %d\r\n%s", n, left[:n])
			left, codes = left[n:], append(codes, "250")
		}
		wire += fmt.Sprintf("BDAT %d LAST\r\n%s", len(left), left)
		if err := cmpErr(k.pieces(r, wire), k.say("", append(codes, "250")...)); err != nil {
			t.Fatalf("body %d, %q: %v", i, body, err)
		}
		if got := b.intake.lastBody(t); got != body {
			t.Fatalf("body %d: stored %q, want %q", i, got, body)
		}
	}
}

// TestLargeBodies crosses every buffer's edge with line ends and dots.
func TestLargeBodies(t *testing.T) {
	b, k := newTalkerBed(t)
	r := rand.New(rand.NewPCG(7, 8))
	for _, edge := range []int{commandBuffer, bodyBuffer, 2 * bodyBuffer} {
		for shift := -6; shift <= 6; shift++ {
			wire := strings.Repeat("x", edge+shift) + "\r\n..dot\r\n.\rX\r\r\n" + randomScraps(r, 3) + "x\r\n.\r\n"
			want, rest, _ := reference(wire)
			if rest != "" {
				continue
			}
			if err := cmpErr(k.say(envelopeCommands+"DATA\r\n", "250", "250", "354"), k.say(wire, "250")); err != nil {
				t.Fatal(err)
			}
			if got := b.intake.lastBody(t); got != want {
				t.Fatalf("edge %d%+d: stored %d octets, want %d, ending %q", edge, shift, len(got), len(want), got[len(got)-30:])
			}
		}
	}
}

// falseEnds look like an end of data to a server that reads line ends loosely (SMTP smuggling, CVE-2023-51764 and its kin).
var falseEnds = []string{
	"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r.\n", "\n.\r", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n",
	"\n\n.\n\n", "\r\n .\r\n", "\r\n. \r\n", "\x85.\x85", "\n\r.\n\r", "\r\n.\n\r\n", "\n.\n\r\n", "\r\n\n.\n",
}

func TestSmuggling(t *testing.T) {
	b, k := newTalkerBed(t)
	for _, end := range falseEnds {
		body := "Subject: one\r\n\r\nhello" + end + "MAIL FROM:<forged@client.test>\r\nRCPT TO:<b@mail.test>\r\nDATA\r\nforged\r\n.\r\n"
		want, rest, whole := reference(body)
		if rest != "" || !whole {
			t.Fatalf("%q ends a body", end)
		}
		if err := cmpErr(k.say(envelopeCommands+"DATA\r\n", "250", "250", "354"), k.say(body, "250"), k.say("NOOP\r\n", "250")); err != nil {
			t.Fatalf("%q: %v", end, err)
		}
		if got := b.intake.lastBody(t); got != want {
			t.Errorf("%q: stored %q, want %q", end, got, want)
		}
	}
}
