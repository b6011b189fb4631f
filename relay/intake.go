package relay

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay/callout"
	"posthouse/relay/sendercheck"
	"posthouse/relay/srs"
)

// IntakeConfig is everything an Intake needs.
type IntakeConfig struct {
	Ledger    ledger.Captures
	Directory *Directory
	Plans     map[cutover.Route]Plan
	// LegacyNets and CloudNets are the addresses from which mail counts as handed over by that side, for the loop rule.
	LegacyNets, CloudNets []netip.Prefix
	Courier               *Courier
	// Sources are servers that are asked about addresses that the directory does not know. May be nil.
	Sources *callout.Sources
	// SRS reads the senders that we rewrote: bounces to them are taken. May be nil.
	SRS *srs.Rewriter
	// Captured is told of each capture and each repeated transaction once it is durable; it must not block. May be nil.
	Captured func(evidence.Observation)
	// Examiner finds out about senders. May be nil: then nothing is found out.
	Examiner *Examiner
	// Examined is told of an observation whose capture the Examiner has: Recorded follows. It must not block. May be nil.
	Examined func(evidence.Observation)
	// Testimony takes the observation of a repeated transaction, which makes no capture. May be nil: then the log alone tells.
	Testimony ledger.Testimony
	Clock     clock.Clock
	Log       logrus.FieldLogger
}

// Intake decides about recipients and makes captures. Safe for concurrent use.
type Intake struct {
	cfg IntakeConfig
	dir atomic.Pointer[Directory]
	key []byte

	mu     sync.Mutex
	commit map[cutover.Digest]chan struct{} // transactions being committed, so that two equal ones cannot both be new
}

// repeatWindow is how long a sender that repeats a whole transaction is answered 250 and not delivered twice: retries go on for up to five days (RFC 5321 §4.5.4.1).
const repeatWindow = 5 * 24 * time.Hour

// NewIntake reads the ledger's trace key.
func NewIntake(ctx context.Context, cfg IntakeConfig) (*Intake, error) {
	key, err := cfg.Ledger.TraceKey(ctx)
	if err != nil {
		return nil, err
	}
	in := &Intake{cfg: cfg, key: key, commit: map[cutover.Digest]chan struct{}{}}
	in.dir.Store(cfg.Directory)
	return in, nil
}

// SetDirectory replaces the directory for what follows. Servers are asked anew.
func (in *Intake) SetDirectory(d *Directory) {
	in.dir.Store(d)
	in.cfg.Sources.Forget()
}

// Peer is the client of one session, as the listener saw it.
type Peer struct {
	Listener string
	Hostname string // ours
	Route    cutover.Route
	Protocol string // for Received: "ESMTPS" and the like (RFC 3848)
	From     string // reverse path of the transaction, "" is the null sender
	Client   ledger.Client
	Checks   SenderChecks
	Outward  bool   // may send to addresses outside our domains
	Device   string // the name of a device, "" where it has none
	// Mailbox is that of the user who logged in, "" if there is none. His copy of what he sends is filed there if FileSent says so.
	Mailbox  cutover.MailboxID
	FileSent bool
}

// Recipient decides about one recipient, local@domain or a bare local part: nil accepts, a *Refusal declines, any other error is unforeseen.
func (in *Intake) Recipient(ctx context.Context, p Peer, text string) error {
	a, err := in.address(text)
	if err != nil {
		return errMalformed
	}
	if returns(in.cfg.SRS, a) {
		return returnable(in.cfg.SRS, a, in.cfg.Clock.Now())
	}
	d := in.dir.Load()
	_, answer := d.Resolve(a)
	switch answer {
	case NotOurs:
		return in.outward(p, a)
	case Known:
		return nil
	}
	return in.unlisted(ctx, p, d, a)
}

// address parses a recipient.
func (in *Intake) address(text string) (cutover.Address, error) {
	return cutover.ParseAddress(in.qualified(text))
}

// qualified gives a bare local part our first domain, as the old server did: so printers and cron call themselves, and everybody may call the postmaster (RFC 5321 §4.5.1). A local part
// in quotes may hold an @ of its own, and no domain ends in a quote.
func (in *Intake) qualified(text string) string {
	domains := in.dir.Load().cfg.Domains
	bare := !strings.Contains(text, "@") || strings.HasSuffix(text, `"`)
	if text == "" || !bare || len(domains) == 0 {
		return text
	}
	return text + "@" + domains[0]
}

// Begin opens a place for a message. Its sender is "", local@domain or a bare local part; the envelope's recipients must have passed Recipient.
func (in *Intake) Begin(ctx context.Context, p Peer, env ledger.Envelope) (*Arrival, error) {
	env.From = in.qualified(env.From)
	env.Recipients = slices.Clone(env.Recipients)
	for i, r := range env.Recipients {
		a, err := in.address(string(r.Address))
		if err != nil {
			return nil, err
		}
		env.Recipients[i].Address = a
	}
	body, err := in.cfg.Ledger.NewBody(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening a place for a message: %w", err)
	}
	now := in.cfg.Clock.Now()
	return &Arrival{in: in, peer: p, id: newCaptureID(now), at: now, env: env, body: body, scanner: newScanner(), forged: in.forged(p)}, nil
}

// origin tells which side the client belongs to, "" for everybody else.
func (in *Intake) origin(addr string) cutover.Side {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	ip = ip.Unmap()
	for side, nets := range map[cutover.Side][]netip.Prefix{cutover.Legacy: in.cfg.LegacyNets, cutover.Cloud: in.cfg.CloudNets} {
		for _, n := range nets {
			if n.Contains(ip) {
				return side
			}
		}
	}
	return ""
}

// forged looks for results in our name where nobody but us can have written them: what comes from neither side.
func (in *Intake) forged(p Peer) *sendercheck.Forged {
	if !p.Checks.Record || in.origin(p.Client.Addr) != "" {
		return nil
	}
	return sendercheck.NewForged(p.Hostname)
}

// reserve turns planned deliveries that can be attempted at once, or very soon, into Sending, so that their first attempt needs no commit of its own. It returns the rooms that it took, one for each attempt.
func (in *Intake) reserve(planned []ledger.Delivery) (rooms []Room) {
	asked := map[way]bool{}
	for i, d := range planned {
		if d.State != ledger.Due || d.Next.After(d.Since) {
			continue
		}
		w := wayOf(d)
		room, before := asked[w]
		if !before {
			var r Room
			if r, room = in.cfg.Courier.Reserve(d.Destination); room {
				rooms = append(rooms, r)
			}
			asked[w] = room
		}
		if room {
			planned[i].State = ledger.Sending
		}
	}
	return rooms
}

func (in *Intake) release(rooms []Room) {
	for _, r := range rooms {
		in.cfg.Courier.Release(r)
	}
}

func (in *Intake) dispatch(c ledger.Capture, stored []ledger.Delivery, octets []byte, rooms []Room) {
	var sending, due []ledger.Delivery
	for _, d := range stored {
		if d.State == ledger.Sending {
			sending = append(sending, d)
		}
		if d.State == ledger.Due && !d.Next.After(d.Since) {
			due = append(due, d)
		}
		if d.State == ledger.Held {
			in.log(c).WithFields(logrus.Fields{"to": d.Recipient, "destination": d.Destination}).Warn("delivery held: " + d.Reason)
		}
	}
	if len(sending) > 0 {
		in.cfg.Courier.Take(c, sending, octets, rooms)
	}
	if len(due) > 0 {
		in.cfg.Courier.Offer(c, due, octets)
	}
	if logs(in.cfg.Log, logrus.InfoLevel) {
		in.log(c).WithFields(logrus.Fields{
			"from": c.Envelope.From, "to": listed(c.Envelope.Recipients), "message_id": clip(c.Identity.MessageID), "size": c.Size, "deliveries": len(stored),
		}).Info("captured")
	}
}

// logs reports whether anybody reads what is logged at a level: else its fields need not be gathered for each message.
func logs(l logrus.FieldLogger, level logrus.Level) bool {
	switch l := l.(type) {
	case *logrus.Entry:
		return l.Logger.IsLevelEnabled(level)
	case *logrus.Logger:
		return l.IsLevelEnabled(level)
	}
	return true
}

// listed are recipients as far as a line of the log goes.
func listed(all []ledger.Recipient) string {
	const most = 10
	text := make([]string, min(len(all), most))
	for i := range text {
		text[i] = clip(string(all[i].Address))
	}
	if more := len(all) - most; more > 0 {
		text = append(text, fmt.Sprintf("%d more", more))
	}
	return strings.Join(text, ", ")
}

// clip keeps a stranger's words short in the log.
func clip(said string) string {
	return strings.ToValidUTF8(said[:min(len(said), 320)], "?")
}

// lockRepeat makes equal transactions wait for one another.
func (in *Intake) lockRepeat(ctx context.Context, r cutover.Digest) (unlock func(), err error) {
	for {
		in.mu.Lock()
		busy, taken := in.commit[r]
		if !taken {
			done := make(chan struct{})
			in.commit[r] = done
			in.mu.Unlock()
			return func() { in.mu.Lock(); delete(in.commit, r); in.mu.Unlock(); close(done) }, nil
		}
		in.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (in *Intake) tell(o evidence.Observation) {
	if in.cfg.Captured != nil {
		in.cfg.Captured(o)
	}
}

func (in *Intake) log(c ledger.Capture) logrus.FieldLogger {
	return in.cfg.Log.WithFields(logrus.Fields{"capture": c.ID, "client": c.Client.Addr, "listener": c.Listener})
}
