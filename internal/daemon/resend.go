package daemon

import (
	"fmt"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
)

// resent is where second copies go: where the first went, by the same kind of way, to the home of today; or to whom a person names, who gets one of each message.
func (d *Daemon) resent(deed control.Deed) func(ledger.Delivery) (relay.Target, error) {
	sent := map[relay.Target]cutover.CaptureID{}
	return func(first ledger.Delivery) (relay.Target, error) {
		to, err := d.secondWay(deed, first)
		if err == nil && sent[to] == first.Capture {
			err = &relay.NotDone{Why: fmt.Sprintf("%s gets one copy of it", to.Recipient), Next: "posthouse trace " + string(first.Capture)}
		}
		sent[to] = first.Capture
		return to, err
	}
}

func (d *Daemon) secondWay(deed control.Deed, first ledger.Delivery) (relay.Target, error) {
	if first.Mailbox == "" && deed.Recipient == "" && deed.By == "" {
		return relay.Target{Recipient: first.Recipient, Side: first.Side, Destination: first.Destination}, nil
	}
	m, err := d.movedTo(deed, first)
	if err != nil {
		return relay.Target{}, err
	}
	by := deed.By
	if _, via, _ := strings.Cut(first.Destination, ":"); by == "" && via == config.ViaMailbox && m.Home == cutover.Cloud {
		by = destinationName(m.On(m.Home).Server, via)
	}
	return d.wayTo(m, by, first)
}
