package accounts

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/config"
)

// piped is a bandwidth by the timetable, and a way to connections over it, with their other ends. In a bubble time begins on a Saturday at midnight UTC.
func piped(t *testing.T, lines ...string) (connect func() (ours, theirs net.Conn)) {
	t.Helper()
	b := &bandwidth{}
	var timetable []config.Bandwidth
	for _, line := range lines {
		one, err := config.ParseBandwidth(line)
		must(t, err)
		timetable = append(timetable, one)
		b.rate = func() int64 { return int64(config.BandwidthAt(timetable, time.Now().UTC())) }
	}
	return func() (ours, theirs net.Conn) {
		near, far := net.Pipe()
		ours, err := b.over(func(context.Context, string, string) (net.Conn, error) { return near, nil })(t.Context(), "", "")
		must(t, err)
		return ours, far
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// moved is how long it takes to move so many octets over each of n connections, half of them outward.
func moved(t *testing.T, connect func() (ours, theirs net.Conn), n, octets int) time.Duration {
	t.Helper()
	begun := time.Now()
	var all sync.WaitGroup
	for i := range n {
		from, to := connect()
		if i%2 == 0 {
			from, to = to, from
		}
		all.Go(func() {
			defer from.Close()
			if _, err := from.Write(make([]byte, octets)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if n, err := io.Copy(io.Discard, to); int(n) != octets {
				t.Errorf("%d octets arrived, %v", n, err)
			}
			to.Close()
		})
	}
	all.Wait()
	return time.Since(begun)
}

func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		name       string
		lines      []string
		n, octets  int
		least, not time.Duration
	}{
		{"none", nil, 2, 10e6, 0, time.Millisecond},
		{"one connection", []string{"1MB/s"}, 1, 10e6, 9900 * time.Millisecond, 11 * time.Second},
		{"all together, both ways", []string{"1MB/s"}, 4, 2.5e6, 9900 * time.Millisecond, 11 * time.Second},
		{"from the minute on in which another line holds", []string{"Sa 00:00-00:01 100KB/s", "1MB/s"}, 2, 5e6, 63 * time.Second, 65 * time.Second},
		{"no line holds", []string{"Mo-Fr 100KB/s"}, 1, 10e6, 0, time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			if took := moved(t, piped(t, c.lines...), c.n, c.octets); took < c.least || took > c.not {
				t.Errorf("%s: %v, want %v", c.name, took, c.least)
			}
		})
	}
}

// The time that we wait by ourselves is not the server's: its deadlines are put off by it, and hold.
func TestBandwidthPutsDeadlinesOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := piped(t, "16KB/s")()
		defer theirs.Close()
		go func() {
			theirs.Write(make([]byte, 160_000))
			io.Copy(io.Discard, theirs)
		}()
		must(t, ours.SetDeadline(time.Now().Add(5*time.Second)))
		if _, err := io.ReadFull(ours, make([]byte, 160_000)); err != nil {
			t.Errorf("reading: %v after %v", err, time.Since(time.Unix(946684800, 0)))
		}
		if _, err := ours.Write(make([]byte, 160_000)); err != nil {
			t.Errorf("writing: %v", err)
		}
		if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading what does not come: %v", err)
		}
		ours.Close()
	})
}

// A connection that is closed ends a wait.
func TestBandwidthOfAClosedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := piped(t, "16KB/s")()
		go io.Copy(io.Discard, theirs)
		ended := make(chan error)
		begun := time.Now()
		go func() {
			_, err := ours.Write(make([]byte, 10e6))
			ended <- err
		}()
		time.Sleep(3 * time.Second)
		ours.Close()
		if err := <-ended; err == nil || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		theirs.Close()
	})
}

// A server with a limit is connected to within it, one without at no cost.
func TestBandwidthOfAServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	for _, rate := range []func() int64{nil, func() int64 { return 1e6 }} {
		srv := newServer(Server{IMAP: listener.Addr().String(), Connections: 4, Rate: rate, Dial: (&net.Dialer{}).DialContext})
		nc, err := srv.dial(t.Context(), "tcp", srv.IMAP)
		must(t, err)
		if _, paced := nc.(*pacedConn); paced != (rate != nil) {
			t.Errorf("limited %v: the connection is a %T", rate != nil, nc)
		}
		nc.Close()
	}
}
