package delivery

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// BenchmarkDelivery sends to an independent server on loopback, through a line
// that delays each way by 15 ms or not at all: waiting for each reply against
// PIPELINING with DATA, also where what is next is known, and with BDAT.
func BenchmarkDelivery(b *testing.B) {
	for _, delay := range []time.Duration{0, 15 * time.Millisecond} {
		for _, size := range []int{4 << 10, 256 << 10} {
			for _, sessions := range []int{1, 20} {
				for _, way := range []struct {
					name   string
					ahead  bool
					ignore []string
				}{
					{"wait", false, []string{"PIPELINING", "CHUNKING"}},
					{"DATA", false, []string{"CHUNKING"}},
					{"DATA-ahead", true, []string{"CHUNKING"}},
					{"BDAT", false, nil},
				} {
					name := fmt.Sprintf("rtt=%v/size=%d/sessions=%d/%s", 2*delay, size, sessions, way.name)
					b.Run(name, func(b *testing.B) { deliverMany(b, delay, size, sessions, way.ahead, way.ignore) })
				}
			}
		}
	}
}

func deliverMany(b *testing.B, delay time.Duration, size, sessions int, ahead bool, ignore []string) {
	addr := startPeer(b, nil).addr
	c := clientFor(b, addr, func(d *Destination) {
		d.MaxConnections, d.MaxMessages, d.Ignore = sessions, 1<<30, ignore
	})
	c.config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil || delay == 0 {
			return raw, err
		}
		return delayed(b, raw, delay), nil
	}
	env := oneRecipient
	env.EightBit = true
	body := newBody(string(randomBody(rand.New(rand.NewPCG(1, 2)), size, false)))
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for n := range sessions {
		wg.Go(func() {
			env := env
			for i := 0; left.Add(-1) >= 0; i++ {
				if ahead {
					next := env
					env.ID, next.ID = fmt.Sprint(n, i), fmt.Sprint(n, i+1)
					env.Next = func() (Next, bool) { return Next{Envelope: next, Size: body.Size()}, true }
				}
				outs, err := c.Send(b.Context(), env, body)
				if err != nil || outs[0].Kind != Accepted {
					b.Errorf("%s, %v", outs[0].Kind, err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkLibraryClient is go-smtp's own client on the same line as BenchmarkDelivery's, for comparison: it waits for each reply.
func BenchmarkLibraryClient(b *testing.B) {
	for _, delay := range []time.Duration{0, 15 * time.Millisecond} {
		b.Run(fmt.Sprintf("rtt=%v/size=4096/sessions=20", 2*delay), func(b *testing.B) { sendByLibrary(b, delay, 20) })
	}
}

func sendByLibrary(b *testing.B, delay time.Duration, sessions int) {
	addr := startPeer(b, nil).addr
	body := randomBody(rand.New(rand.NewPCG(1, 2)), 4<<10, false)
	var clients []*smtp.Client
	for range sessions {
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		if delay > 0 {
			raw = delayed(b, raw, delay)
		}
		c := smtp.NewClient(raw)
		defer c.Close()
		if err := c.Hello("posthouse.example.com"); err != nil {
			b.Fatal(err)
		}
		clients = append(clients, c)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(len(body)))
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := c.SendMail(oneRecipient.From, []string{oneRecipient.Recipients[0].Address}, bytes.NewReader(body)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// delayed puts a line of the given delay each way in front of raw: every piece
// leaves exactly that much later, and any number may be on the way.
func delayed(b *testing.B, raw net.Conn, delay time.Duration) net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	go line(theirs, raw, delay)
	go line(raw, theirs, delay)
	return ours
}

type piece struct {
	due time.Time
	b   []byte
}

func line(from, to net.Conn, delay time.Duration) {
	pieces := make(chan piece, 1<<12)
	go func() {
		defer to.Close()
		for p := range pieces {
			<-time.After(time.Until(p.due))
			to.Write(p.b)
		}
	}()
	defer close(pieces)
	for {
		b := make([]byte, 64<<10)
		n, err := from.Read(b)
		if n > 0 {
			pieces <- piece{time.Now().Add(delay), b[:n]}
		}
		if err != nil {
			if err != io.EOF {
				from.Close()
			}
			return
		}
	}
}

// BenchmarkStuffing is the cost of looking at each line of a body.
func BenchmarkStuffing(b *testing.B) {
	buffer := new([bufferSize]byte)
	for i := frontRoom; i < frontRoom+chunkSize; i += 78 {
		copy(buffer[i:frontRoom+chunkSize], "The quick brown fox jumps over the lazy dog, then over all the other dogs...\r\n")
	}
	b.SetBytes(78 * 100)
	for b.Loop() {
		_, dots, _ := lineStart.scan(buffer[frontRoom : frontRoom+78*100])
		stuff(buffer, 78*100, lineStart, dots)
	}
}
