package imapstore_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// TestRepairedOverIMAP: a message that one server holds and the other refuses goes over by IMAP with the repair that it needs, among others that need none.
func TestRepairedOverIMAP(t *testing.T) {
	bad := "Message-ID: <bad@example.com>\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: bad\n\n" + strings.Repeat("line\n", 1000)
	good := strings.ReplaceAll(strings.ReplaceAll(bad, "bad", "good"), "\n", "\r\n")
	legacy := startServer(t, testserver.IMAPConfig{})
	cloud := startServer(t, testserver.IMAPConfig{Without: testserver.Capabilities(), Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Command == "APPEND" && call.Size == int64(len(bad)) {
			return &testserver.IMAPFault{Text: "Message contains bare newlines"}
		}
		return nil
	}})
	for _, raw := range []string{good, bad, good} {
		if _, err := legacy.Append(user, "INBOX", []byte(raw), []string{`\Seen`}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	m := box("anna@example.com", user, user)
	a := newAcross(t, legacy.Addr(), cloud.Addr(), nil, m)
	a.copy(m.ID)
	report, err := a.bridge.Verify(t.Context(), m.ID)
	if err != nil || report.Equal != 3 || len(report.Missing)+len(report.Extra) != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
	if tally, err := a.ledger.Tally(t.Context(), m.ID); err != nil || tally.Repaired != 1 {
		t.Errorf("tally %+v, %v", tally, err)
	}
}
