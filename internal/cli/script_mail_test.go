package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"posthouse/internal/control"
)

// letters are captured mail from files.
type letters struct {
	queued []control.Queued
	traces []control.Trace
}

func (l letters) Queued(_ context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	if slices.Contains(f.Classes, "none") {
		return errors.New(`no reason "none"; there are full, spam`)
	}
	for _, q := range l.queued {
		w := q.Waiting
		named := slices.ContainsFunc(f.Captures, func(id string) bool { return strings.HasPrefix(w.Capture, id) })
		switch {
		case len(f.Captures) > 0 && !named, len(f.Captures) == 0 && q.Waiting.Class == "":
		case len(f.Classes) > 0 && !slices.Contains(f.Classes, q.Waiting.Class), f.From != "" && f.From != w.From, f.To != "" && f.To != w.To:
		default:
			if err := yield(q); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l letters) Act(_ context.Context, _ string, d control.Deed, yield func(control.Acted) error) error {
	states := map[string]string{"hold": "held", "release": "due", "retry": "due", "move": "due", "drop": "dropped", "resend": "due"}
	for _, q := range l.queued {
		if !slices.Contains(d.Deliveries, q.Delivery) {
			continue
		}
		w := q.Waiting
		a := control.Acted{Schema: control.ActedSchema, Delivery: q.Delivery, Capture: w.Capture, To: w.To, Destination: w.Destination, State: states[d.Do]}
		switch {
		case w.State == "settled" && d.Do != "resend":
			a.State, a.Error, a.Next = w.State, "has arrived: INBOX UID 7", "posthouse queue export "+w.Capture
		case d.Do == "drop":
			a.Why = "dropped by root; its copy is state/dropped/" + w.Capture + ".eml"
		case d.Recipient != "":
			a.To = d.Recipient
		case d.Why != "":
			a.Why = d.Why
		}
		if err := yield(a); err != nil {
			return err
		}
	}
	return nil
}

func (l letters) Message(_ context.Context, capture string, w io.Writer) error {
	_, err := io.WriteString(w, "Subject: "+capture[:4]+"\r\n\r\nhello\r\n")
	return err
}

func (l letters) Trace(_ context.Context, asked string) (control.Trace, error) {
	for _, t := range l.traces {
		if t.Asked == asked || len(t.Messages) == 1 && len(asked) >= 4 && strings.HasPrefix(t.Messages[0].Capture, asked) {
			return t, nil
		}
	}
	return control.Trace{Schema: control.TraceSchema, Asked: asked, Messages: []control.Timeline{}}, nil
}

// serveMail answers at state/control.sock, about mail too.
func serveMail(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: servemail STATUS QUEUE TRACE")
	}
	var c canned
	var l letters
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &c.status))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &l.queued))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[2])), &l.traces))
	c.Mail = l
	listenCanned(ts, c)
}
