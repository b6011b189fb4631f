package destination_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// chance is a source of random decisions for many goroutines.
type chance struct {
	mu   sync.Mutex
	rand *rand.Rand
	calm bool // nothing goes wrong any more
}

func (c *chance) n(limit int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.IntN(limit)
}

// mishap is true once in so many, until things calm down.
func (c *chance) mishap(once int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.IntN(once) == 0 && !c.calm
}

func (c *chance) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = true
}

// hop is a mail server that hangs up, refuses and is slow at random. What it takes it gives to took, and it does not forget it.
type hop struct {
	*chance
	offers []string
	took   func(from string, to []string, message string)

	served sync.WaitGroup
}

func (h *hop) dial(context.Context, string, string) (net.Conn, error) {
	if h.mishap(12) {
		return nil, fmt.Errorf("connection refused")
	}
	ours, theirs := net.Pipe()
	h.served.Go(func() { h.serve(theirs) })
	return ours, nil
}

type visit struct {
	*hop
	net.Conn
	in   *bufio.Reader
	from string
	to   []string
	open bool
}

func (h *hop) serve(c net.Conn) {
	defer c.Close()
	v := &visit{hop: h, Conn: c, in: bufio.NewReaderSize(c, 1<<17)}
	ok := v.say("220 mx ESMTP")
	for ok {
		line, err := v.in.ReadString('\n')
		ok = err == nil && v.command(strings.TrimSuffix(line, "\r\n"))
	}
}

// say is false where the session is over.
func (v *visit) say(reply string) bool {
	switch {
	case v.mishap(50):
		io.WriteString(v, reply[:v.n(len(reply))])
		return false
	case v.mishap(40):
		time.Sleep(time.Duration(v.n(90)) * time.Second)
	}
	_, err := io.WriteString(v, reply+"\r\n")
	return err == nil
}

var refusals = []string{
	"451 4.3.0 later", "451 4.3.0 later", "450 4.2.0 greylisted", "452 4.2.2 mailbox full", "421 4.3.2 closing", "552 5.3.4 too large", "550 5.7.1 spam", "550 5.7.68 direct send not allowed",
	"550 5.1.1 no such user", "451 4.7.500 server busy",
}

// or says yes or something else.
func (v *visit) or(yes string, once int) (said, ok bool) {
	if !v.mishap(once) {
		return true, v.say(yes)
	}
	no := refusals[v.n(len(refusals))]
	return false, v.say(no) && !strings.HasPrefix(no, "421")
}

func (v *visit) command(line string) (ok bool) {
	verb, rest, _ := strings.Cut(line, " ")
	path, _, _ := strings.Cut(rest, ">")
	_, path, _ = strings.Cut(path, "<")
	switch verb {
	case "EHLO":
		return v.say("250-mx\r\n250-" + strings.Join(v.offers, "\r\n250-") + "\r\n250 HELP")
	case "MAIL":
		v.from, v.to = path, nil
		v.open, ok = v.or("250 ok", 40)
		return ok
	case "RCPT":
		if !v.open {
			return v.say("503 5.5.1 MAIL first")
		}
		yes, ok := v.or("250 ok", 20)
		if yes {
			v.to = append(v.to, path)
		}
		return ok
	case "RSET":
		v.open, v.to = false, nil
		return v.say("250 ok")
	case "DATA":
		return v.data()
	case "BDAT":
		return v.chunk(rest)
	case "XFORWARD":
		return v.say("250 ok")
	case "QUIT":
		v.say("221 bye")
		return false
	}
	return v.say("500 5.5.2 what")
}

func (v *visit) data() bool {
	if len(v.to) == 0 {
		return v.say("503 5.5.1 no recipients")
	}
	if !v.say("354 go") {
		return false
	}
	var body strings.Builder
	for {
		line, err := v.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			return v.verdict(body.String())
		}
		body.WriteString(strings.TrimPrefix(line, "."))
	}
}

// chunk takes whole messages alone: those of this test are small.
func (v *visit) chunk(rest string) bool {
	var n int64
	fmt.Sscan(rest, &n)
	var body strings.Builder
	if _, err := io.CopyN(&body, v.in, n); err != nil {
		return false
	}
	if len(v.to) == 0 {
		return v.say("503 5.5.1 no recipients")
	}
	return v.verdict(body.String())
}

func (v *visit) verdict(body string) bool {
	defer func() { v.open, v.to = false, nil }()
	if v.mishap(30) {
		return false
	}
	if v.mishap(12) {
		no := refusals[v.n(len(refusals))]
		return v.say(no) && !strings.HasPrefix(no, "421")
	}
	v.took(v.from, v.to, body)
	return v.say("250 2.0.0 queued") && !v.mishap(10)
}
