package neighbour

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// syslog listens at a socket, such as /dev/log in a server's own file system. What is said there becomes lines of its log, as a syslog daemon writes them: RFC 3164, with a
// host's name.
func (p *process) syslog(path string) {
	p.t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	go func() {
		for said := make([]byte, 64<<10); ; {
			n, err := conn.Read(said)
			if err != nil {
				return // closed
			}
			_, line, _ := strings.Cut(strings.TrimRight(string(said[:n]), "\x00\n"), ">")
			const stamp = len("Jan _2 15:04:05 ")
			p.mu.Lock()
			fmt.Fprintln(&p.log, line[:min(stamp, len(line))]+"mx "+line[min(stamp, len(line)):])
			p.mu.Unlock()
		}
	}()
}

// Log is what it has logged so far.
func (p *process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// withDevices starts a program that has no file system of its own where /dev/log is another: in a mount namespace.
const withDevices = `mount -t tmpfs none "$0" && cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/full "$0" && mkdir "$0/shm" && mount --bind /dev/shm "$0/shm" && ` +
	`ln -s "$0.log" "$0/log" && mount --rbind "$0" /dev && exec "$@"`

// ownSyslog gives a program that is not started yet a /dev/log of its own, by a folder that is its /dev.
func (p *process) ownSyslog(dir string) {
	p.t.Helper()
	dev := filepath.Join(dir, "dev")
	makeFolder(p.t, dev, "")
	p.syslog(dev + ".log")
	p.argv = append([]string{"/bin/sh", "-c", withDevices, dev}, p.argv...)
	p.unshared = syscall.CLONE_NEWNS
}
