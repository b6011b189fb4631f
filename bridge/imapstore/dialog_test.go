package imapstore_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/bridge/imapstore"
)

// A dialog is a text file that says what a scripted server hears and answers, connection by connection:
//
//	== connection          the next connection begins here
//	C: * UID FETCH 1:3 *   what the client's next line must look like (path.Match without meaning of /); its first word is the tag
//	C: ...                 any number of lines, up to one that matches the C line after it
//	S: * 1 FETCH (...)     a line of the server; TAG stands for the tag of the client's last command
//	s: abc                 the same without a line end
//	close                  the server closes the connection
//	hold                   the server reads nothing more
//
// After the last line of a connection the server reads on and answers nothing, except that every connection understands LOGOUT.
type dialog struct {
	t    *testing.T
	name string
	open net.Listener
	// ended is closed when the test ends.
	ended chan struct{}

	mu          sync.Mutex
	connections [][]string
	served      int
	sessions    sync.WaitGroup
	conns       []net.Conn
}

// serve plays testdata/name.txt and returns options that lead there. Everything in it must have been played when the test ends.
func serve(t *testing.T, name string) imapstore.Options {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	d := &dialog{t: t, name: name, ended: make(chan struct{})}
	for _, part := range strings.Split(string(text), "== connection\n")[1:] {
		d.connections = append(d.connections, strings.Split(strings.TrimSuffix(part, "\n"), "\n"))
	}
	if d.open, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	d.sessions.Go(d.accept)
	t.Cleanup(d.stop)
	o := options(t, d.open.Addr().String())
	o.Lanes = 1 // a script is about one connection after the other
	o.Timeout = 5 * time.Second
	o.Gather = time.Second // a busy machine may be slow to bring the next item, and scripts say which go together
	return o
}

func (d *dialog) accept() {
	for {
		nc, err := d.open.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		n := d.served
		d.served++
		d.conns = append(d.conns, nc)
		d.mu.Unlock()
		if n >= len(d.connections) {
			d.t.Errorf("%s: connection %d is not in the script", d.name, n+1)
			nc.Close()
			continue
		}
		d.sessions.Go(func() { d.play(nc, n) })
	}
}

func (d *dialog) stop() {
	d.open.Close()
	close(d.ended)
	d.mu.Lock()
	for _, nc := range d.conns {
		_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second)) // what the client said at last is still heard; one that was left open ends
	}
	served := d.served
	d.mu.Unlock()
	d.sessions.Wait()
	if served < len(d.connections) {
		d.t.Errorf("%s: %d connections were made, the script has %d", d.name, served, len(d.connections))
	}
}

func (d *dialog) play(nc net.Conn, n int) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	tag := ""
	script := d.connections[n]
	for i, line := range script {
		kind, text, _ := strings.Cut(line, ": ")
		switch kind {
		case "S":
			fmt.Fprintf(nc, "%s\r\n", strings.NewReplacer("TAG", tag, `\r\n`, "\r\n").Replace(text)) // in one piece
		case "s":
			fmt.Fprint(nc, strings.ReplaceAll(text, "TAG", tag))
		case "close":
			return
		case "hold":
			<-d.ended
			return
		case "C":
			if text == "..." {
				text, script[i+1] = strings.TrimPrefix(script[i+1], "C: "), "" // taken here
				tag = d.skip(n, r, text)
				continue
			}
			if tag = d.hear(n, r, text, tag); tag == "" {
				return
			}
		}
	}
	d.outlast(nc, r)
}

// hear reads one line and returns its tag, or the tag so far for a line that is no command.
func (d *dialog) hear(n int, r *bufio.Reader, want, tag string) string {
	line, err := r.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if ok, _ := path.Match(strings.ReplaceAll(want, "/", "|"), strings.ReplaceAll(line, "/", "|")); !ok || err != nil {
		d.t.Errorf("%s, connection %d: heard %q (%v), want %q", d.name, n+1, line, err, want)
		return ""
	}
	if strings.HasPrefix(want, "* ") {
		tag, _, _ = strings.Cut(line, " ")
	}
	if tag == "" {
		return "-"
	}
	return tag
}

func (d *dialog) skip(n int, r *bufio.Reader, until string) string {
	for {
		line, err := r.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		if ok, _ := path.Match(until, line); ok {
			tag, _, _ := strings.Cut(line, " ")
			return tag
		}
		if err != nil {
			d.t.Errorf("%s, connection %d: never heard %q", d.name, n+1, until)
			return "-"
		}
	}
}

func (d *dialog) outlast(nc net.Conn, r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if tag, command, _ := strings.Cut(strings.TrimSpace(line), " "); command == "LOGOUT" {
			fmt.Fprintf(nc, "* BYE\r\n%s OK\r\n", tag)
			return
		}
	}
}
