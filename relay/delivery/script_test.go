package delivery

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A script is one side of some SMTP sessions, a directive a line:
//
//	S: text     write the line
//	C: text     read exactly this line
//	DATA        read a message up to its final dot
//	CHUNK n     read n octets of a message
//	PART n      read n octets and forget them
//	QUIET       the client has written nothing more in the same write
//	TLS         the server's side of a handshake
//	FLOOD n s   write s n times, no line end
//	STALL, GONE the client hangs up, now or later, without another word
//	DRAIN       the client hangs up, later, without having ended the message
//	WAIT d      let time pass
//	CLOSE       hang up
//	NEXT        hang up if need be, accept the next connection
type script struct {
	accept func() (net.Conn, error)
	tls    *tls.Config
	settle func() // waits until the client waits

	conn   net.Conn
	r      *bufio.Reader
	bodies [][]byte // one per finished message
	chunks []byte
}

func (s *script) run(lines []string) error {
	defer func() {
		if s.conn != nil {
			s.conn.Close()
		}
	}()
	if err := s.next(); err != nil {
		return err
	}
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if err := s.step(word, rest); err != nil {
			return fmt.Errorf("dialog line %d, %s: %w", i+1, line, err)
		}
	}
	return nil
}

func (s *script) step(word, rest string) error {
	switch word {
	case "S:":
		_, err := io.WriteString(s.conn, rest+"\r\n")
		return err
	case "C:":
		return s.expect(rest)
	case "DATA":
		return s.data()
	case "CHUNK", "PART":
		return s.octets(word == "CHUNK", rest)
	case "QUIET":
		if n := s.r.Buffered(); n > 0 {
			return fmt.Errorf("%d more bytes", n)
		}
		return nil
	case "TLS":
		return s.handshake()
	case "FLOOD":
		return s.flood(rest)
	case "STALL", "GONE":
		return s.gone()
	case "DRAIN":
		return s.drain()
	case "WAIT":
		d, err := time.ParseDuration(rest)
		<-time.After(d)
		return err
	case "CLOSE":
		s.settle()
		return s.conn.Close()
	case "NEXT":
		return s.next()
	}
	return fmt.Errorf("unknown directive")
}

func (s *script) next() (err error) {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.conn, err = s.accept(); err != nil {
		return err
	}
	s.r = bufio.NewReaderSize(s.conn, 1<<17)
	return nil
}

func (s *script) expect(want string) error {
	got, err := s.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("after %q: %w", got, err)
	}
	if got != want+"\r\n" {
		return fmt.Errorf("client wrote %q", got)
	}
	return nil
}

func (s *script) data() error {
	var body []byte
	for {
		line, err := s.r.ReadBytes('\n')
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			s.bodies = append(s.bodies, body)
			return nil
		}
		body = append(body, bytes.TrimPrefix(line, []byte("."))...)
	}
}

func (s *script) octets(keep bool, count string) error {
	count, last := strings.CutSuffix(count, " LAST")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil || !keep {
		return err
	}
	s.chunks = append(s.chunks, b...)
	if last {
		s.bodies = append(s.bodies, s.chunks)
		s.chunks = nil
	}
	return nil
}

func (s *script) handshake() error {
	t := tls.Server(s.conn, s.tls)
	if err := t.Handshake(); err != nil {
		return err
	}
	s.conn, s.r = t, bufio.NewReaderSize(t, 1<<17)
	return nil
}

func (s *script) flood(rest string) error {
	count, text, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	text, _ = strconv.Unquote(`"` + text + `"`)
	for range n {
		if _, err := io.WriteString(s.conn, text); err != nil {
			return nil // the client had enough
		}
	}
	return nil
}

func (s *script) gone() error {
	if b, err := s.r.ReadByte(); err == nil {
		rest, _ := s.r.Peek(s.r.Buffered())
		return fmt.Errorf("client wrote %.200q", append([]byte{b}, rest...))
	}
	return nil
}

func (s *script) drain() error {
	b, _ := io.ReadAll(s.r)
	if bytes.Contains(b, []byte("\r\n.\r\n")) || bytes.Contains(b, []byte("LAST\r\n")) {
		return fmt.Errorf("client ended the message: %.200q", b)
	}
	return nil
}
