package destination_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// bring brings a message in, again and again until it is taken.
func (w *town) bring(peer relay.Peer, env ledger.Envelope, body string) {
	peer.Listener, peer.Hostname, peer.Protocol = "mx", "posthouse.example.com", "ESMTP"
	peer.From = env.From
	for range 50 {
		is := w.is.Load()
		if err := is.take(peer, env, body); err == nil {
			return
		} else if is.dead.Load() {
			continue
		} else if !errors.Is(err, ledger.ErrClosed) {
			w.t.Errorf("not taken: %v", err)
			return
		}
		time.Sleep(time.Second)
	}
}

func (p *process) take(peer relay.Peer, env ledger.Envelope, body string) error {
	for _, r := range env.Recipients {
		if err := p.intake.Recipient(context.Background(), peer, string(r.Address)); err != nil {
			return fmt.Errorf("%s: %w", r.Address, err)
		}
	}
	a, err := p.intake.Begin(context.Background(), peer, env)
	if err != nil {
		return err
	}
	if _, err := a.Write([]byte(body)); err != nil {
		a.Abort()
		return err
	}
	_, err = a.Commit(context.Background())
	return err
}

func some[T any](w *town, all []T) (chosen []T) {
	for _, one := range all {
		if w.n(3) == 0 {
			chosen = append(chosen, one)
		}
	}
	if chosen == nil {
		return all[:1]
	}
	return chosen
}

// send makes somebody send something.
func (w *town) send() {
	w.mu.Lock()
	w.count++
	n := w.count
	w.mu.Unlock()
	var env ledger.Envelope
	notify := []string{"", "", "SUCCESS,FAILURE", "NEVER"}[w.n(4)]
	if w.n(3) == 0 {
		env.From = "anna@example.com"
		for _, a := range some(w, []cutover.Address{"friend@out1.test", "anna@example.com", "bob@example.com", "other@out1.test", "more@out2.test", "all@example.com"}) {
			env.Recipients = append(env.Recipients, ledger.Recipient{Address: a, Notify: notify})
		}
		body := text("sent", n, "anna@example.com")
		w.sent = append(w.sent, fmt.Sprintf("sent %d", n))
		if w.n(3) == 0 { // her program files it on the old server, as most do
			w.legacy.Mailbox("anna@example.com").Deliver(sentFolder, memstore.Message{Raw: []byte(body), Date: time.Now()})
		}
		w.bring(relay.Peer{Route: cutover.Submission, Outward: true, Mailbox: "anna@example.com", FileSent: true, Client: ledger.Client{Addr: "192.0.2.9", User: "anna"}}, env, body)
		return
	}
	env.From = []string{"x@out1.test", "", "y@out2.test"}[w.n(3)]
	for _, a := range some(w, []cutover.Address{"all@example.com", "anna@example.com", "bob@example.com", "carol@example.com", "room@example.com"}) {
		env.Recipients = append(env.Recipients, ledger.Recipient{Address: a, Notify: notify})
	}
	body := text("mail", n, "x@out1.test")
	for range 1 + w.n(5)/4 { // some senders repeat themselves
		w.bring(relay.Peer{Route: cutover.Arriving, Client: ledger.Client{Addr: "192.0.2.1", Name: "mx.out1.test"}}, env, body)
	}
}

// meddle does something to some deliveries.
func (w *town) meddle() {
	p := w.is.Load()
	deed := relay.Deed{Do: []relay.Verb{relay.Hold, relay.Release, relay.Retry, relay.Move, relay.Drop}[w.n(5)], By: "root", Notify: w.n(2) == 0}
	deed.Keep = func(context.Context, ledger.Delivery) (string, error) { return "dropped/1.eml", nil }
	deed.To = func(d ledger.Delivery) (relay.Target, error) {
		if w.n(2) == 0 {
			return relay.Target{Recipient: "carol@example.com", Mailbox: "carol@example.com", Side: cutover.Cloud, Destination: "new:mailbox"}, nil
		}
		return relay.Target{Recipient: d.Recipient, Mailbox: d.Mailbox, Side: d.Side, Destination: d.Destination}, nil
	}
	if deed.Do == relay.Drop && w.n(3) > 0 {
		deed.Do = relay.Release
	}
	all, err := p.ledger.Deliveries(context.Background(), ledger.DeliveryFilter{})
	if err != nil {
		return
	}
	var ids []ledger.DeliveryID
	for _, d := range all {
		if w.n(4) == 0 {
			ids = append(ids, d.ID)
		}
	}
	w.background.Go(func() { p.courier.Act(context.Background(), deed, ids) })
}

// release lets everything go that is held.
func (w *town) release() {
	var ids []ledger.DeliveryID
	for _, d := range w.deliveries() {
		if d.State == ledger.Held {
			ids = append(ids, d.ID)
		}
	}
	w.is.Load().courier.Act(context.Background(), relay.Deed{Do: relay.Release, By: "root"}, ids)
}

func (w *town) deliveries() []ledger.Delivery {
	all, err := w.is.Load().ledger.Deliveries(context.Background(), ledger.DeliveryFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *town) play() {
	w.begin()
	for range 40 {
		w.send()
		time.Sleep(time.Duration(w.n(6000)) * time.Millisecond)
		if w.n(3) == 0 {
			w.meddle()
		}
		if w.n(14) == 0 {
			w.kill()
		}
		if w.n(20) == 0 {
			w.stop()
		}
	}
	w.rest()
	time.Sleep(20 * time.Minute)
	for range 3 {
		w.release()
		time.Sleep(10 * time.Minute)
	}
	w.kill()
	time.Sleep(10 * time.Minute)
	w.background.Wait()
	w.check()
	w.is.Load().courier.Stop(context.Background())
	w.is.Load().end()
	for _, h := range []*hop{w.toCloud, w.toLegacy, w.toOutside} {
		h.served.Wait()
	}
}
