package destination

import (
	"context"
	"fmt"
	"net"

	"posthouse/relay"
	"posthouse/relay/delivery"
)

// Outside is how hosts outside are reached.
type Outside struct {
	Name, Hello string
	Hosts       func(domain string) func(context.Context) ([]delivery.Host, error)
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
}

// outside is the way to whatever host takes mail for a recipient's domain.
type outside struct {
	Outside
	sender sender
}

// Deliver has a conversation for each domain. There is little mail that goes this way, and seldom two in a row to one domain: no connection is kept.
func (o outside) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	result := make([]relay.Outcome, len(c.Deliveries))
	places := map[string][]int{}
	for i, d := range c.Deliveries {
		domain := d.Recipient.Domain()
		places[domain] = append(places[domain], i)
	}
	for domain, at := range places {
		one := c
		one.Deliveries, one.Next = nil, nil // what is next may go elsewhere, and is nobody's business here
		for _, i := range at {
			one.Deliveries = append(one.Deliveries, c.Deliveries[i])
		}
		for n, outcome := range o.deliver(ctx, domain, one) {
			result[at[n]] = outcome
		}
	}
	return result
}

// deliver hands over to one domain. That nobody answers there is its own trouble and says nothing of others.
func (o outside) deliver(ctx context.Context, domain string, c relay.Consignment) []relay.Outcome {
	client, err := delivery.New(delivery.Config{
		Destination: delivery.Destination{Name: o.Name, Address: domain, TLS: delivery.TLS{Mode: delivery.Opportunistic}},
		Hello:       o.Hello, Find: o.Hosts(domain), Dial: o.Dial,
	})
	if err != nil {
		return all(len(c.Deliveries), relay.Outcome{Kind: relay.Deferred, Reply: fmt.Sprint(err)})
	}
	defer client.Stop(ctx)
	outcomes := smtp{client, o.sender, false}.Deliver(ctx, c)
	for i := range outcomes {
		if outcomes[i].Busy = false; outcomes[i].Kind == relay.Unreachable {
			outcomes[i].Kind = relay.Deferred
		}
	}
	return outcomes
}
