package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A wrong configuration ends the process with 78 and names file, line and column; nothing was touched.
func TestConfigError(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, folder(t), "state = \"state\"\ndomains = [\"example.com\"]\n\n[relay]\nworkers = \"many\"\nretri = [\"1s\"]\n", nil)
	d.launch()
	if code := d.wait(); code != 78 {
		t.Errorf("exit code %d, want 78", code)
	}
	for _, want := range []string{d.config + ":5:11:", d.config + ":6:1:", "retry"} {
		if said := d.stderr.String(); !strings.Contains(said, want) {
			t.Errorf("no %q in what it says:\n%s", want, said)
		}
	}
}

// Only one daemon works on a state folder; the second one names the first and leaves it alone.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	o := newOffice(t, folder(t), small, nil)
	o.daemon.start()
	_, talk, code := o.daemon.command("run")
	if code != 75 {
		t.Errorf("exit code %d, want 75", code)
	}
	if pid := fmt.Sprint(o.daemon.cmd.Process.Pid); !strings.Contains(talk, pid) {
		t.Errorf("no pid %s in what it says:\n%s", pid, talk)
	}
	o.must("1", "anna@example.com")
	o.wantReceived("anna@example.com", "1")
	o.daemon.stop()
}

// SIGTERM: a client in the middle of its message may finish it or is told 421, an idle one is told 421, one that never ends is cut; the process ends with 0 within its
// stop time. A message that was answered 250 is delivered, now or by the next life.
func TestTerminated(t *testing.T) {
	t.Parallel()
	const stopTime = 5 * time.Second
	o := newOffice(t, folder(t), small, nil)
	o.daemon.args = []string{"--stop-time", stopTime.String()}
	o.daemon.start()
	idle, busy, stuck := o.session(), o.session(), o.session()
	for _, s := range []*session{busy, stuck} {
		s.say("MAIL FROM:<a@other.example>", "250")
		s.say("RCPT TO:<anna@example.com>", "250")
		s.say("DATA", "354")
		fmt.Fprintf(s.conn, "%s: 1\r\nSubject: half a message\r\n\r\nhalf\r\n", testField)
	}
	began := time.Now()
	o.daemon.measure()
	o.daemon.signal(syscall.SIGTERM)
	if answer := idle.line(); !strings.HasPrefix(answer, "421") {
		t.Errorf("the idle session was told %q", answer)
	}
	fmt.Fprint(busy.conn, "the other half\r\n.\r\n")
	answer := busy.line()
	if !strings.HasPrefix(answer, "250") && !strings.HasPrefix(answer, "421") {
		t.Errorf("the busy session was told %q", answer)
	}
	if code := o.daemon.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > stopTime+3*time.Second {
		t.Errorf("stopping took %s, the stop time is %s", took, stopTime)
	}
	if answer := stuck.line(); answer != "" && !strings.HasPrefix(answer, "421") {
		t.Errorf("the stuck session was told %q", answer)
	}
	o.daemon.start()
	o.settled()
	if strings.HasPrefix(answer, "250") {
		o.wantReceived("anna@example.com", "1")
	}
	o.daemon.stop()
}

// session is a client's connection, line by line.
type session struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// session connects to the listener and greets.
func (o *office) session() *session {
	o.t.Helper()
	conn, err := net.Dial("tcp", o.listener)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	s := &session{t: o.t, conn: conn, r: bufio.NewReader(conn)}
	if greeting := s.line(); !strings.HasPrefix(greeting, "220 mail.example.com") {
		o.t.Fatalf("greeted %q", greeting)
	}
	s.say("HELO pc.other.example", "250")
	return s
}

func (s *session) say(command, want string) {
	s.t.Helper()
	fmt.Fprintf(s.conn, "%s\r\n", command)
	if answer := s.line(); !strings.HasPrefix(answer, want) {
		s.t.Fatalf("%s: %s", command, answer)
	}
}

// line reads a reply; it is empty when the connection ended.
func (s *session) line() string {
	line, _ := s.r.ReadString('\n')
	return strings.TrimSpace(line)
}
