package imapstore_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/testserver"
	"posthouse/ledger/sqlite"
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
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	m := cutover.Mailbox{ID: "anna@example.com", Legacy: cutover.Account{Server: "legacy"}, Cloud: cutover.Account{Server: "cloud"}}
	b := bridge.New(bridge.Config{
		Ledger: l, Clock: clock.Real(), Log: log, Parallel: 1, Poll: time.Minute, Pause: time.Millisecond, Settle: time.Millisecond, Saved: t.TempDir() + "/refused",
		Open: func(_ cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			if side == cutover.Legacy {
				return imapstore.New(options(t, legacy.Addr())), nil
			}
			return imapstore.New(options(t, cloud.Addr())), nil
		},
	}, []cutover.Mailbox{m})
	if err := b.CatchUp(t.Context(), []cutover.MailboxID{m.ID}, func(_ cutover.MailboxID, err error) {
		if err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	report, err := b.Verify(t.Context(), m.ID)
	if err != nil || report.Equal != 3 || len(report.Missing)+len(report.Extra) != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
	if tally, err := l.Tally(t.Context(), m.ID); err != nil || tally.Repaired != 1 {
		t.Errorf("tally %+v, %v", tally, err)
	}
}
