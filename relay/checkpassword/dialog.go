package checkpassword

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
)

// dialog is one connection, line by line. Its deadline is the question's.
type dialog struct {
	cfg   *Config
	conn  net.Conn
	in    *bufio.Reader
	lines int // read so far
}

// What a server may say before it answers: nobody needs more.
const (
	maxLine  = 8 << 10
	maxLines = 200
)

var (
	errTalk     = errors.New("the server does not come to an answer")
	errProtocol = errors.New("the server does not speak the protocol")
	errAhead    = errors.New("the server spoke ahead of the TLS handshake")
)

func (d *dialog) reset() { d.in = bufio.NewReaderSize(d.conn, maxLine) }

func (d *dialog) handshake() error {
	t := tls.Client(d.conn, d.cfg.TLS)
	if err := t.Handshake(); err != nil {
		return err
	}
	d.conn = t
	return nil
}

// startTLS is what follows the server's yes. What it said ahead was said by somebody else.
func (d *dialog) startTLS() error {
	if d.in.Buffered() > 0 {
		return errAhead
	}
	if err := d.handshake(); err != nil {
		return err
	}
	d.reset()
	return nil
}

// line is the server's next, without its end.
func (d *dialog) line() (string, error) {
	if d.lines++; d.lines > maxLines {
		return "", errTalk
	}
	line, err := d.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errTalk
	}
	return strings.TrimRight(string(line), "\r\n"), err
}

// say sends a line of parts; no part may hold a line's end.
func (d *dialog) say(parts ...[]byte) error {
	line := bytes.Join(parts, nil)
	defer clear(line)
	if bytes.ContainsAny(line, "\r\n\x00") {
		return fmt.Errorf("%w: a line's end within a name", errProtocol)
	}
	line = append(line, '\r', '\n')
	_, err := d.conn.Write(line)
	clear(line)
	return err
}
