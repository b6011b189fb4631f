package neighbour

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Mailbox is one user's mailbox, opened by a small IMAP client that shares no code with what is being tested. It ends the test at the first surprise. It is for one
// goroutine.
type Mailbox struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	tag  int
	can  string // the capabilities, each between blanks
}

// replyTime is how long one command may take.
const replyTime = 2 * time.Minute

// OpenMailbox logs in; trust is nil for servers without TLS. The end of the test closes it.
func OpenMailbox(t testing.TB, addr, user, password string, trust *tls.Config) *Mailbox {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err == nil && trust != nil {
		conn = tls.Client(conn, trust)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &Mailbox{t: t, conn: conn, r: bufio.NewReaderSize(conn, 64<<10), w: bufio.NewWriterSize(conn, 64<<10)}
	_ = conn.SetDeadline(time.Now().Add(replyTime))
	if greeting := m.line(); !strings.HasPrefix(greeting.text, "* OK") {
		t.Fatalf("%s greeted %q", addr, greeting.text)
	}
	m.do("LOGIN " + quote(user) + " " + quote(password))
	for _, res := range m.do("CAPABILITY") {
		m.can += " " + strings.TrimPrefix(res.text, "* CAPABILITY ") + " "
	}
	return m
}

// has tells whether the server has a capability.
func (m *Mailbox) has(capability string) bool { return strings.Contains(m.can, " "+capability+" ") }

// Close logs out.
func (m *Mailbox) Close() { m.do("LOGOUT"); m.conn.Close() }

// response is one line of the server with its literals taken out: "{12}" stays in the text, the octets follow in order.
type response struct {
	text     string
	literals [][]byte
}

func (m *Mailbox) line() response {
	m.t.Helper()
	var res response
	for {
		text, err := m.r.ReadString('\n')
		if err != nil {
			m.t.Fatalf("IMAP: after %q: %v", res.text, err)
		}
		res.text += strings.TrimRight(text, "\r\n")
		n, literal := literalSize(res.text)
		if !literal {
			return res
		}
		octets := make([]byte, n)
		if _, err := io.ReadFull(m.r, octets); err != nil {
			m.t.Fatalf("IMAP: in a literal: %v", err)
		}
		res.literals = append(res.literals, octets)
	}
}

// literalSize reads the {n} at the end of a line.
func literalSize(line string) (int, bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.Atoi(line[open+1 : len(line)-1])
	return n, err == nil
}

// do sends a command and returns the untagged responses; anything but OK ends the test.
func (m *Mailbox) do(command string) []response {
	m.t.Helper()
	m.send(command)
	return m.finish(command)
}

func (m *Mailbox) send(command string) {
	m.tag++
	fmt.Fprintf(m.w, "a%d %s\r\n", m.tag, command)
}

// await reads up to the server's consent to a literal.
func (m *Mailbox) await() {
	m.t.Helper()
	if err := m.w.Flush(); err != nil {
		m.t.Fatalf("IMAP: %v", err)
	}
	for {
		switch res := m.line(); {
		case strings.HasPrefix(res.text, "+"):
			return
		case !strings.HasPrefix(res.text, "*"):
			m.t.Fatalf("IMAP: a literal is refused: %s", res.text)
		}
	}
}

// finish reads up to the tagged response of the last command sent.
func (m *Mailbox) finish(command string) []response {
	m.t.Helper()
	all, status := m.answer()
	if !strings.HasPrefix(status, "OK") {
		m.t.Fatalf("IMAP: %.80s: %s", command, status)
	}
	return all
}

// answer reads up to the tagged response, and returns it without its tag.
func (m *Mailbox) answer() (all []response, status string) {
	m.t.Helper()
	_ = m.conn.SetDeadline(time.Now().Add(replyTime))
	if err := m.w.Flush(); err != nil {
		m.t.Fatalf("IMAP: %v", err)
	}
	tag := fmt.Sprintf("a%d ", m.tag)
	for {
		res := m.line()
		if status, tagged := strings.CutPrefix(res.text, tag); tagged {
			return all, status
		}
		all = append(all, res)
	}
}
