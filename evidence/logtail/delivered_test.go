package logtail

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// delivery is a line by which Dovecot delivered a message, so many minutes after noon.
func delivery(minutes float64, id string) string {
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	return fmt.Sprintf("%s mx dovecot: lmtp(anna@x.example)<7><s>: msgid=<%s@y.example>: saved mail to INBOX\n", at.Format(time.Stamp), id)
}

func (b *bench) delivered() string {
	var all []string
	for _, d := range b.memory.delivered {
		all = append(all, strings.Trim(d.Message, "<>"))
	}
	return strings.ReplaceAll(strings.Join(all, " "), "@y.example", "")
}

// What was delivered since the log was first followed is told, once, with the position: a crash repeats nothing and loses nothing.
func TestDelivered(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"), delivery(-5, "before"))
	b.poll()
	b.at(1)
	b.write(b.path, delivery(0.5, "one"))
	b.memory.failure = errors.New("full")
	if err := b.f.Poll(t.Context()); err == nil {
		t.Fatal("no error")
	}
	b.memory.failure = nil
	b.restart()
	b.poll()
	b.restart()
	b.at(2)
	b.write(b.path, delivery(1.5, "two"))
	b.poll()
	if got := b.delivered(); got != "one two" {
		t.Errorf("delivered %q", got)
	}
	if d := b.memory.delivered[0]; d.Mailbox != "anna@x.example" || d.Folder != "INBOX" || d.Source != "log" || !d.At.Equal(noon.Add(30*time.Second)) {
		t.Errorf("%+v", d)
	}
}

// A delivery is told at once, without use and between two beats.
func TestDeliveredAtOnce(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Beat = time.Hour })
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(1)
	b.write(b.path, delivery(0.5, "one"))
	b.poll()
	if got := b.delivered(); got != "one" {
		t.Errorf("delivered %q", got)
	}
}
