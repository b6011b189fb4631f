package daemon_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"posthouse/internal/testserver"
)

// Whoever asks for metrics reads what happened to mail since the start, and how things stand.
func TestMetrics(t *testing.T) {
	b := newBed(t, layout{rest: "[metrics]\naddress = \"127.0.0.1:0\""})
	b.start()
	body := b.send("hello", "x@sender.example", "anna@example.com")
	if _, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"nobody@example.com"}, body); err != nil {
		t.Fatal(err)
	}
	if _, err := (testserver.Sender{LocalAddr: "127.0.0.3", MailParams: "SIZE=99999999999"}).Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, body); err != nil {
		t.Fatal(err)
	}
	b.until("it to arrive", settled(1))
	for _, want := range []string{
		`posthouse_sessions_total{listener="mx"} 3`, `posthouse_messages_total{route="arriving"} 1`, `posthouse_message_octets_total{route="arriving"} 159`,
		`posthouse_refused_recipients_total{code="550 5.1.1",listener="mx"} 1`, `posthouse_refused_messages_total{code="552 5.3.4",listener="mx"} 1`, `posthouse_attempts_total{destination="cloud:smtp",state="accepted"} 1`,
		`posthouse_commit_seconds_count 1`, `posthouse_connections{listener="mx"} 0`, `posthouse_deliveries{state="settled"} 1`, `posthouse_mailboxes{state="following"} 3`,
		`posthouse_verdict{verdict="server"} -?[01]`, `posthouse_trouble 0`, `go_goroutines [0-9]+`,
	} {
		pattern := regexp.MustCompile("(?m)^" + escaped(want) + "$")
		b.eventually(want, func() bool { return pattern.MatchString(b.metrics()) })
	}
}

// escaped keeps the braces and pluses of metrics out of the pattern.
func escaped(want string) string {
	return regexp.MustCompile(`[{}.+]`).ReplaceAllStringFunc(want, func(s string) string {
		if s == "+" {
			return s
		}
		return `\` + s
	})
}

func (b *bed) metrics() string {
	b.t.Helper()
	response, err := http.Get("http://" + b.daemon.MetricsAddr().String() + "/metrics")
	must(b.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(b.t, err)
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s\n%s", response.Status, text)
	}
	return string(text)
}
