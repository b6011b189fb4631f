package delivery

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var hops = flag.Int("hops", 30, "how many next hops TestRandomHops has")

// oddHop is a next hop that says odd things, hangs up anywhere and is slow, but never lies: what it has taken it has said yes to, if not so that it was heard.
type oddHop struct {
	mu    sync.Mutex
	r     *rand.Rand
	calm  bool
	lmtp  bool
	offer []string
	took  map[string]int // "number recipient"
	wrong []string
}

func (h *oddHop) n(most int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.IntN(most)
}

func (h *oddHop) odd(once int) bool { return !h.calm && h.n(once) == 0 }

// talk is one session.
type talk struct {
	*oddHop
	conn net.Conn
	r    *bufio.Reader
	to   []string
	from bool
	bye  bool // 421 was the last reply: who goes on behind it says so, and does not hang up without another word
	body bytes.Buffer
}

var errLeft = errors.New("left")

func (h *oddHop) serve(conn net.Conn) {
	defer conn.Close()
	t := &talk{oddHop: h, conn: conn, r: bufio.NewReaderSize(conn, 1<<17)}
	if t.say("220 mx ESMTP") != nil {
		return
	}
	for t.command() == nil {
	}
}

// say writes a reply, oddly.
func (t *talk) say(reply string) error {
	text := reply + "\r\n"
	if code := reply[:3]; t.odd(6) && !strings.HasPrefix(reply, "334") && code != "354" && len(reply) > 4 && reply[3] == ' ' {
		text = code + "-first\r\n" + code + "-\r\n" + text
	}
	switch {
	case !t.bye && t.odd(40):
		text = text[:t.n(len(text))]
		io.WriteString(t.conn, text)
		return errLeft
	case t.odd(60):
		time.Sleep(time.Duration(t.n(400)) * time.Second)
	case t.odd(120):
		time.Sleep(20 * time.Minute)
	}
	if t.odd(3) {
		k := t.n(len(text))
		io.WriteString(t.conn, text[:k])
		text = text[k:]
		time.Sleep(time.Millisecond)
	}
	_, err := io.WriteString(t.conn, text)
	t.bye = strings.HasPrefix(reply, "421")
	return err
}

// refuses says something else instead.
func (t *talk) refuses(once int) (string, bool) {
	if !t.odd(once) {
		return "", false
	}
	return []string{"451 4.3.0 later", "550 5.7.1 no", "421 4.3.2 closing", "452 4.2.2 full", "521 no", "421 and goes on"}[t.n(6)], true
}

// or answers yes, or refuses: yes tells which. After 421 it hangs up, or goes on as if it had not.
func (t *talk) or(reply string, once int) (yes bool, err error) {
	other, refused := t.refuses(once)
	if !refused {
		return true, t.say(reply)
	}
	if err := t.say(other); err != nil {
		return false, err
	}
	if other == "421 4.3.2 closing" {
		return false, errLeft
	}
	return false, nil
}

func (t *talk) command() error {
	line, err := t.r.ReadString('\n')
	if err != nil {
		return err
	}
	line = strings.TrimSuffix(line, "\r\n")
	switch verb, rest, _ := strings.Cut(line, " "); verb {
	case "EHLO", "LHLO":
		return t.say("250-mx.new.example\r\n250-" + strings.Join(t.offer, "\r\n250-") + "\r\n250 HELP")
	case "MAIL":
		t.forget()
		t.from, err = t.or("250 2.1.0 ok", 30)
	case "RCPT":
		if !t.from {
			return t.say("503 5.5.1 MAIL first")
		}
		var yes bool
		if yes, err = t.or([]string{"250 2.1.5 ok", "251 2.1.5 will forward", "252 2.1.5 will see"}[t.n(3)], 20); yes {
			address, _, _ := strings.Cut(rest, ">")
			t.to = append(t.to, strings.TrimPrefix(address, "TO:<"))
		}
	case "RSET":
		t.forget()
		return t.say("250 ok")
	case "QUIT":
		t.say("221 bye")
		return errLeft
	case "DATA":
		return t.data()
	case "BDAT":
		return t.chunk(rest)
	default:
		t.mu.Lock()
		t.wrong = append(t.wrong, fmt.Sprintf("%.80q", line))
		t.mu.Unlock()
		return t.say("500 5.5.2 what")
	}
	return err
}

func (t *talk) forget() {
	t.from, t.to = false, nil
	t.body.Reset()
}

func (t *talk) data() error {
	if len(t.to) == 0 && t.n(2) == 0 {
		return t.say("503 5.5.1 no recipients")
	}
	if yes, err := t.or("354 go", 30); !yes || err != nil {
		t.forget()
		return err
	}
	for {
		line, err := t.r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case line == ".\r\n":
			return t.verdict()
		case len(line) > 0 && t.odd(9000):
			return errLeft
		}
		t.body.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (t *talk) chunk(rest string) error {
	var n int64
	var last string
	fmt.Sscanf(rest, "%d %s", &n, &last)
	if t.odd(60) {
		return errLeft
	}
	if _, err := io.CopyN(&t.body, t.r, n); err != nil {
		return err
	}
	switch {
	case len(t.to) == 0:
		return t.say("503 5.5.1 no recipients")
	case last == "LAST":
		return t.verdict()
	}
	yes, err := t.or("250 2.0.0 more", 30)
	if !yes {
		t.forget()
	}
	return err
}

// verdict takes the message, or not, and says so.
func (t *talk) verdict() error {
	defer t.forget()
	if t.odd(50) {
		return errLeft
	}
	recipients := [][]string{t.to}
	if t.lmtp {
		recipients = nil
		for _, r := range t.to {
			recipients = append(recipients, []string{r})
		}
	}
	if len(t.to) == 0 {
		return t.say("554 5.5.1 no recipients")
	}
	for _, some := range recipients {
		other, refused := t.refuses(10)
		if !refused {
			t.take(some)
			other = []string{"250 2.0.0 queued", "250", "200 fine", "250 2.6.0 <id> [InternalId=1]"}[t.n(4)]
		}
		if err := t.say(other); err != nil {
			return err
		}
		if strings.HasPrefix(other, "421 4") {
			return errLeft
		}
	}
	switch {
	case t.odd(20):
		return errLeft
	case t.odd(20):
		t.say("421 4.4.2 enough")
		return errLeft
	}
	return nil
}

func (t *talk) take(recipients []string) {
	number, rest, _ := strings.Cut(t.body.String(), "\r\n")
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest != "" && rest != strings.Repeat(".line\r\n", len(rest)/7) {
		t.wrong = append(t.wrong, fmt.Sprintf("message %s is not what it was", number))
	}
	for _, r := range recipients {
		t.took[number+" "+r]++
	}
}

// parcel is one message and who has it still to get.
type parcel struct {
	number string
	body   *testBody
	to     []string
}

func (p *parcel) envelope() Envelope {
	e := Envelope{From: "ann@old.example", ID: p.number + strings.Join(p.to, " ")}
	for _, r := range p.to {
		e.Recipients = append(e.Recipients, Recipient{Address: r})
	}
	return e
}

// bring sends parcels one after another, as long as there are some, and asks the hop where it is in doubt.
func bring(t *testing.T, h *oddHop, c *Client, parcels []*parcel) {
	for len(parcels) > 0 {
		p := parcels[0]
		e := p.envelope()
		if len(parcels) > 1 {
			e.Next = func() (Next, bool) { return Next{Envelope: parcels[1].envelope(), Size: parcels[1].body.Size()}, true }
		}
		outs, err := c.Send(context.Background(), e, p.body)
		parcels = parcels[1:]
		var again []string
		for i, o := range outs {
			h.mu.Lock()
			n := h.took[p.number+" "+p.to[i]]
			h.mu.Unlock()
			switch {
			case o.Kind == Accepted && n == 1:
				continue
			case o.Kind == InDoubt:
				time.Sleep(time.Hour)
				h.mu.Lock()
				n = h.took[p.number+" "+p.to[i]]
				h.mu.Unlock()
				if n > 0 {
					continue
				}
			case n != 0 || o.Kind == Accepted:
				t.Errorf("message %s to %s is %s (%s, %v), and was taken %d times", p.number, p.to[i], o.Kind, o.Words(), err, n)
				continue
			}
			again = append(again, p.to[i])
		}
		if p.to = again; len(again) > 0 {
			parcels = append(parcels, p)
		}
	}
}

// TestRandomHops: whatever a next hop says and wherever it hangs up, everybody gets each message once, and no outcome says another thing than what the hop did.
func TestRandomHops(t *testing.T) {
	for seed := range *hops {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playHop(t, uint64(seed)) })
		})
	}
}

func playHop(t *testing.T, seed uint64) {
	h := &oddHop{r: rand.New(rand.NewPCG(seed, 3)), took: map[string]int{}, offer: []string{"SIZE 1000000"}, lmtp: seed%5 == 4}
	for _, keyword := range []string{"PIPELINING", "CHUNKING", "DSN", "8BITMIME"} {
		if h.n(3) > 0 {
			h.offer = append(h.offer, keyword)
		}
	}
	d := Destination{Address: "mx:25", TLS: TLS{Mode: Plaintext}, MaxConnections: 3, MaxMessages: 5}
	if h.lmtp {
		d.Protocol = LMTP
	}
	var served sync.WaitGroup
	c, err := New(Config{Hello: "gate.old.example", Destination: d, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		served.Go(func() { h.serve(theirs) })
		return ours, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var wanted []string
	for k := range 3 {
		var parcels []*parcel
		for i := range 12 {
			p := &parcel{number: fmt.Sprintf("%d.%d", k, i)}
			p.body = newBody(p.number + "\r\n" + strings.Repeat(".line\r\n", []int{0, 1, 10, 10, 10, 10, 10, 8000}[h.n(8)]))
			for r := range 1 + h.n(4) {
				p.to = append(p.to, fmt.Sprintf("r%d@new.example", r))
				wanted = append(wanted, p.number+" "+p.to[r])
			}
			parcels = append(parcels, p)
		}
		all.Go(func() { bring(t, h, c, parcels) })
	}
	all.Wait()
	c.Stop(context.Background())
	served.Wait()
	for _, w := range wanted {
		if h.took[w] != 1 {
			t.Errorf("%s was taken %d times", w, h.took[w])
		}
	}
	if len(h.wrong) > 0 {
		t.Errorf("heard %s", h.wrong)
	}
}
