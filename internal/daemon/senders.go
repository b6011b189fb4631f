package daemon

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/config"
	"posthouse/relay"
	"posthouse/relay/listener"
	"posthouse/relay/sendercheck"
)

// senders is what a listener does about the senders of its mail before it answers. The zero value does nothing.
type senders struct {
	checks relay.SenderChecks
	reject []string
	check  checks
}

func (d *Daemon) senders(l config.Listener) senders {
	if l.Role != config.RoleMX {
		return senders{}
	}
	add := l.Senders.Checks == config.ChecksAdd
	return senders{
		relay.SenderChecks{Record: add || l.Senders.Checks == config.ChecksRecord, Add: add},
		l.Senders.Reject, d.checks(clientPatience, l.Senders.DNSBL...),
	}
}

const (
	// clientPatience is how long a client waits for checks that may refuse its mail. What is not known by then is taken.
	clientPatience = 5 * time.Second
	// checkers is how many captures are looked at at once: nearly all of the time DNS is waited for.
	checkers = 32
	// examineRoom is how many may wait.
	examineRoom = 2048
	// examineRate a second in the long run is more than an old server's mail, and costs some hundredths of a processor.
	examineRate = 200
)

// startExaminer asks the lists of all listeners: what one of them is told is a fact for all.
func (d *Daemon) startExaminer(context.Context) error {
	var lists []string
	for _, l := range d.cfg.Listeners {
		lists = append(lists, l.Senders.DNSBL...)
	}
	slices.Sort(lists)
	d.examiner = relay.NewExaminer(relay.ExaminerConfig{
		Ledger: d.ledger, Fronts: networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.Limits.Trusted }), Checker: d.checks(0, slices.Compact(lists)...).checker, Workers: checkers, Room: examineRoom, Rate: examineRate,
		Recorded: d.witness.Captured, Hint: d.courier.Hint, Clock: d.opts.Clock, Log: d.log,
	})
	d.onStop(func(context.Context) error { d.examiner.Stop(); return nil })
	return nil
}

func (s senders) rejects(what string, who listener.Session) bool {
	return slices.Contains(s.reject, what) && s.check.stranger(who.Remote.Addr())
}

// of are the rules for a message. Mail for postmaster alone is never refused: who is refused by mistake must be able to say so (RFC 5321 §4.5.1).
func (s senders) of(e listener.Envelope) senders {
	if !slices.ContainsFunc(e.Recipients, func(r listener.Recipient) bool { return !isPostmaster(r.Address) }) {
		s.reject = nil
	}
	return s
}

func isPostmaster(rcpt string) bool {
	local, _, _ := strings.Cut(rcpt, "@")
	return strings.EqualFold(local, "postmaster")
}

func senderOf(who listener.Session, from string) sendercheck.Sender {
	return sendercheck.Sender{Client: who.Remote.Addr(), Helo: who.Helo, From: from}
}

// client refuses recipients of a client that is on a list.
func (s senders) client(ctx context.Context, who listener.Session) error {
	if !s.rejects(config.RejectDNSBL, who) {
		return nil
	}
	if on := s.check.checker.Listed(ctx, who.Remote.Addr()); len(on) > 0 {
		return &listener.Refusal{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: fmt.Sprintf("Your address %s is listed by %s", who.Remote.Addr().Unmap(), on[0])}
	}
	return nil
}

// envelope refuses mail from clients that the sender's domain does not name.
func (s senders) envelope(ctx context.Context, who listener.Session, from string) error {
	if !s.rejects(config.RejectSPF, who) {
		return nil
	}
	if s.check.checker.SPF(ctx, senderOf(who, from)).SPF == sendercheck.Fail {
		return &listener.Refusal{Code: 550, Enhanced: [3]int{5, 7, 23}, Text: "The domain of the sender does not let your address send its mail (SPF)"}
	}
	return nil
}

// message looks at a message while it comes in, where that can refuse it.
func (s senders) message(ctx context.Context, who listener.Session, from string, m listener.Message) listener.Message {
	if !s.rejects(config.RejectDMARC, who) {
		return m
	}
	r, w := io.Pipe()
	l := &lookedAt{m, w, make(chan sendercheck.Facts, 1)}
	go func() {
		l.facts <- s.check.checker.Check(ctx, senderOf(who, from), r)
		io.Copy(io.Discard, r) // whoever writes must not wait for a reader that knows enough
	}()
	return l
}

// lookedAt is a message that may be refused for its author's sake once all of it is there.
type lookedAt struct {
	listener.Message
	pipe  *io.PipeWriter
	facts chan sendercheck.Facts
}

func (l *lookedAt) Write(b []byte) (int, error) {
	n, err := l.Message.Write(b)
	l.pipe.Write(b[:n])
	return n, err
}

func (l *lookedAt) Commit(ctx context.Context) (string, error) {
	l.pipe.Close()
	if f := <-l.facts; f.Disowned() {
		l.Message.Abort()
		return "", &listener.Refusal{Code: 550, Enhanced: [3]int{5, 7, 26}, Text: fmt.Sprintf("The domain %s asks to refuse mail that fails DMARC", f.FromDomain)}
	}
	return l.Message.Commit(ctx)
}

func (l *lookedAt) Abort() {
	l.pipe.CloseWithError(context.Canceled)
	l.Message.Abort()
}
