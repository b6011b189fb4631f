package cli

import (
	"strings"
	"testing"
	"time"
)

// Without a service the command copies by itself, once; a second time there is nothing to do; with a running service that one does it.
func TestBackfill(t *testing.T) {
	names := []string{"anna", "bob"}
	legacy, cloud := servers(t, 150, names...)
	path := cutoverConfig(t, legacy, cloud, names...)
	for range 2 {
		one := newTrial()
		if code := one.main(t.Context(), []string{"backfill", "--config", path}); code != exitDone || !strings.HasPrefix(one.stdout.String(), "✓ 2/2 mailboxes up to date   300 messages   ") {
			t.Fatalf("exit code %d\n%s%s", code, one.stdout.String(), one.stderr.String())
		}
	}
	for i, name := range names {
		if n := total(t, cloud, name); n != 150 {
			t.Errorf("%s has %d messages in the cloud", name, n)
		}
		if i == 0 {
			if _, err := legacy.Deliver(name, []byte("Message-ID: <news@x.example>\r\nSubject: news\r\n\r\nhello\r\n")); err != nil {
				t.Fatal(err)
			}
			if _, err := legacy.Append(name, "INBOX", []byte("Message-ID: <bin@x.example>\r\n\r\nbye\r\n"), []string{`\Deleted`}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	run, log, stopped := runs(t, path)
	log.until(t, func(s string) bool { return strings.Contains(s, "posthouse is running") })
	one := newTrial()
	if code := one.main(t.Context(), []string{"backfill", "anna@", "--json", "--config", path}); code != exitDone {
		t.Errorf("by the running service: exit code %d\n%s%s", code, one.stdout.String(), one.stderr.String())
	}
	if !strings.Contains(one.stdout.String(), `"skipped":1,`) {
		t.Errorf("what is marked as deleted is not told of:\n%s", one.stdout.String())
	}
	if n := total(t, cloud, "anna"); n != 151 {
		t.Errorf("anna has %d messages in the cloud, want the news too", n)
	}
	run.end(t, stopped)
}
