package destination_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// lies counts what lies in a mailbox's INBOX, by Message-ID.
func (w *town) lies(s *memstore.Server, m cutover.MailboxID) map[string]int {
	found := map[string]int{}
	for _, message := range s.Mailbox(string(m)).Messages(inbox) {
		found[messageID(string(message.Raw))]++
	}
	return found
}

// rows are all deliveries that lead to one place, of one message.
type rows []ledger.Delivery

func (r rows) some(fits func(ledger.Delivery) bool) bool { return slices.ContainsFunc(r, fits) }

func (w *town) check() {
	inMailboxes, outside, settled := map[string]map[cutover.MailboxID]rows{}, map[string]rows{}, 0
	for _, d := range w.deliveries() {
		c, err := w.is.Load().ledger.Capture(context.Background(), d.Capture)
		switch {
		case err != nil:
			w.t.Fatal(err)
		case strings.HasSuffix(d.Destination, ":sent"):
			continue
		case d.Mailbox != "":
			if inMailboxes[c.MessageID] == nil {
				inMailboxes[c.MessageID] = map[cutover.MailboxID]rows{}
			}
			inMailboxes[c.MessageID][d.Mailbox] = append(inMailboxes[c.MessageID][d.Mailbox], d)
		}
		for recipient := range w.outsiders(d) {
			place := c.MessageID + " " + string(recipient)
			outside[place] = append(outside[place], d)
		}
		if d.State == ledger.Settled {
			settled++
		}
		if d.Required && (d.State == ledger.Held || d.State == ledger.Quiet) && d.Reason == "" || !slices.Contains([]ledger.DeliveryState{ledger.Held, ledger.Quiet, ledger.Settled, ledger.Dropped}, d.State) {
			w.t.Errorf("is not at its end, or does not say why: %s", w.told(rows{d}))
		}
	}
	for _, m := range people {
		w.checkMailbox(m.ID, inMailboxes)
	}
	for place, n := range w.outside {
		w.checkOutside(place, n, outside[place])
		delete(outside, place)
	}
	for place, r := range outside {
		w.checkOutside(place, 0, r)
	}
	if settled < 20 {
		w.t.Errorf("only %d deliveries went through", settled)
	}
	w.checkSent()
}

// outsiders are whom a delivery leads to outside, and to whom it did before a person moved it while nobody could say whether it had arrived.
func (w *town) outsiders(d ledger.Delivery) map[cutover.Address]bool {
	all := map[cutover.Address]bool{}
	for _, e := range w.events(d) {
		if e.State == ledger.InDoubt {
			all[e.Recipient] = true
		}
	}
	all[d.Recipient] = true
	maps.DeleteFunc(all, func(a cutover.Address, _ bool) bool { return a.Domain() == "example.com" })
	return all
}

func (w *town) events(d ledger.Delivery) (its []ledger.Event) {
	events, err := w.is.Load().ledger.History(context.Background(), d.Capture)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(events, func(e ledger.Event) bool { return e.Delivery != d.ID })
}

func (w *town) checkOutside(place string, n int, r rows) {
	switch {
	case r == nil:
		w.t.Errorf("%s: went to whom it does not lead", place)
	case r.some(func(d ledger.Delivery) bool { return strings.Contains(w.history(d), "may arrive twice") }):
	case len(r) == 1 && r[0].State == ledger.Settled && n == 1:
	case len(r) == 1 && r[0].State != ledger.Settled && n <= w.mayHave(r[0]):
	default:
		w.t.Errorf("%s: arrived %d times: %s", place, n, w.told(r))
	}
}

// checkMailbox wants each message once in the cloud, if it was not stopped on every way; what lies in the old mailbox the bridge brings over.
func (w *town) checkMailbox(m cutover.MailboxID, all map[string]map[cutover.MailboxID]rows) {
	cloud, legacy := w.lies(w.cloud, m), w.lies(w.legacy, m)
	for _, found := range []map[string]int{cloud, legacy} {
		for id, n := range found {
			if all[id][m] == nil && legacy[id] == 0 || n > 1 {
				w.t.Errorf("%s lies in %s %d times: %s", id, m, n, w.told(all[id][m]))
			}
		}
	}
	for id, byMailbox := range all {
		r := byMailbox[m]
		stopped := r.some(func(d ledger.Delivery) bool { // the copy in the old mailbox waits with it
			return d.Required && d.Side == cutover.Cloud && (d.State == ledger.Held || d.State == ledger.Quiet)
		})
		arrived := legacy[id] > 0 && !stopped || r.some(func(d ledger.Delivery) bool {
			return d.Required && d.State == ledger.Settled && !strings.Contains(d.Seen, "given back")
		})
		may := arrived || legacy[id] > 0 || r.some(func(d ledger.Delivery) bool { return w.mayHave(d) > 0 })
		if r != nil && (arrived && cloud[id] != 1 || !may && cloud[id] > 0) {
			w.t.Errorf("%s lies in %s %d times, and %d times in the old mailbox: %s", id, m, cloud[id], legacy[id], w.told(r))
		}
		if r.some(func(d ledger.Delivery) bool {
			return d.Required && d.State == ledger.Settled && d.Side == cutover.Legacy && legacy[id] != 1 && !strings.Contains(d.Seen, "given back")
		}) {
			w.t.Errorf("%s lies in the old mailbox %d times: %s", id, legacy[id], w.told(r))
		}
	}
}

func (w *town) told(r rows) (said string) {
	for _, d := range r {
		said += fmt.Sprintf("%+v\n%s", d, w.history(d))
	}
	return said
}

func (w *town) history(d ledger.Delivery) (said string) {
	for _, e := range w.events(d) {
		said += fmt.Sprintf("%+v\n", e)
	}
	return said
}

// mayHave is how often what was not delivered may have arrived: once where its last reply was lost, or where it was accepted and did not show up.
func (w *town) mayHave(d ledger.Delivery) (may int) {
	for _, e := range w.events(d) {
		switch e.State {
		case ledger.Held, ledger.Dropped:
		case ledger.InDoubt, ledger.Accepted:
			may = 1
		default:
			may = 0
		}
	}
	return may
}

// checkSent wants each message that anna sent once among what she sent.
func (w *town) checkSent() {
	var found [][]byte
	for _, message := range w.cloud.Mailbox("anna@example.com").Messages(sentFolder) {
		found = append(found, message.Raw)
	}
	for _, marker := range w.sent {
		n := 0
		for _, raw := range found {
			if bytes.Contains(raw, []byte("Subject: "+marker+"\r\n")) {
				n++
			}
		}
		if n != 1 {
			w.t.Errorf("%s lies %d times in Sent", marker, n)
		}
	}
}
