package listener

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
)

// TestDialogs plays every file of testdata against a server, one instruction a line:
//
//	option NAME [VALUE]  sets the server up (first lines only): tls, implicit-tls, auth, smtputf8, requiretls, max-bytes N,
//	                     max-recipients N, message-minutes N, and those of limitOptions
//	C: TEXT              the client sends TEXT and CRLF
//	C> "TEXT" [N]        the client sends Go-quoted octets as they are, N times
//	S: TEXT              the server's next line begins with TEXT
//	S* TEXT              the last line of the server's next reply begins with TEXT
//	skip N               the server's next N lines do not matter
//	wait DURATION        time passes
//	tls                  the client makes the TLS handshake
//	hangup               the client closes
//	closed               the server has closed
//	stored "TEXT"        the next message committed has this body
//	stored nothing       no further message was committed
//	envelope TEXT        ... and this envelope (see textOf)
//	session TEXT         ... and this session (see sessionText)
//	abuse TEXT           the observer was told of this misuse
//	refused TEXT         the observer was told of this recipient and code
//	unaccepted TEXT      the observer was told of messages that were not accepted, by these codes
//	log KEY VALUE        the connection's log line, once it has closed, says so
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogs", err)
	}
	testTLS() // outside the bubbles
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { playDialog(t, string(text)) })
		})
	}
}

type dialog struct {
	*bed
	conn   net.Conn
	in     *bufio.Reader
	queue  chan func()
	idle   chan struct{} // closed when the writer has ended
	stored int
	last   *memMessage
}

func playDialog(t *testing.T, text string) {
	lines := strings.Split(text, "\n")
	options, lines := dialogOptions(t, lines)
	d := &dialog{bed: newBed(t, options...), queue: make(chan func(), 1000), idle: make(chan struct{})}
	defer d.stop()
	d.connect(d.net.dial("198.51.100.7:4711"))
	go func() {
		defer close(d.idle)
		for send := range d.queue {
			send()
		}
	}()
	defer func() { close(d.queue); d.conn.Close(); <-d.idle }()
	for i, line := range lines {
		verb, arg, _ := strings.Cut(line, " ")
		if verb == "" || verb == "#" {
			continue
		}
		if err := d.step(verb, arg); err != nil {
			t.Errorf("line %q (%d after the options): %v", line, i+1, err)
			return
		}
	}
}

func dialogOptions(t *testing.T, lines []string) (options []func(*Config), rest []string) {
	for i, line := range lines {
		if !strings.HasPrefix(line, "option ") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			return options, lines[i:]
		}
		f := strings.Fields(line)
		n := 0
		if len(f) > 2 {
			var err error
			if n, err = strconv.Atoi(f[2]); err != nil {
				t.Fatal(err)
			}
		}
		options = append(options, func(c *Config) { setOption(t, c, f[1], n) })
	}
	return options, nil
}

func setOption(t *testing.T, c *Config, name string, n int) {
	switch name {
	case "tls":
		c.TLS = testTLS()
	case "implicit-tls":
		c.TLS, c.ImplicitTLS = testTLS(), true
	case "auth":
		c.TLS, c.Role, c.Auth = testTLS(), cutover.Submission, memAuth{}
	case "smtputf8":
		c.SMTPUTF8 = true
	case "requiretls":
		c.RequireTLS = func() bool { return true }
	case "requiretls-lost":
		c.RequireTLS = func() bool { return false }
	case "max-bytes":
		c.MaxMessageBytes = int64(n)
	case "message-minutes":
		c.MessageTimeout = time.Duration(n) * time.Minute
	case "max-recipients":
		c.MaxRecipients = n
	default:
		limitOption(t, &c.Limits, name, n)
	}
}

func (d *dialog) connect(conn net.Conn) { d.conn, d.in = conn, bufio.NewReader(conn) }

func (d *dialog) step(verb, arg string) error {
	switch verb {
	case "C:":
		d.send(arg + "\r\n")
	case "C>":
		return d.sendRaw(arg)
	case "S:":
		return d.expect(arg)
	case "S*":
		return d.expectLast(arg)
	case "skip":
		return d.skip(arg)
	case "wait":
		return d.wait(arg)
	case "tls":
		synctest.Wait()
		t := tls.Client(d.conn, clientTLS())
		d.connect(t)
		return t.Handshake()
	case "hangup":
		synctest.Wait()
		return d.conn.Close()
	case "closed":
		if line, err := d.in.ReadString('\n'); err == nil {
			return fmt.Errorf("the server said %q", line)
		}
	default:
		synctest.Wait()
		return d.check(verb, arg)
	}
	return nil
}

func (d *dialog) send(octets string) {
	conn := d.conn
	d.queue <- func() { conn.Write([]byte(octets)) }
}

func (d *dialog) sendRaw(arg string) error {
	quoted, err := strconv.QuotedPrefix(arg)
	if err != nil {
		return err
	}
	octets, err := strconv.Unquote(quoted)
	if err != nil {
		return err
	}
	times := 1
	if rest := strings.TrimSpace(arg[len(quoted):]); rest != "" {
		if times, err = strconv.Atoi(rest); err != nil {
			return err
		}
	}
	d.send(strings.Repeat(octets, times))
	return nil
}

func (d *dialog) expect(prefix string) error {
	line, err := d.in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, prefix) || !strings.HasSuffix(line, "\r\n") {
		return fmt.Errorf("the server said %q", line)
	}
	return nil
}

func (d *dialog) expectLast(prefix string) error {
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !strings.HasPrefix(line, prefix) {
			return fmt.Errorf("the server said %q", line)
		}
		return nil
	}
}

func (d *dialog) skip(arg string) error {
	n, err := strconv.Atoi(arg)
	for ; n > 0 && err == nil; n-- {
		_, err = d.in.ReadString('\n')
	}
	return err
}

func (d *dialog) wait(arg string) error {
	pause, err := time.ParseDuration(arg)
	if err == nil {
		<-time.After(pause)
	}
	return err
}

// check compares what the server's other sides have seen.
func (d *dialog) check(verb, arg string) error {
	switch verb {
	case "stored":
		return d.checkStored(arg)
	case "envelope":
		return same(textOf(d.last.envelope), arg)
	case "session":
		return same(sessionText(d.last.session), arg)
	case "abuse":
		return same(fmt.Sprint(d.seen.abuses()), "["+arg+"]")
	case "refused":
		d.seen.mu.Lock()
		defer d.seen.mu.Unlock()
		return same(strings.Join(d.seen.refused, ", "), arg)
	case "unaccepted":
		d.seen.mu.Lock()
		defer d.seen.mu.Unlock()
		return same(strings.Join(d.seen.messages, ", "), arg)
	case "log":
		key, value, _ := strings.Cut(arg, " ")
		ends := d.log.ends()
		if len(ends) != 1 {
			return fmt.Errorf("%d log lines", len(ends))
		}
		return same(fmt.Sprint(ends[0][key]), value)
	}
	return fmt.Errorf("unknown instruction")
}

func (d *dialog) checkStored(arg string) error {
	all := d.intake.messages()
	if arg == "nothing" {
		if len(all) > d.stored {
			return fmt.Errorf("stored %q", all[d.stored].body.String())
		}
		return nil
	}
	want, err := strconv.Unquote(arg)
	if err != nil {
		return err
	}
	if len(all) <= d.stored {
		return fmt.Errorf("nothing was stored")
	}
	d.last = all[d.stored]
	d.stored++
	return same(d.last.body.String(), want)
}

func same(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}
