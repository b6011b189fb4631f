package writers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// News looks at what reaches the cloud without us: it shows who has moved. Of one loop alone.
type News struct {
	cfg   Config
	begun time.Time // of the last round in which every mailbox was looked at
}

// NewNews looks at nothing yet.
func NewNews(cfg Config) *News { return &News{cfg: cfg} }

func placeFact(m cutover.MailboxID) string { return "news/" + string(m) }

// Look at every mailbox once. Only a round that reached all of them covers the time since the one before: of what nobody saw it is not known whether it came.
func (n *News) Look(ctx context.Context) error {
	began, all := n.cfg.Clock.Now(), true
	for _, p := range n.cfg.Bridge.Progress() {
		if p.Caught.IsZero() || !n.cfg.Askable(p.Mailbox, cutover.Cloud) { // the first copy has the server for itself
			all = false
			continue
		}
		if err := n.mailbox(ctx, p.Mailbox); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			all = false
			n.cfg.Log.WithField("mailbox", p.Mailbox).WithError(err).Debug("its cloud mailbox could not be looked at for news")
		}
	}
	if !all {
		return nil
	}
	return n.cfg.Witness.Testify(ctx, nil, n.covered(began), nil)
}

// covered is the time since the last whole round, of another process too: each mailbox was read on from where that ended.
func (n *News) covered(until time.Time) []evidence.Coverage {
	from := n.begun
	if spans := n.cfg.Witness.Snapshot().Coverage(evidence.CloudSource); from.IsZero() && len(spans) > 0 {
		from = spans.End()
	}
	n.begun = until
	if from.IsZero() {
		return nil
	}
	return []evidence.Coverage{{Source: evidence.CloudSource, Span: evidence.Span{From: from, To: until}}}
}

// mailbox reads on from where the last look ended. What was told is durable before that place is: a crash in between tells it again, and it counts once.
func (n *News) mailbox(ctx context.Context, m cutover.MailboxID) error {
	from, err := n.place(ctx, m)
	for more := true; more && err == nil; {
		var news []bridge.Head
		before := from
		if news, from, more, err = n.cfg.Bridge.News(ctx, m, from, evidence.OriginFields); err != nil || from == before {
			return err
		}
		if err = n.cfg.Witness.Testify(ctx, movedOf(m, news), nil, nil); err == nil {
			err = n.keep(ctx, m, from)
		}
	}
	return err
}

func (n *News) place(ctx context.Context, m cutover.MailboxID) (p ledger.Place, err error) {
	text, err := n.cfg.Facts.Fact(ctx, placeFact(m))
	if errors.Is(err, ledger.ErrNotFound) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &p)
	}
	if err != nil {
		return p, fmt.Errorf("reading how far news of %s were looked at: %w", m, err)
	}
	return p, nil
}

func (n *News) keep(ctx context.Context, m cutover.MailboxID, p ledger.Place) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return n.cfg.Facts.SetFact(ctx, placeFact(m), string(text))
}

// movedOf tells of each message who sent it. The hour is enough, and has one that went to several mailboxes count once.
func movedOf(m cutover.MailboxID, news []bridge.Head) (all []evidence.Observation) {
	for _, head := range news {
		sender, client, from, ok := evidence.Origin(head.Header)
		if !ok || head.Date.IsZero() {
			continue
		}
		all = append(all, evidence.Observation{
			At: head.Date.UTC().Truncate(time.Hour), Channel: evidence.Arriving, Class: evidence.Moved, Source: evidence.CloudSource, Sender: sender, Client: client, From: from, Mailbox: m,
			Message: head.Identity.MessageID,
		})
	}
	return all
}
