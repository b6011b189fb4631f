package listener

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

// devNull is an Intake that keeps nothing.
type devNull struct{}

func (devNull) Recipient(context.Context, Session, string) error          { return nil }
func (devNull) Begin(context.Context, Session, Envelope) (Message, error) { return nullMessage{}, nil }

type nullMessage struct{}

func (nullMessage) Write(p []byte) (int, error)                 { return len(p), nil }
func (nullMessage) Commit(context.Context) (id string, e error) { return "0", nil }
func (nullMessage) Abort()                                      {}

func benchServer(b *testing.B) *Server {
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := New(Config{
		Name: "bench", Role: cutover.Arriving, Hostname: "mail.test", Addr: "127.0.0.1:0", Intake: devNull{}, Log: log,
		Limits: Limits{MaxPerClient: 1000, MaxPerNetwork: 1000, MaxConnections: 1000, MaxAccepted: 1 << 30},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

// benchClient sends messages over one connection: envelope pipelined with DATA, body after 354.
type benchClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialBench(addr net.Addr) (*benchClient, error) {
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		return nil, err
	}
	c := &benchClient{conn: conn, in: bufio.NewReader(conn)}
	if err := c.expect("220"); err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, "HELO client.test\r\n")
	return c, cmpErr(err, c.expect("250"))
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *benchClient) expect(codes ...string) error {
	for _, code := range codes {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, code) {
			return fmt.Errorf("got %q, want %s", line, code)
		}
	}
	return nil
}

// send sends a message whose lines begin with no dot.
func (c *benchClient) send(message []byte, verb string) error {
	last := "DATA\r\n"
	if verb == "BDAT" {
		last = fmt.Sprintf("BDAT %d LAST\r\n", len(message))
	}
	if _, err := io.WriteString(c.conn, "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@mail.test>\r\n"+last); err != nil {
		return err
	}
	if verb == "BDAT" {
		_, err := c.conn.Write(message)
		return cmpErr(err, c.expect("250", "250", "250"))
	}
	if err := c.expect("250", "250", "354"); err != nil {
		return err
	}
	buffers := net.Buffers{message, []byte(".\r\n")}
	_, err := buffers.WriteTo(c.conn)
	return cmpErr(err, c.expect("250"))
}

func BenchmarkAccept(b *testing.B) {
	for _, run := range []struct {
		kib, sessions int
		verb          string
	}{{4, 1, "DATA"}, {4, 20, "DATA"}, {4, 20, "BDAT"}, {256, 1, "DATA"}, {256, 20, "DATA"}, {1024, 1, "DATA"}, {1024, 1, "BDAT"}, {1024, 20, "DATA"}, {1024, 20, "BDAT"}} {
		b.Run(fmt.Sprintf("size=%dKiB/sessions=%d/%s", run.kib, run.sessions, run.verb), func(b *testing.B) {
			line := []byte(strings.Repeat("x", 76) + "\r\n")
			accept(b, bytes.Repeat(line, run.kib<<10/len(line)), run.sessions, run.verb)
		})
	}
}

func accept(b *testing.B, message []byte, sessions int, verb string) {
	s := benchServer(b)
	b.SetBytes(int64(len(message)))
	jobs := make(chan struct{}, sessions)
	errs := make(chan error, sessions)
	for range sessions {
		go func() {
			c, err := dialBench(s.Addrs()[0])
			for range jobs {
				if err == nil {
					err = c.send(message, verb)
				}
			}
			errs <- err
		}()
	}
	for b.Loop() {
		jobs <- struct{}{}
	}
	close(jobs)
	for range sessions {
		if err := <-errs; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
