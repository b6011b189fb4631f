package listener

import (
	"io"
	"net"
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
