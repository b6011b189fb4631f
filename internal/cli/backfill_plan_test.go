package cli

import (
	"slices"
	"strings"
	"testing"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

func TestPlanView(t *testing.T) {
	v := naming{domains: []string{"example.com"}}
	var lines []line
	var sum planSum
	for _, one := range []control.Planned{
		{Mailbox: "anna@example.com", Folders: []control.PlannedFolder{
			{Folder: "INBOX", Items: 10_020, To: "INBOX", There: 12}, {Folder: "Gesendet", Items: 3, To: "Sent"}, {Folder: "Projects / 2019", Items: 7, To: "Projects / 2019", New: true},
			{Folder: "Public / Sales", Skipped: "outside the personal namespace"},
			{Folder: "Calendars / Work", Kind: "calendar", Items: 40, To: "Calendars / Work", New: true}, {Folder: "Address books / People", Kind: "contacts", Items: 1, To: "Address books / People", New: true}}},
		{Mailbox: "bob@example.com", Folders: []control.PlannedFolder{
			{Folder: "v1.2", Items: 4, To: "v1_2", New: true, Renamed: true, Clash: []string{"v1_2"}}, {Folder: "v1_2", Items: 1, To: "v1_2", New: true, Clash: []string{"v1.2"}},
			{Folder: "Broken", Error: "NO [SERVERBUG] internal error"}}},
		{Mailbox: "fax@example.com", Error: "connecting to 192.0.2.1:993: connection refused"},
	} {
		sum.add(one)
		lines = append(lines, planView(one, v)...)
	}
	golden(t, "plan", append(lines, planSumView(sum)...))
}

// The preview tells what the copy then does, and leaves the cloud as it is, by the running service and without one.
func TestBackfillPlan(t *testing.T) {
	legacy, cloud := servers(t, 0, "anna")
	for _, name := range []string{"Projects", "Projects/2019", "100%"} {
		if err := legacy.CreateFolder("anna", name, ""); err != nil {
			t.Fatal(err)
		}
	}
	path := cutoverConfig(t, legacy, cloud, "anna")
	before := paths(t, cloud, "anna")
	planned := func() string {
		t.Helper()
		one := newTrial()
		if code := one.main(t.Context(), []string{"backfill", "--plan", "--config", path}); code != exitDone {
			t.Errorf("exit code %d\n%s%s", code, one.stdout.String(), one.stderr.String())
		}
		if after := paths(t, cloud, "anna"); !slices.Equal(before, after) {
			t.Errorf("the plan changed the cloud's folders from %v to %v", before, after)
		}
		return strings.Join(strings.Fields(one.stdout.String()), " ")
	}
	alone := planned()
	stranger := newTrial()
	if code := stranger.main(t.Context(), []string{"backfill", "bob@", "--config", path}); code != exitUsage || !strings.Contains(stranger.stderr.String(), "next     posthouse backfill --plan\n") {
		t.Errorf("exit code %d\n%s", code, stranger.stderr.String()) // no service is there to list the mailboxes
	}
	if !strings.Contains(alone, " ! 100% 0 → 100_ new, under another name ") || !strings.Contains(alone, " Projects / 2019 0 → Projects / 2019 new ") {
		t.Errorf("the plan is\n%s", alone)
	}

	copied := newTrial()
	if code := copied.main(t.Context(), []string{"backfill", "--config", path}); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, copied.stderr.String())
	}
	before = paths(t, cloud, "anna")
	for _, name := range []string{"100_", "Projects", "Projects/2019"} {
		if !slices.Contains(before, name) {
			t.Errorf("%s was planned and is not there: %v", name, before)
		}
	}
	run, log, stopped := runs(t, path)
	log.until(t, func(s string) bool { return strings.Contains(s, "posthouse is running") })
	if text := planned(); strings.Contains(text, " new") {
		t.Errorf("all is there, and the plan is\n%s", text)
	}
	run.end(t, stopped)
}

// paths are those of a user's folders.
func paths(t *testing.T, s *testserver.IMAP, user string) (all []string) {
	t.Helper()
	folders, err := s.Dump(user)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		all = append(all, f.Path)
	}
	return all
}
