package bridge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// noHeader is a store whose headers cannot be read.
type noHeader struct{ bridge.Store }

func (b noHeader) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	batch, err := b.Store.Next(ctx, f, c)
	for i := range batch.Changes {
		batch.Changes[i].Item.Identity = cutover.Identity{}
	}
	return batch, err
}

func TestAnItemWithoutAReadableHeaderIsCopied(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return noHeader{s} }
		w.old().Deliver(inbox, memstore.Message{Raw: mail("one", "x"), Date: time.Now().Truncate(time.Second)})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("two", "x"), Date: time.Now().Truncate(time.Second)})
		w.run(time.Minute)
		w.wantEqual(inbox)
	})
}

// noBody is a store whose bodies cannot be read.
type noBody struct{ bridge.Store }

func (b noBody) Fetch(_ context.Context, _ cutover.Folder, refs []cutover.Ref, got func(bridge.Fetched) error) error {
	for _, r := range refs {
		if err := got(bridge.Fetched{Ref: r, Err: fmt.Errorf("NO [SERVERBUG] internal error")}); err != nil {
			return err
		}
	}
	return nil
}

func TestAnItemThatCannotBeReadIsTriedForAnHourAndNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return noBody{s} }
		w.old().Deliver(inbox, memstore.Message{Raw: mail("one", "x"), Date: time.Now()})
		w.start()
		defer w.stop()
		time.Sleep(50 * time.Minute)
		if p := w.bridge.Progress()[0]; p.State != bridge.Problem {
			t.Errorf("within the hour: %+v, want a problem that is shown", p)
		}
		time.Sleep(time.Hour)
		tally, err := w.ledger.Tally(t.Context(), anna.ID)
		if err != nil || tally.Items[cutover.Refused] != 1 {
			t.Errorf("after the hour: %v, %v", tally.Items, err)
		}
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || len(report.Missing) != 1 || report.Missing[0].Why == "" {
			t.Errorf("report %+v, %v: want it named", report, err)
		}
	})
}

func TestACopyInSentIsNotTheReceivedOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		defer w.stop()
		raw := mail("to the group and to myself", "hello")
		sent := cutover.FolderPath{"Sent"}
		w.new().AddFolder(cutover.Folder{Path: sent, Kind: cutover.Mail, Role: cutover.Sent})
		w.new().Deliver(sent, memstore.Message{Raw: raw, Date: time.Now()})
		if _, err := w.bridge.Deposit(t.Context(), anna.ID, cutover.IdentityOf(raw), time.Now(), memstore.NewContent(raw)); err != nil {
			t.Fatal(err)
		}
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d messages in the INBOX, want the received one", n)
		}
	})
}

func TestNewsIsReportedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("zero", "x"), Date: time.Now()})
		w.start()
		time.Sleep(90 * time.Second)
		w.new().SetFault(func(string, int) error { return fmt.Errorf("down: %w", bridge.ErrConnection) })
		w.old().Deliver(inbox, memstore.Message{Raw: mail("one", "x"), Date: time.Now()})
		time.Sleep(time.Hour)
		w.new().SetFault(nil)
		time.Sleep(time.Hour)
		w.stop()
		if len(w.seen) != 1 {
			t.Errorf("one message was reported %d times", len(w.seen))
		}
	})
}

func TestARowIsNotTakenOverByAnotherMessage(t *testing.T) {
	nightly := func(body string) []byte {
		return []byte("From: cron@x.example\r\nTo: anna@example.com\r\nSubject: nightly report\r\n\r\n" + body + "\r\n")
	}
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		monday := w.old().Deliver(inbox, memstore.Message{Raw: nightly("monday"), Date: time.Now()})
		w.run(10 * time.Second)
		w.old().Remove(inbox, monday)
		w.old().Renew(inbox)
		w.run(2 * time.Minute)
		w.old().Deliver(inbox, memstore.Message{Raw: nightly("tuesday: the house burns"), Date: time.Now()})
		w.run(5 * time.Minute)
		if n := len(w.new().Messages(inbox)); n != 2 {
			t.Errorf("%d messages in the cloud, want monday's and tuesday's", n)
		}
	})
}
