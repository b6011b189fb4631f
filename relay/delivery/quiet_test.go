package delivery

import (
	"net"
	"strings"
	"testing"
)

// together is a server's connection: what it writes leaves when it reads next.
type together struct {
	net.Conn
	held []byte
}

func (c *together) Write(p []byte) (int, error) {
	c.held = append(c.held, p...)
	return len(p), nil
}

func (c *together) Read(p []byte) (int, error) {
	if _, err := c.Conn.Write(c.held); err != nil {
		return 0, err
	}
	c.held = nil
	return c.Conn.Read(p)
}

// A reply too many that came with the last one, in a TLS record of its own, is not taken for the reply to the next MAIL: that to RCPT would pass for a yes to the message.
func TestReplyTooManyInsideTLS(t *testing.T) {
	const session = `TLS
		S: 220 mx ESMTP
		C: EHLO gate.old.example
		S: 250-mx.new.example
		S: 250-CHUNKING
		S: 250 PIPELINING
		C: MAIL FROM:<ann@old.example>
		C: RCPT TO:<bob@new.example>
		C: BDAT 5 LAST
		CHUNK 5 LAST
		S: 250 ok
		S: 250 ok
		`
	pki := testPKI(t)
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), func(d *Destination) {
		d.TLS = TLS{Mode: Implicit, Roots: pki.roots, ServerName: "mx.new.example"}
	})
	s := &script{tls: pki.server, accept: func() (net.Conn, error) { return &together{Conn: p.accept()}, nil }}
	played := make(chan error)
	go func() {
		played <- s.run(strings.Split(session+`S: 250 2.0.0 queued
			S: 250 another
			GONE
			NEXT
			`+session+`S: 452 4.3.1 full
			C: QUIT`, "\n"))
	}()
	for _, want := range []Kind{Accepted, RefusedTemporary} {
		env := Envelope{From: "ann@old.example", Recipients: []Recipient{{Address: "bob@new.example"}}}
		if outs, err := c.Send(t.Context(), env, newBody("hi\r\n\n")); err != nil || outs[0].Kind != want {
			t.Errorf("%s, %v; want %s", outs[0].Kind, err, want)
		}
	}
	c.Stop(t.Context())
	if err := <-played; err != nil {
		t.Error(err)
	}
}
