package control

import (
	"context"
	"errors"
	"io"
	"os/user"
	"reflect"
	"strings"
	"testing"
	"time"
)

// postbox answers as its fields say.
type postbox struct {
	Service
	queued  func(QueueFilter, func(Queued) error) error
	act     func(who string, d Deed, yield func(Acted) error) error
	message func(capture string, w io.Writer) error
}

func (p *postbox) Queued(_ context.Context, f QueueFilter, yield func(Queued) error) error {
	return p.queued(f, yield)
}

func (p *postbox) Act(_ context.Context, who string, d Deed, yield func(Acted) error) error {
	return p.act(who, d, yield)
}

func (p *postbox) Message(_ context.Context, capture string, w io.Writer) error {
	return p.message(capture, w)
}

func (p *postbox) Trace(_ context.Context, asked string) (Trace, error) {
	if asked == "" {
		return Trace{}, errors.New("name something")
	}
	return Trace{Schema: TraceSchema, Asked: asked}, nil
}

func TestQueued(t *testing.T) {
	want := QueueFilter{
		Captures: []string{"01JD", "01JE"}, States: []string{"held", "in doubt"}, Classes: []string{"full"}, From: "x+y@a.example", To: "@b.example", Older: 36 * time.Hour, Limit: 3,
	}
	client, _, _ := listen(t, &postbox{queued: func(f QueueFilter, yield func(Queued) error) error {
		if !reflect.DeepEqual(f, want) {
			t.Errorf("asked for %+v", f)
		}
		if err := yield(Queued{Schema: QueuedSchema, Delivery: 7}); err != nil {
			return err
		}
		return errors.New("the second cannot be read")
	}})
	var got []int64
	err := client.Queued(t.Context(), want, func(q Queued) error { got = append(got, q.Delivery); return nil })
	if len(got) != 1 || got[0] != 7 || err == nil || !strings.Contains(err.Error(), "the second cannot be read") {
		t.Errorf("%v, %v", got, err)
	}
}

// The service hears who asked, as the kernel knows it.
func TestAct(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := Deed{Do: "move", Deliveries: []int64{1, 2}, Recipient: "anna@example.com", By: "cloud:mailbox"}
	client, _, _ := listen(t, &postbox{act: func(who string, d Deed, yield func(Acted) error) error {
		if who != me.Username || !reflect.DeepEqual(d, want) {
			t.Errorf("%s wants %+v", who, d)
		}
		for _, id := range d.Deliveries {
			if err := yield(Acted{Schema: ActedSchema, Delivery: id, Error: "not now"}); err != nil {
				return err
			}
		}
		return nil
	}})
	n := 0
	if err := client.Act(t.Context(), want, func(a Acted) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
}

// Nobody takes a part of a message for the whole.
func TestMessage(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		text string
		err  error
		want string
	}{{long, nil, ""}, {"", nil, ""}, {"", errors.New("kept no more"), "kept no more"}, {long, errors.New("disk"), "unexpected EOF"}, {"x", errors.New("disk"), "EOF"}} {
		client, _, _ := listen(t, &postbox{message: func(_ string, w io.Writer) error {
			if c.text != "" {
				if _, err := io.WriteString(w, c.text); err != nil {
					return err
				}
			}
			return c.err
		}})
		body, err := client.Message(t.Context(), "01JD")
		var got []byte
		if err == nil {
			got, err = io.ReadAll(body)
			body.Close()
		}
		switch {
		case c.want == "" && (err != nil || string(got) != c.text):
			t.Errorf("%d octets, %v", len(got), err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("after %d octets: %v, want %s", len(got), err, c.want)
		}
	}
}

func TestTrace(t *testing.T) {
	client, _, _ := listen(t, &postbox{})
	if got, err := client.Trace(t.Context(), "<a+b@c>"); err != nil || got.Asked != "<a+b@c>" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client.Trace(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "name something") {
		t.Error(err)
	}
}
