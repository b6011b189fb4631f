package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

const (
	idleClients = 200
	idleEach    = 50
	idleLimit   = 150 << 20 // octets resident, with all of them connected
)

// Ten thousand sessions within the limits, opened and left idle after EHLO, keep nobody else from sending, and do not make the daemon large.
func TestTenThousandIdleConnections(t *testing.T) {
	manyFiles(t, idleClients*idleEach+1000)
	o := newOffice(t, folder(t), small, nil)
	o.limits(fmt.Sprintf("max_connections = %d\nmax_connections_per_client = %d\n[listeners.mx.limits]\nmax_connections_per_network = %d\n",
		idleClients*idleEach+50, idleEach, idleClients*idleEach/4))
	o.daemon.most = idleLimit
	o.daemon.start()
	idle := o.idlers(idleClients, idleEach)
	took := o.sendBeside(25, 8)
	o.daemon.measure()
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("%d idle connections: %d messages, p50 %v, p99 %v, %d MiB resident", len(idle), len(took), p50, p99, o.daemon.peak>>20)
	if p99 > time.Second {
		t.Errorf("p99 of sending a message is %v", p99)
	}
	if _, greeting := o.dialFrom(idler(0)); !strings.HasPrefix(greeting, "421") {
		t.Errorf("one connection more than the limit was greeted %q", greeting)
	}
	for _, c := range idle[:idleEach] {
		c.Close()
	}
	for range idleEach { // each place is free again, in time
		until := time.Now().Add(patience)
		for _, greeting := o.dialFrom(idler(0)); !strings.HasPrefix(greeting, "220"); _, greeting = o.dialFrom(idler(0)) {
			if time.Now().After(until) {
				t.Fatalf("greeted %q", greeting)
			}
		}
	}
	o.daemon.stop()
}

// manyFiles allows this process and those it starts so many open files.
func manyFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= n {
		return
	}
	raised := syscall.Rlimit{Cur: n, Max: max(n, limit.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		t.Skipf("needs %d open files: %v", n, err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) })
}

// limits gives the listener further keys.
func (o *office) limits(lines string) {
	o.t.Helper()
	text, err := os.ReadFile(o.daemon.config)
	if err != nil {
		o.t.Fatal(err)
	}
	const last = "hostname = \"mail.example.com\"\n"
	o.daemon.write("posthouse.toml", strings.Replace(string(text), last, last+lines, 1))
}

// idler is an address of loopback's; fifty share a network.
func idler(i int) string { return fmt.Sprintf("127.1.%d.%d", i/50, 1+i%50) }

// dialFrom connects from an address and reads the greeting.
func (o *office) dialFrom(ip string) (net.Conn, string) {
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.Dial("tcp", o.listener)
	if err != nil {
		o.t.Error(err)
		return nil, ""
	}
	o.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patience))
	greeting, _ := bufio.NewReaderSize(conn, 128).ReadString('\n')
	return conn, greeting
}

func (o *office) idlers(clients, each int) []net.Conn {
	o.t.Helper()
	all := make([]net.Conn, clients*each)
	var wg sync.WaitGroup
	for part := range 20 {
		wg.Go(func() {
			for i := part; i < len(all); i += 20 {
				conn, greeting := o.dialFrom(idler(i / each))
				if all[i] = conn; !strings.HasPrefix(greeting, "220") {
					o.t.Errorf("connection %d was greeted %q", i, greeting)
					return
				}
				if err := sayHello(conn); err != nil {
					o.t.Errorf("connection %d said EHLO: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if o.t.Failed() {
		o.t.FailNow()
	}
	return all
}

// sayHello says EHLO and reads the whole reply.
func sayHello(conn net.Conn) error {
	if _, err := io.WriteString(conn, "EHLO idle.example\r\n"); err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 128)
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "250 ") {
			return err
		}
		if !strings.HasPrefix(line, "250-") {
			return fmt.Errorf("answered %q", line)
		}
	}
}

// sendBeside has some senders, each with its own address, send messages one after the other over new connections, and returns how long each took.
func (o *office) sendBeside(each, senders int) (took []time.Duration) {
	o.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			sender := testserver.Sender{LocalAddr: fmt.Sprintf("127.2.0.%d", 1+s)}
			for i := range each {
				began := time.Now()
				r, err := sender.Send(context.Background(), o.listener, "a@other.example", staff[:1], letter(fmt.Sprintf("%d-%d", s, i), 4<<10))
				if err != nil || r.Final.Code != 250 {
					o.t.Errorf("message %d of sender %d: %v, %v", i, s, r.Final, err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return took
}
