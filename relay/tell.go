package relay

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay/dsn"
	"posthouse/relay/reason"
)

// What becomes of a message and its sender may be told of stands in Delivery.Tell: an action, and behind a colon a person's words. It is durable with what it tells of;
// Notify makes a message of it later, once.

// asked reports whether the sender asked, by NOTIFY, to be told of an action (RFC 3461 §4.1). Without a word failures are told, and delays may be.
func asked(c ledger.Capture, d ledger.Delivery, action dsn.Action) bool {
	if c.Envelope.From == "" || c.Route == cutover.Notices || !d.Required || reason.Class(d.Class).Quiet() && c.Client.User == "" {
		return false
	}
	want := map[dsn.Action]string{dsn.Failed: "FAILURE", dsn.Delayed: "DELAY", dsn.Delivered: "SUCCESS", dsn.Relayed: "SUCCESS"}[action]
	for _, r := range c.Envelope.Recipients {
		if r.Address != d.Original {
			continue
		}
		if r.Notify == "" {
			return want != "SUCCESS"
		}
		return slices.Contains(strings.Split(strings.ToUpper(r.Notify), ","), want)
	}
	return false
}

// success is what the sender of a delivery that just succeeded is to be told: nothing where the next hop tells it, or nobody asked.
func (c *Courier) success(capture ledger.Capture, d ledger.Delivery, o Outcome) string {
	action := dsn.Relayed
	if o.Seen != "" {
		action = dsn.Delivered
	}
	if o.Notifies || !(c.cfg.Notifications || capture.Client.User != "") || !asked(capture, d, action) {
		return ""
	}
	return string(action)
}

// telling is what the sender is told of a delivery that is given up. On a person's word that needs no other leave.
func (c *Courier) telling(ctx context.Context, deed Deed, d ledger.Delivery) (string, error) {
	if !deed.Notify {
		return "", nil
	}
	capture, err := c.cfg.Ledger.Capture(ctx, d.Capture)
	if err != nil || !asked(capture, d, dsn.Failed) {
		return "", err
	}
	if deed.Why == "" {
		return string(dsn.Failed), nil
	}
	return string(dsn.Failed) + ": " + oneLine(deed.Why), nil
}

// Late notes that the sender of a delivery is to be told that it takes long, if it may be and asked for that; else that there is nothing to tell.
func (in *Intake) Late(ctx context.Context, d ledger.Delivery, notifications bool) error {
	c, err := in.cfg.Ledger.Capture(ctx, d.Capture)
	if err != nil {
		return err
	}
	is := ledger.Told
	if (notifications || c.Client.User != "") && asked(c, d, dsn.Delayed) {
		is = string(dsn.Delayed)
	}
	return in.cfg.Ledger.Tell(ctx, d.ID, d.Tell, is)
}

// Teller is what a notification says of ourselves.
type Teller struct {
	Hostname, Postmaster, Organisation string
}

// Notify tells the sender of a delivery what its Tell says: a notification is captured like any other mail, with the null reverse path. There is one for each recipient of
// the envelope and action, however often this is called. What was sent by no person is not answered.
func (in *Intake) Notify(ctx context.Context, d ledger.Delivery, by Teller) error {
	err := in.notify(ctx, d, by)
	if err != nil && !errors.Is(err, errNobody) && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return in.cfg.Ledger.Tell(ctx, d.ID, d.Tell, ledger.Told)
}

// errNobody: there is nobody to tell.
var errNobody = errors.New("nobody is told")

func (in *Intake) notify(ctx context.Context, d ledger.Delivery, by Teller) error {
	c, err := in.cfg.Ledger.Capture(ctx, d.Capture)
	if err != nil {
		return err
	}
	to, err := cutover.ParseAddress(c.Envelope.From)
	if err != nil {
		return errNobody
	}
	said, why, _ := strings.Cut(d.Tell, ": ")
	event := eventOf(c, d, said)
	unlock, err := in.lockRepeat(ctx, event)
	if err != nil {
		return err
	}
	defer unlock()
	if _, done, err := in.cfg.Ledger.Repeated(ctx, event, time.Time{}); err != nil || done {
		return err
	}
	a, err := in.notice(ctx, to, by, c.Envelope.RequireTLS)
	if err != nil {
		return err
	}
	if err := in.write(ctx, a, report(c, d, dsn.Action(said), why), by, c); err != nil {
		a.Abort()
		return err
	}
	notice := a.capture()
	notice.Repeat = event
	return a.keep(ctx, notice, in.planNotice(a), evidence.Observation{})
}

// eventOf is the same for whatever is told of one recipient's delivery twice.
func eventOf(c ledger.Capture, d ledger.Delivery, said string) cutover.Digest {
	return sha256.Sum256([]byte(strings.Join([]string{"notice", string(c.ID), string(d.Original), said}, "\x00")))
}

// notice opens a place for a message of our own. It is guarded as the message was that it tells of (RFC 8689 §5).
func (in *Intake) notice(ctx context.Context, to cutover.Address, by Teller, requireTLS bool) (*Arrival, error) {
	p := Peer{Listener: "posthouse", Hostname: by.Hostname, Route: cutover.Notices, Protocol: "local", Client: ledger.Client{Name: by.Hostname}}
	env := ledger.Envelope{UTF8: !isASCII(string(to)), RequireTLS: requireTLS, Recipients: []ledger.Recipient{{Address: to, Notify: "NEVER"}}}
	return in.Begin(ctx, p, env)
}

// write writes the notification. A message with bare line ends, or more than a sender needs to know it again, comes back as its header.
func (in *Intake) write(ctx context.Context, a *Arrival, r dsn.Report, by Teller, c ledger.Capture) error {
	body, err := in.cfg.Ledger.OpenBody(ctx, c.ID)
	if err != nil {
		return err
	}
	defer body.Close()
	if c.Client.User == "" && automatic(body) { // who logged in is told all the same: what he sent ends here
		return errNobody
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r.ID, r.At, r.MTA, r.From, r.Signature = string(a.id), a.at, by.Hostname, by.Postmaster, by.Organisation
	whole := r.Action == dsn.Failed && c.Envelope.Return == "FULL" && !c.Bare && c.Size <= maxReturned
	return r.Write(a, body, whole)
}

// maxReturned is how large a message may be that comes back whole.
const maxReturned = 1 << 20

func report(c ledger.Capture, d ledger.Delivery, action dsn.Action, why string) dsn.Report {
	class := reason.Class(d.Class)
	r := dsn.Report{
		To: c.Envelope.From, Action: action, Status: status(action, class), Why: why, Recipient: string(d.Original),
		EnvelopeID: Unxtext(c.Envelope.EnvelopeID), Arrived: c.At, MessageID: c.MessageID,
	}
	if r.Why == "" {
		r.Why = class.Public()
	}
	for _, to := range c.Envelope.Recipients {
		if to.Address == d.Original {
			r.ORcpt = OriginalRecipient(to.ORcpt)
		}
	}
	return r
}

// status is an enhanced code (RFC 3463) that says as little as the words do.
func status(action dsn.Action, class reason.Class) string {
	detail := map[reason.Class]string{
		reason.Size: "3.4", reason.Recipient: "1.1", reason.Disabled: "2.1", reason.Full: "2.2", reason.Attachment: "7.1", reason.Sender: "7.1", reason.Policy: "7.1", reason.Restricted: "7.1",
	}[class]
	switch {
	case action == dsn.Delivered || action == dsn.Relayed:
		return "2.0.0"
	case detail == "":
		detail = "0.0"
	}
	if action == dsn.Delayed {
		return "4." + detail
	}
	return "5." + detail
}

// planNotice leads home, or outside.
func (in *Intake) planNotice(a *Arrival) []ledger.Delivery {
	plan := in.cfg.Plans[cutover.Arriving]
	plan.Tee = false
	p := planner{dir: in.dir.Load(), plan: plan, sources: in.cfg.Sources, srs: in.cfg.SRS, now: a.at}
	r := a.env.Recipients[0]
	if _, answer := p.dir.Resolve(r.Address); answer == NotOurs && !returns(p.srs, r.Address) {
		return p.outward(r, r.Address)
	}
	return p.deliveries(a.env.Recipients)
}

// automatic reports whether no person waits for an answer: the message came of a program (RFC 3834 §2) or by a list. What cannot be read is taken for that.
func automatic(message io.Reader) bool {
	header, err := textproto.NewReader(bufio.NewReader(io.LimitReader(message, maxHeader))).ReadMIMEHeader()
	if err != nil && len(header) == 0 && !errors.Is(err, io.EOF) {
		return true
	}
	submitted := strings.ToLower(strings.TrimSpace(header.Get("Auto-Submitted")))
	precedence := strings.ToLower(strings.TrimSpace(header.Get("Precedence")))
	return submitted != "" && submitted != "no" || precedence == "bulk" || precedence == "list" || precedence == "junk" ||
		header.Get("List-Id") != "" || header.Get("List-Unsubscribe") != "" || header.Get("List-Post") != ""
}

// maxHeader is how much of a message is looked at for its header.
const maxHeader = 256 << 10

// promise is what a person is told when a sender is to be told.
func promise(tell string) string {
	if tell == "" {
		return "; its sender is not told: it did not ask, or there is none"
	}
	return "; its sender is told, unless it is a program"
}
