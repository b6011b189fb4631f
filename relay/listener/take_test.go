package listener

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
)

// What came over a connection that is dead is not committed, even if whoever read it tells of no error: go-smtp took the end of a connection for the end of a chunk.
func TestDeadConnectionsCommitNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		defer b.stop()
		client, server := net.Pipe()
		go io.Copy(io.Discard, client)
		defer client.Close()
		c := newConn(t.Context(), &b.srv.cfg, b.srv.reg, server)
		d := &taking{session: &session{conn: c, work: newTally()}}
		err := d.take(func(w io.Writer) error {
			_, err := io.WriteString(w, "half of it")
			c.die(EndCut, nil)
			return err
		})
		d.end()
		if err.(*smtp.SMTPError).Code != refuseCut.Code || len(b.intake.messages()) != 0 {
			t.Errorf("%v, %d messages", err, len(b.intake.messages()))
		}
	})
}

// The end of a connection inside a chunk is an error, and not the end of what go-smtp reads.
func TestCutChunkIsNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		defer b.stop()
		client, server := net.Pipe()
		c := newConn(t.Context(), &b.srv.cfg, b.srv.reg, server)
		c.mode, c.chunk, c.deadline = modeChunk, 100, time.Now().Add(time.Hour)
		go func() { io.WriteString(client, "0123456789"); client.Close() }()
		got, err := io.ReadAll(io.LimitReader(c, 100))
		if string(got) != "0123456789" || err == nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// slow takes its time, as a disk may.
type slow struct{ *memIntake }

func (s slow) Begin(ctx context.Context, who Session, e Envelope) (Message, error) {
	m, err := s.memIntake.Begin(ctx, who, e)
	return slowMessage{m}, err
}

type slowMessage struct{ Message }

func (s slowMessage) Write(p []byte) (int, error) {
	time.Sleep(5 * time.Second)
	return s.Message.Write(p)
}

func (s slowMessage) Commit(ctx context.Context) (string, error) {
	time.Sleep(10 * time.Second)
	return s.Message.Commit(ctx)
}

// A message by BDAT that is given up while it is written has ended before the next one begins: go-smtp would take its result for that of the next.
func TestAbandonedChunksEndFirst(t *testing.T) {
	for _, way := range []string{"RSET\r\n", "EHLO again.test\r\n", "BDAT 9\r\ntoo large"} {
		synctest.Test(t, func(t *testing.T) {
			var intake *memIntake
			b := newBed(t, func(c *Config) { intake = c.Intake.(*memIntake); c.Intake, c.MaxMessageBytes = slow{intake}, 10 })
			defer b.stop()
			client := b.net.dial("198.51.100.7:4711")
			defer client.Close()
			replies := bufio.NewReader(client)
			go io.WriteString(client, "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<bob@mail.test>\r\nBDAT 5\r\nfirst"+way+
				"MAIL FROM:<a@client.test>\r\nRCPT TO:<bob@mail.test>\r\nBDAT 6 LAST\r\nsecondQUIT\r\n")
			text, err := io.ReadAll(replies)
			if err != nil || !strings.Contains(string(text), "\r\n250 2.0.0 Ok: queued as ID1\r\n221 ") || strings.Contains(string(text), "\r\n4") {
				t.Errorf("after %q: %v\n%s", way, err, text)
			}
			if all := intake.messages(); len(all) != 1 || all[0].body.String() != "second" {
				t.Errorf("after %q %d messages are stored", way, len(all))
			}
		})
	}
}
