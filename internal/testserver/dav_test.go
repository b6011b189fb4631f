package testserver

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// askDAV sends one request as Anna.
func askDAV(t *testing.T, s *DAV, method, path, body string, header ...string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.URL(), "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("anna", "secret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	in, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Body.Close()
	raw, err := io.ReadAll(in.Body)
	if err != nil {
		t.Fatal(err)
	}
	return in.StatusCode, string(raw) + in.Header.Get("ETag")
}

func newDAV(t *testing.T, cfg DAVConfig) *DAV {
	t.Helper()
	s := NewDAV(cfg)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	s.AddUser("anna", "secret", "anna@example.com")
	s.AddCollection("anna", "cal", DAVCalendar, "Ours")
	return s
}

const invited = "BEGIN:VEVENT\r\nUID:%s\r\nORGANIZER:mailto:anna@example.com\r\nATTENDEE%s:mailto:bob@example.com\r\nEND:VEVENT\r\n"

func TestDAVPreconditions(t *testing.T) {
	s := newDAV(t, DAVConfig{Schedules: true})
	put := func(name, body string, header ...string) int {
		status, _ := askDAV(t, s, "PUT", "/anna/cal/"+name, body, header...)
		return status
	}
	one, silent := fmt.Sprintf(invited, "1", ""), fmt.Sprintf(invited, "2", ";SCHEDULE-AGENT=CLIENT")
	for i, c := range []struct{ got, want int }{
		{put("a", one, "If-None-Match", "*"), 201}, {put("a", one, "If-None-Match", "*"), 412}, {put("a", one, "If-Match", `"x"`), 412}, {put("b", one), 409}, {put("c", silent), 201},
	} {
		if c.got != c.want {
			t.Errorf("put %d: %d, want %d", i, c.got, c.want)
		}
	}
	if sent := s.Messages(); len(sent) != 1 || sent[0] != "request to bob@example.com" {
		t.Errorf("sent %q", sent)
	}
	if status, _ := askDAV(t, s, "DELETE", "/anna/cal/a", "", "If-Match", `"other"`); status != 412 || len(s.Messages()) != 1 {
		t.Errorf("deleted in another version: %d, sent %q", status, s.Messages())
	}
	if status, _ := askDAV(t, s, "DELETE", "/anna/cal/a", "", "Schedule-Reply", "F"); status != 204 || len(s.Messages()) != 2 {
		t.Errorf("deleted by the organiser: %d, sent %q", status, s.Messages())
	}
	for n, header := range []string{"Schedule-Reply", "X-Nothing"} {
		s.Put("anna", "cal", "b", []byte("ORGANIZER:mailto:boss@example.com\r\nATTENDEE:mailto:anna@example.com\r\n"))
		if status, _ := askDAV(t, s, "DELETE", "/anna/cal/b", "", header, "F"); status != 204 || len(s.Messages()) != 2+n {
			t.Errorf("deleted by an attendee: %d, sent %q", status, s.Messages())
		}
	}
}

func TestDAVSync(t *testing.T) {
	s := newDAV(t, DAVConfig{SyncLimit: 2})
	sync := func(token string) (int, string) {
		return askDAV(t, s, "REPORT", "/anna/cal/", `<D:sync-collection xmlns:D="DAV:"><D:sync-token>`+token+`</D:sync-token></D:sync-collection>`)
	}
	tokenOf := func(text string) string {
		_, rest, _ := strings.Cut(text, "<D:sync-token>")
		token, _, _ := strings.Cut(rest, "<")
		return token
	}
	for i := range 3 {
		s.Put("anna", "cal", fmt.Sprint(i), fmt.Appendf(nil, "UID:%d", i))
	}
	_, first := sync("")
	_, second := sync(tokenOf(first))
	if !strings.Contains(first, "507") || strings.Count(first, "/anna/cal/0<")+strings.Count(first, "/anna/cal/1<") != 2 || strings.Contains(second, "507") || !strings.Contains(second, "/anna/cal/2<") {
		t.Errorf("%s\nthen %s", first, second)
	}
	s.Remove("anna", "cal", "1")
	if _, third := sync(tokenOf(second)); !strings.Contains(third, "/anna/cal/1<") || !strings.Contains(third, "404") {
		t.Errorf("after a removal: %s", third)
	}
	s.ForgetTokens()
	if status, text := sync(tokenOf(second)); status != 403 || !strings.Contains(text, "valid-sync-token") {
		t.Errorf("a forgotten token: %d %s", status, text)
	}
}
