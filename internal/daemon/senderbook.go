package daemon

import (
	"context"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// Senders is the sender book of both verdicts.
func (d *Daemon) Senders(context.Context) (control.Senders, error) {
	cfg := d.live.Load().cfg
	s := control.Senders{
		Schema: control.SendersSchema, At: d.opts.Clock.Now(), Domains: cfg.Domains, Switched: d.switched(d.witness.Snapshot()).Switched(), Senders: d.everybody(), Accepted: []control.Accepted{},
	}
	for _, name := range cfg.Verdict.Accepted {
		s.Accepted = append(s.Accepted, control.Accepted{Schema: control.AcceptedSchema, Name: name, By: "configuration"})
	}
	s.Accepted = append(s.Accepted, d.accepted.inForce()...)
	return s, nil
}

// everybody is who sends from outside, and which devices and users of the house use the old side.
func (d *Daemon) everybody() []evidence.Sender {
	now, t := d.opts.Clock.Now(), d.switched(d.witness.Snapshot())
	address, server := d.policy(evidence.OldAddress(d.listenerNames())), d.policy(evidence.MailboxServer(d.required(), d.listenerNames()))
	address.Foreseen = []evidence.Door{{Channel: evidence.Arriving}}
	return append(append([]evidence.Sender{}, evidence.Senders(address, t, now)...), evidence.Senders(server, t, now)...)
}
