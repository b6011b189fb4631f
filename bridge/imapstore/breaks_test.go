package imapstore_test

import (
	"errors"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/ledger"
	"posthouse/test/neighbour"
)

// listener follows INBOX, and knows of each message what it was told.
type listener struct {
	t      *testing.T
	store  bridge.Store
	cursor ledger.Cursor
	told   map[cutover.Ref]cutover.Item
}

// listen hears all that there is, or as much as comes before an error.
func (l *listener) listen() error {
	for {
		b, err := l.store.Next(l.t.Context(), inbox, l.cursor)
		if err != nil {
			return err
		}
		for _, c := range b.Changes {
			item := c.Item
			if c.Kind == bridge.Flagged {
				item = l.told[item.Ref]
				item.Flags = c.Item.Flags
			}
			l.told[item.Ref] = item
		}
		if l.cursor = b.After; len(b.Changes) == 0 {
			return nil
		}
	}
}

// listenThroughCuts does so through connections that all break after some octets, and then through ones that hold.
func (l *listener) listenThroughCuts(proxy *testserver.Proxy, cut int64) {
	proxy.Set(testserver.ProxyFaults{CutToClient: cut})
	proxy.CutAll()
	for range 2 {
		_ = l.listen()
	}
	proxy.Set(testserver.ProxyFaults{})
	proxy.CutAll()
	if err := l.listen(); err != nil {
		l.t.Fatal(err)
	}
}

// TestCutsHideNothing: wherever connections break, in the end each message was told of with its date, and with the flags that it has.
func TestCutsHideNothing(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "dovecot", Users: people(1)})
	box := neighbour.OpenMailbox(t, server.IMAP, user+"1", password, nil)
	date := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for n := range batch + 2 {
		box.Append("INBOX", neighbour.Upload{Bytes: []byte(numbered(n)), Date: date, Flags: []string{`\Flagged`}})
	}
	o := options(t, "")
	o.SASL = plainAs(user + "1")
	proxy, o := throughProxy(t, server, o)
	for round := range 60 {
		cut := int64(700 + round*83)
		l := listener{t: t, store: imapstore.New(o), told: map[cutover.Ref]cutover.Item{}}
		l.listenThroughCuts(proxy, cut)
		was, is := cutover.NewFlags(`\Flagged`), cutover.NewFlags(`\Flagged`, `\Seen`)
		if round%2 == 1 {
			was, is = is, was
		}
		l.wantAll(cut, date, was)
		box.Store("INBOX", "1:*", "FLAGS", is...)
		l.listenThroughCuts(proxy, cut)
		l.wantAll(cut, date, is)
		l.store.Close()
	}
}

func (l *listener) wantAll(cut int64, date time.Time, flags cutover.Flags) {
	l.t.Helper()
	if len(l.told) != batch+2 {
		l.t.Errorf("cut after %d octets: told of %d messages", cut, len(l.told))
	}
	for ref, item := range l.told {
		if !item.Date.Equal(date) || !item.Flags.Equal(flags) {
			l.t.Errorf("cut after %d octets: %s is of %v with the flags %v, want %v with %v", cut, ref, item.Date, item.Flags, date, flags)
		}
	}
}

// TestAMessageThatTheServerHangsUpOver: it is given up once the line has been breaking over it for long enough, and not before.
func TestAMessageThatTheServerHangsUpOver(t *testing.T) {
	o := surprise{deadly: true}.start(t)
	for _, patience := range []time.Duration{time.Hour, time.Nanosecond} {
		o.Breaks = imapstore.NewBreaks(patience)
		for range 3 {
			store := imapstore.New(o)
			_, err := store.Next(t.Context(), inbox, "")
			store.Close()
			if given := err == nil; given && patience == time.Hour || !given && !errors.Is(err, bridge.ErrConnection) {
				t.Fatalf("a patience of %v: %v", patience, err)
			}
		}
		if patience == time.Hour {
			continue
		}
		store := imapstore.New(o)
		defer store.Close()
		if b := nextOf(t, store); len(b.Changes) != 3 || b.Changes[0].Item.Identity.MessageID != "<m3@example>" || b.Changes[1].Item.Identity.MessageID != "" {
			t.Errorf("changes %+v", b.Changes)
		}
	}
}

// TestFlagsBesideWhatCannotBeRead: what the server tells of one message cannot be read; the flags of the others can.
func TestFlagsBesideWhatCannotBeRead(t *testing.T) {
	o := surprise{second: "X-UNKNOWN 7", always: true}.start(t)
	o.FlagPoll = 1
	store := imapstore.New(o)
	defer store.Close()
	b, err := store.Next(t.Context(), inbox, nextOf(t, store).After)
	if err != nil || len(b.Changes) != 2 || b.Changes[0].Item.Ref != "3" || b.Changes[1].Item.Ref != "1" {
		t.Errorf("changes %+v, %v", b.Changes, err)
	}
}
