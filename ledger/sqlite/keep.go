package sqlite

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// keeping is one capture on its way into the store, prepared outside the writer's goroutine, which is everybody's bottleneck.
type keeping struct {
	match       cutover.Key
	repeat      cutover.Digest
	name        cutover.Digest // of the id
	capture     []any          // the row's values; n is the first
	blob        []byte
	deliveries  []ledger.Delivery
	at          int64 // when the capture was taken
	observation []any // nil if there is none
}

var insertCaptures = newBatch(`INSERT INTO captures (n, id, at, route, listener, client_addr, client_name, client_tls, client_user,
	env_from, env_body, env_utf8, env_return, env_id, recipients, prefix, size, sum, repeat, digest, key, loose, trace, key_version,
	hops, bare, eight_bit, message_id, file, cut, env_require_tls, stored)`, "("+strings.Repeat("?,", 31)+"1)")

var insertBodies = newBatch("INSERT INTO bodies (capture, octets)", marks(2))

var insertDeliveries = newBatch(`INSERT INTO deliveries (id, capture, recipient, original, mailbox, destination, side, required, state, attempts,
	next, since, reply, reason, class, seen, released, tell, captured)`, marks(19))

// Where the values of a delivery's row have those that change.
const (
	recipientOfDelivery   = 2
	destinationOfDelivery = 5
	stateOfDelivery       = 8 // state, attempts, next, since, reply, reason, class and seen, as in updateDeliveries
	attemptsOfDelivery    = 9
	nextOfDelivery        = 10
	sinceOfDelivery       = 11
	classOfDelivery       = 14
	tellOfDelivery        = 17
)

func newKeeping(c ledger.Capture, blob []byte, file string, deliveries []ledger.Delivery, o evidence.Observation) (*keeping, error) {
	if c.ID == "" {
		return nil, errors.New("the capture has no id")
	}
	recipients, err := recipientsValue(c.Envelope.Recipients)
	if err != nil {
		return nil, err
	}
	k := &keeping{match: matchOf(c.Identity), repeat: c.Repeat, name: sha256.Sum256([]byte(c.ID)), capture: captureValues(c, recipients, file), blob: blob, at: micros(c.At), deliveries: make([]ledger.Delivery, len(deliveries))}
	copy(k.deliveries, deliveries)
	for i := range k.deliveries {
		k.deliveries[i].Capture = c.ID
	}
	if o != (evidence.Observation{}) {
		k.observation = observationValues(nil, o)
	}
	return k, nil
}

// matchOf is what the column match_key makes of the two keys.
func matchOf(id cutover.Identity) cutover.Key {
	if id.Key.IsZero() {
		return id.Loose
	}
	return id.Key
}

func captureValues(c ledger.Capture, recipients, file string) []any {
	id := c.Identity
	return []any{
		nil, string(c.ID), micros(c.At), string(c.Route), c.Listener, c.Client.Addr, c.Client.Name, c.Client.TLS, c.Client.User,
		c.Envelope.From, c.Envelope.Body, c.Envelope.UTF8, c.Envelope.Return, c.Envelope.EnvelopeID, recipients,
		c.Prefix, c.Size, digestValue(c.Sum), digestValue(c.Repeat), digestValue(c.Digest), keyValue(id.Key), keyValue(id.Loose), string(id.Trace),
		cutover.IdentityVersion, c.Hops, c.Bare, c.EightBit, c.MessageID, file, cutValue(c.Cut), c.Envelope.RequireTLS,
	}
}

// recipientRow is the stored shape of a recipient: its names must outlive renamed Go fields.
type recipientRow struct {
	Address cutover.Address `json:"address"`
	Notify  string          `json:"notify,omitempty"`
	ORcpt   string          `json:"orcpt,omitempty"`
}

func recipientsValue(recipients []ledger.Recipient) (string, error) {
	rows := make([]recipientRow, len(recipients))
	for i, r := range recipients {
		rows[i] = recipientRow(r)
	}
	text, err := json.Marshal(rows)
	return string(text), err
}

// store writes the capture, its body, its deliveries and its observation.
func (k *keeping) store(t *tx, l *Ledger) error {
	if t.quick != nil && (k.capture[1].(string) <= l.repeats.newest || l.repeats.may(k.name)) { // the database knows whether there is one of this id
		return errSlow
	}
	n, err := t.nextID("captures", "n")
	if err != nil {
		return err
	}
	l.repeats.add(k.name)
	l.repeats.add(k.repeat)
	l.keys.add(n, k.match, k.repeat)
	k.capture[0] = n
	if err := t.insert(&insertCaptures, k.capture); err != nil {
		return err
	}
	if k.blob != nil {
		if err := t.insert(&insertBodies, []any{n, k.blob}); err != nil {
			return err
		}
	}
	if err := k.storeDeliveries(t, l, n); err != nil {
		return err
	}
	if k.observation == nil {
		return nil
	}
	return t.insert(&insertObservations, k.observation)
}

func (k *keeping) storeDeliveries(t *tx, l *Ledger, capture int64) error {
	args := make([]any, 0, len(k.deliveries)*insertDeliveries.columns)
	required := int64(0)
	for i := range k.deliveries {
		d := &k.deliveries[i]
		id, err := t.nextID("deliveries", "id")
		if err != nil {
			return err
		}
		d.ID = ledger.DeliveryID(id)
		if d.Required {
			required++
		}
		args = append(args, id, capture, string(d.Recipient), string(d.Original), string(d.Mailbox), d.Destination, string(d.Side), d.Required,
			string(d.State), d.Attempts, micros(d.Next), micros(d.Since), d.Reply, d.Reason, d.Class, d.Seen, micros(d.Released), d.Tell, k.at)
	}
	t.committed(func() {
		l.required.Add(required)
		if t.quick == nil {
			l.w.pending.moved(k.deliveries)
		}
	})
	return t.insert(&insertDeliveries, args)
}
