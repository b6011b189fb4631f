package daemon_test

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/daemon"
)

// listing is a DNS that has an address on a list, too.
type listing struct {
	zone
	name string
}

func (l listing) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	if strings.TrimSuffix(name, ".") == l.name {
		return []net.IPAddr{{IP: net.IPv4(127, 0, 0, 2)}}, nil
	}
	return nil, errNoSuchRecord
}

// checkedBed is a bed whose listener does this about senders; sender.example sends from 127.0.0.3 and wants all other mail in its name refused, and 127.0.0.4 is on a list.
func checkedBed(t *testing.T, senders string) *bed {
	t.Helper()
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", rest: "[listeners.mx.limits]\ntrusted = [\"127.0.0.6\"]\n[listeners.mx.senders]\n" + senders})
	dns := listing{zone{"sender.example": "v=spf1 ip4:127.0.0.3 -all", "soft.example": "v=spf1 ~all", "_dmarc.sender.example": "v=DMARC1; p=reject"}, "4.0.0.127.bl.example"}
	d := b.newWith(b.config(), func(o *daemon.Options) { o.DNS = dns })
	must(t, d.Start(t.Context()))
	b.daemon = d
	t.Cleanup(b.stop)
	return b
}

// sendAs sends a message and returns what came of it.
func (b *bed) sendAs(client, from string, msg []byte) string {
	b.t.Helper()
	b.sender.LocalAddr = client
	result, err := b.sender.Send(b.t.Context(), b.listener(), from, []string{"anna@example.com"}, msg)
	must(b.t, err)
	return result.Final.String()
}

// checkedTrace waits until it is known what there is to know of the message with a subject.
func (b *bed) checkedTrace(msgID string) control.Timeline {
	b.t.Helper()
	var line control.Timeline
	b.eventually("the checks of "+msgID, func() bool {
		found, err := b.daemon.Trace(b.t.Context(), msgID)
		must(b.t, err)
		if len(found.Messages) == 1 {
			line = found.Messages[0]
		}
		return line.Checks != ""
	})
	return line
}

// idOf is a message's Message-ID.
func idOf(msg []byte) string {
	_, rest, _ := strings.Cut(string(msg), "Message-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// What is found out stands in the trace, changes nothing of the message, and tells mail that nobody waits for from use of the old address.
func TestSendersAreRecorded(t *testing.T) {
	b := checkedBed(t, "")
	good, forged := message("good", "x@sender.example", "anna@example.com"), message("forged", "x@sender.example", "anna@example.com")
	for _, c := range []struct {
		client string
		msg    []byte
	}{{"127.0.0.3", good}, {"127.0.0.5", append([]byte("Authentication-Results: mail.example.com; dmarc=pass\r\n"), forged...)}} {
		if said := b.sendAs(c.client, "x@sender.example", c.msg); !strings.HasPrefix(said, "250") {
			t.Error(said)
		}
	}
	g, f := b.checkedTrace(idOf(good)), b.checkedTrace(idOf(forged))
	if g.Unwanted || g.Checks != "spf=pass smtp.mailfrom=sender.example; dkim=none; dmarc=pass (p=reject) header.from=sender.example" {
		t.Errorf("%+v", g)
	}
	if !f.Unwanted || f.Checks != "spf=fail smtp.mailfrom=sender.example; dkim=none; dmarc=fail (p=reject) header.from=sender.example" {
		t.Errorf("%+v", f)
	}
	b.eventually("both messages", func() bool { return len(b.mx.Received()) == 2 })
	for _, m := range b.mx.Received() {
		if !strings.HasPrefix(string(m.Data), "Received: ") || strings.Contains(string(m.Data), "Authentication-Results") {
			t.Errorf("the cloud got\n%s", m.Data)
		}
	}
	// Only the wanted one is use, in this process and in the next.
	for range 2 {
		b.until("the use", func(s control.Status) bool { return s.Address.LastUse.Equal(g.At) })
		b.again()
	}
}

// Results go out before the prefix, where that is asked for.
func TestSendersAreAdded(t *testing.T) {
	b := checkedBed(t, "checks = \"add\"\n")
	msg := message("added", "x@sender.example", "anna@example.com")
	if said := b.sendAs("127.0.0.3", "x@sender.example", msg); !strings.HasPrefix(said, "250") {
		t.Error(said)
	}
	b.eventually("the message", func() bool { return len(b.mx.Received()) == 1 })
	const want = "Authentication-Results: mail.example.com;\r\n\tspf=pass smtp.mailfrom=sender.example;\r\n\tdkim=none;\r\n\tdmarc=pass (p=reject) header.from=sender.example\r\nReceived: "
	if got := b.mx.Received()[0].Data; !bytes.HasPrefix(got, []byte(want)) || !bytes.HasSuffix(got, msg) {
		t.Errorf("the cloud got\n%s", got)
	}
}

// Nothing is refused that was not asked to be.
func TestSendersAreRefused(t *testing.T) {
	for _, c := range []struct {
		rule, client, from, want string
	}{
		{"", "127.0.0.5", "x@sender.example", "250 "},
		{"", "127.0.0.4", "x@soft.example", "250 "},
		{"spf", "127.0.0.5", "x@sender.example", "550 5.7.23 "},
		{"spf", "127.0.0.3", "x@sender.example", "250 "},
		{"spf", "127.0.0.5", "x@soft.example", "250 "},
		{"spf", "127.0.0.9", "x@sender.example", "250 "}, // the old server
		{"spf", "127.0.0.6", "x@sender.example", "250 "}, // a filter in front of us
		{"dmarc", "127.0.0.5", "y@soft.example", "550 5.7.26 "},
		{"dmarc", "127.0.0.3", "x@sender.example", "250 "},
		{"dmarc", "127.0.0.9", "x@sender.example", "250 "},
		{"dmarc", "127.0.0.6", "x@sender.example", "250 "},
		{"dnsbl", "127.0.0.4", "x@soft.example", "550 5.7.1 "},
		{"dnsbl", "127.0.0.5", "x@soft.example", "250 "},
	} {
		t.Run(c.rule+" "+c.client+" "+c.from, func(t *testing.T) {
			rule := "dnsbl = [\"bl.example\"]\n"
			if c.rule != "" {
				rule += "reject = [\"" + c.rule + "\"]\n"
			}
			b := checkedBed(t, rule)
			said := b.sendAs(c.client, c.from, message("refused", "x@sender.example", "anna@example.com"))
			if !strings.HasPrefix(strings.ReplaceAll(said, "\n", " "), c.want) {
				t.Errorf("%s, want %s", said, c.want)
			}
			if refused := strings.HasPrefix(c.want, "5"); refused {
				found, err := b.daemon.Trace(t.Context(), "anna@example.com")
				if err != nil || len(found.Messages) != 0 {
					t.Errorf("%+v, %v", found, err)
				}
			}
		})
	}
}

// Whoever is refused can still write to postmaster, and to nobody else along with him.
func TestPostmasterIsReached(t *testing.T) {
	b := checkedBed(t, "dnsbl = [\"bl.example\"]\nreject = [\"spf\", \"dmarc\", \"dnsbl\"]\n")
	for _, c := range []struct {
		client string
		to     []string
		want   []string // to each recipient, and to the message
	}{
		{"127.0.0.4", []string{"Postmaster"}, []string{"250", "250"}},
		{"127.0.0.4", []string{"postmaster@example.com", "anna@example.com"}, []string{"250", "550", "250"}},
		{"127.0.0.5", []string{"postmaster@example.com", "anna@example.com"}, []string{"250", "250", "550"}},
		{"127.0.0.5", []string{"postmaster@example.com"}, []string{"250", "250"}},
	} {
		b.sender.LocalAddr = c.client
		r, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", c.to, message("complaint "+c.client, "x@sender.example", "postmaster@example.com"))
		must(t, err)
		var said []string
		for _, a := range append(r.Rcpts, r.Final) {
			said = append(said, strconv.Itoa(a.Code))
		}
		if !slices.Equal(said, c.want) {
			t.Errorf("%s to %s: %s, want %s", c.client, c.to, said, c.want)
		}
	}
}

// A large signed message passes through the check that may refuse it, octet for octet; one that is cut off is forgotten.
func TestSignedMailPassesTheCheck(t *testing.T) {
	b, dns, key := sealed(t, layout{mailboxes: "anna@example.com,,person,cloud\n"})
	b.layout.rest = "[listeners.mx.senders]\nreject = [\"dmarc\"]\n"
	dns["_dmarc.sender.example"] = "v=DMARC1; p=reject"
	b.startWithDNS(dns)
	b.sender.LocalAddr, b.sender.Timeout = "127.0.0.5", time.Minute
	msg := signed(t, key, append(message("large", "x@sender.example", "anna@example.com"), bytes.Repeat([]byte("0123456789\r\n"), 200_000)...))
	b.sender.Unfinished = true
	b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, msg)
	b.sender.Unfinished = false
	if got := b.relayed(b.mx, "x@sender.example", msg); !strings.HasSuffix(got, string(msg)) || len(b.mx.Received()) != 1 {
		t.Errorf("%d messages", len(b.mx.Received()))
	}
	changed := bytes.Replace(msg, []byte("0123456789\r\n"), []byte("0123456780\r\n"), 1)
	if said := b.sendAs("127.0.0.5", "x@sender.example", changed); !strings.HasPrefix(said, "550") {
		t.Error(said)
	}
}
