package testserver

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// dialogue is a client's side of SMTP on one connection.
type dialogue struct {
	conn net.Conn
	in   *bufio.Reader
}

func newDialogue(conn net.Conn) *dialogue {
	return &dialogue{conn: conn, in: bufio.NewReader(conn)}
}

func (c *dialogue) send(text string) error {
	_, err := c.conn.Write([]byte(text))
	return err
}

// ask sends a command and reads its answer.
func (c *dialogue) ask(a *Answer, format string, args ...any) error {
	if err := c.send(fmt.Sprintf(format, args...)); err != nil {
		return err
	}
	return c.read(a)
}

// read reads one reply of any number of lines (RFC 5321 §4.2.1).
func (c *dialogue) read(a *Answer) error {
	var lines []string
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("reading a reply: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		code, text, last, ok := parseReply(line)
		if !ok {
			return fmt.Errorf("no SMTP reply: %q", line)
		}
		lines = append(lines, text)
		if last {
			*a = Answer{Code: code, Text: strings.Join(lines, "\n")}
			return nil
		}
	}
}

func parseReply(line string) (code int, text string, last, ok bool) {
	if len(line) < 3 {
		return 0, "", false, false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 || code > 599 {
		return 0, "", false, false
	}
	if len(line) == 3 {
		return code, "", true, true
	}
	return code, line[4:], line[3] == ' ', line[3] == ' ' || line[3] == '-'
}

// Stuff returns msg as DATA carries it, without the final dot: a dot more before each line that starts with one (RFC 5321 §4.5.2), and
// a CRLF at the end if there is none. A line starts after CRLF only.
func Stuff(msg []byte) []byte {
	out := bytes.ReplaceAll(msg, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(out, []byte(".")) {
		out = append([]byte("."), out...)
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(bytes.Clone(out), "\r\n"...)
	}
	return out
}

func base64Plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}
