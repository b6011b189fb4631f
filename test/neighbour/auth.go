package neighbour

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Servers that do not keep passwords themselves ask another daemon by a local socket. The test is that daemon: both protocols are one question and one answer.

// answerLogins answers at a socket until the test ends.
func answerLogins(t testing.TB, path string, answer func(io.ReadWriter) error) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				_ = answer(conn) // one that hangs up asks again
			}()
		}
	}()
}

// saslauthd is the protocol of that name: four counted strings (login, password, service, realm), and a counted answer.
func saslauthd(users map[string]string) func(io.ReadWriter) error {
	return func(conn io.ReadWriter) error {
		var asked [4]string
		for i := range asked {
			var n uint16
			if err := binary.Read(conn, binary.BigEndian, &n); err != nil {
				return err
			}
			text := make([]byte, n)
			if _, err := io.ReadFull(conn, text); err != nil {
				return err
			}
			asked[i] = string(text)
		}
		answer := "NO"
		if password, known := users[asked[0]]; known && password == asked[1] {
			answer = "OK"
		}
		_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		return err
	}
}

// authdaemon is Courier's: lines of circumstances, "AUTH" with the length of what follows, and lines that say service, kind, login, password. The answer are the user's
// properties; home gives the folder.
func authdaemon(users map[string]string, uid, gid int, home func(user string) string) func(io.ReadWriter) error {
	return func(conn io.ReadWriter) error {
		r := bufio.NewReader(conn)
		size := 0
		for size == 0 {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if _, err := fmt.Sscanf(line, "AUTH %d", &size); err != nil && strings.HasPrefix(line, "AUTH") {
				return err
			}
		}
		asked := make([]byte, size)
		if _, err := io.ReadFull(r, asked); err != nil {
			return err
		}
		lines := strings.Split(string(bytes.TrimSuffix(asked, []byte("\n"))), "\n")
		if len(lines) < 4 {
			return fmt.Errorf("asked for %q", lines)
		}
		user := lines[2]
		if password, known := users[user]; !known || password != lines[3] {
			_, err := io.WriteString(conn, "FAIL\n")
			return err
		}
		_, err := fmt.Fprintf(conn, "UID=%d\nGID=%d\nHOME=%s\nADDRESS=%s\nMAILDIR=%s/Maildir\n.\n", uid, gid, home(user), user, home(user))
		return err
	}
}
