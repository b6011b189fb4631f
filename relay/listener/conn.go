package listener

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// conn stands between go-smtp and one client; go-smtp takes it for a net.Conn. Its methods are called by the one goroutine that runs for the connection,
// the lobby's and then go-smtp's, except where a comment says otherwise.
type conn struct {
	cfg    *Config
	reg    *registry
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	raw    net.Conn
	nc     net.Conn // raw, or TLS over it
	info   Session
	secure bool

	proxied bool // its first octets are to be a header of the PROXY protocol
	local   bool // a proxy's own: to look whether we are there
	trusted bool
	counted bool // by the registry, for its client

	inbox
	outbox
	wait

	mode     mode
	cmd      command // the command that go-smtp is working on
	secret   []byte  // what an AUTH command held; never part of cmd
	canon    []byte  // the rest of the line that go-smtp has still to read
	chunk    int64   // octets of a BDAT chunk that go-smtp has still to read
	pace     pace    // of the transaction's body
	greeted  bool    // HELO or EHLO was given, since STARTTLS
	unheard  string  // the HELO or EHLO that go-smtp has not heard of yet
	engaged  bool    // go-smtp has the dialog
	dsn      bool    // DSN was offered then
	tlsKept  bool    // REQUIRETLS was, or would have been inside TLS
	noData   bool    // the last command was a DATA that was refused
	txn      underway
	deadline time.Time // for the body of the transaction

	dead    atomic.Bool // nothing more is read or written; read by BDAT's goroutine too
	closing bool        // 421 was answered
	linger  bool        // the client was cut short: let it read the reply before the connection is reset
	closed  bool
	end     string
	stats   stats
}

// underway is what the transaction was told so far; the zero value is none.
type underway struct {
	open    bool // MAIL was accepted
	from    string
	to      []string // recipients accepted
	chunked bool     // BDAT has begun the message
	octets  int64    // of it, as BDAT counts them
	// abandoned: the client wants that forgotten; its reader finds so after the end of what it reads.
	abandoned bool
}

// mode says what the next octets from the client are.
type mode byte

const (
	modeCommand mode = iota
	modeBody         // after 354: ours to read
	modeChunk        // octets of BDAT, passed through go-smtp
)

// stats are for the connection's log line and limits. BDAT's goroutine may write them too: while a message is committed, the connection's own waits
// for it.
type stats struct {
	messages, failed, refused, errors int
	recipients                        int // accepted
	bytes                             int64
	commands, faults, told            int // since the last message; faults are errors and refused; told are refusals in the log
}

func (s *stats) accepted(size int64) {
	s.messages++
	s.bytes += size
	s.commands, s.faults, s.told = 0, 0, 0
}

var _ net.Conn = (*conn)(nil)

func newConn(ctx context.Context, cfg *Config, reg *registry, raw net.Conn) *conn {
	c := &conn{cfg: cfg, reg: reg, raw: raw, nc: raw}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.buf = c.first[:]
	c.info = Session{
		ID: newID(), Listener: cfg.Name, Role: cfg.Role, Hostname: cfg.Hostname,
		Remote: addrPort(raw.RemoteAddr()), Local: addrPort(raw.LocalAddr()), Connected: time.Now(),
	}
	c.proxied = within(cfg.ProxyFrom, c.info.Remote.Addr())
	c.trusted = cfg.trusts(c.info.Remote.Addr()) // of a proxied connection it is asked again, for its client
	return c
}

func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// addrPort is the zero value for networks without addresses, such as pipes.
func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Read gives go-smtp one command line, the final dot of a body, or octets of a BDAT chunk.
func (c *conn) Read(p []byte) (n int, err error) {
	defer c.contain(&err)
	if c.dead.Load() || c.closed {
		return 0, net.ErrClosed
	}
	switch {
	case c.unheard != "":
		n = copy(p, c.unheard)
		c.unheard = c.unheard[n:]
		return n, nil
	case len(c.canon) > 0:
	case c.mode == modeChunk:
		return c.readChunk(p)
	case c.mode == modeBody:
		// go-smtp reads on although the body was not taken: what follows must not become commands.
		c.die(EndPanic, refusePanic)
		return 0, net.ErrClosed
	default:
		if err := c.nextCommand(); err != nil {
			return 0, err
		}
	}
	n = copy(p, c.canon)
	c.canon = c.canon[n:]
	return n, nil
}

// contain keeps a panic of ours inside the connection: go-smtp recovers in command handlers, but not around Read, Write and Close.
func (c *conn) contain(err *error) {
	if p := recover(); p != nil {
		c.log().Errorf("panic: %v\n%s", p, debug.Stack())
		c.die(EndPanic, refusePanic)
		*err = net.ErrClosed
	}
}

// die ends the session at once: the client reads last (if it is not nil), and nothing that it sent or will send is looked at any more.
// The first reason counts.
func (c *conn) die(end string, last *Refusal) {
	if c.dead.Swap(true) {
		return
	}
	c.setEnd(end)
	if c.mode != modeCommand {
		c.stats.failed++
		if last != nil {
			c.refused(fmt.Sprint(last.Code), last.text())
		}
	}
	c.dropInput()
	c.mode, c.canon = modeCommand, nil
	if last != nil {
		c.say(last.Code, last.Enhanced, last.Text)
	}
	c.flush()
}

// abuse is die for clients that break the protocol; they get a moment to read why.
func (c *conn) abuse(what Abuse, last *Refusal) {
	c.linger = true
	c.die(string(what), last)
	c.cfg.Observer.Abused(c.info, what)
}

func (c *conn) setEnd(end string) {
	if c.end == "" {
		c.end = end
	}
}

// Close ends the connection for good and writes its log line. go-smtp calls it more than once.
func (c *conn) Close() (err error) {
	if c.closed {
		return nil
	}
	c.closed = true
	defer c.finish()
	defer c.contain(&err)
	c.flush()
	if c.linger {
		lingeringClose(c.nc, c.raw)
	}
	return c.nc.Close()
}

func (c *conn) finish() {
	c.cancel()
	c.dropInput()
	c.giveBack()
	c.reg.remove(c)
	c.setEnd(EndReset)
	line := c.log().WithFields(logrus.Fields{
		FieldHelo: c.info.Helo, FieldUser: c.info.User, FieldTLS: strings.TrimSpace(c.info.TLS.Version + " " + c.info.TLS.Cipher),
		FieldMessages: c.stats.messages, FieldFailed: c.stats.failed, FieldBytes: c.stats.bytes,
		FieldRefused: c.stats.refused, FieldErrors: c.stats.errors,
		FieldDuration: time.Since(c.info.Connected).Milliseconds(), FieldEnd: c.end,
	})
	if c.local && c.stats == (stats{}) { // a proxy looks every few seconds
		line.Debug(endMessage)
		return
	}
	line.Info(endMessage)
}

func (c *conn) log() logrus.FieldLogger {
	fields := logrus.Fields{
		FieldSession: c.info.ID, FieldListener: c.info.Listener, FieldRole: string(c.info.Role), FieldClient: clientText(c.info.Remote),
	}
	if c.proxied {
		fields[FieldProxy] = clientText(addrPort(c.raw.RemoteAddr()))
	}
	return c.cfg.Log.WithFields(fields)
}

func clientText(a netip.AddrPort) string {
	if !a.IsValid() {
		return "unknown"
	}
	return a.String()
}

// LocalAddr and RemoteAddr are the raw connection's.
func (c *conn) LocalAddr() net.Addr  { return c.raw.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// The deadlines are the wrapper's own business: one per Read, not one per message.
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
