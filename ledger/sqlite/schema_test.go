package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthouse/ledger"
)

// withScripts opens the closed ledger's database as a posthouse with these migrations would.
func withScripts(t *testing.T, folder string, scripts []string) error {
	t.Helper()
	l := &Ledger{folder: folder}
	var err error
	if l.lock, err = Lock(folder); err != nil {
		t.Fatal(err)
	}
	defer l.release()
	if err := errors.Join(l.makeFiles(t.Context()), l.openWriter(t.Context())); err != nil {
		t.Fatal(err)
	}
	return migrate(t.Context(), l.w.conn, folder, scripts)
}

func newerScripts(t *testing.T, more ...string) []string {
	t.Helper()
	all, err := scripts()
	if err != nil {
		t.Fatal(err)
	}
	return append(all, more...)
}

// today is the schema that this code makes.
func today(t *testing.T) int { return len(newerScripts(t)) }

func TestNewerSchemaIsRefused(t *testing.T) {
	folder := t.TempDir()
	mustClose(t, openIn(t, folder, Options{}))
	foreign(t, folder, "PRAGMA user_version = 99")
	_, err := Open(t.Context(), folder, Options{})
	if !errors.Is(err, ledger.ErrNewerSchema) || !strings.Contains(err.Error(), fmt.Sprint("schema is version 99, this posthouse knows up to ", today(t))) {
		t.Errorf("got %v", err)
	}
}

// TestMigrationAndTheWayBack migrates to a schema of the future, is refused by today's code, and puts the copy back as the package doc says.
func TestMigrationAndTheWayBack(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "a", []byte("hello"), ledger.Due); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	if err := withScripts(t, folder, newerScripts(t, "CREATE TABLE future (n INTEGER); DROP TABLE facts;", "INSERT INTO future VALUES (1)")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), folder, Options{}); !errors.Is(err, ledger.ErrNewerSchema) {
		t.Fatalf("today's code opened it: %v", err)
	}
	copied := filepath.Join(folder, fmt.Sprintf("ledger-before-v%d.db", today(t)+1))
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v", info, err)
	}
	if err := os.Rename(copied, filepath.Join(folder, databaseFile)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(folder, databaseFile+"-wal"))
	os.Remove(filepath.Join(folder, databaseFile+"-shm"))

	l = openIn(t, folder, Options{})
	if got, err := bodyOf(t.Context(), l, "a"); err != nil || string(got) != "hello" {
		t.Errorf("after the way back the body is %q, %v", got, err)
	}
	if mode := ask[int](t, l, "PRAGMA auto_vacuum"); mode != 2 {
		t.Errorf("the copy's auto_vacuum is %d, want 2", mode)
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	folder := t.TempDir()
	mustClose(t, openIn(t, folder, Options{}))
	// What a migration that was cut off may have left behind does not matter either.
	write(t, filepath.Join(folder, fmt.Sprintf("ledger-before-v%d.db.new", today(t)+1)), "half a copy")
	err := withScripts(t, folder, newerScripts(t, "CREATE TABLE future (n INTEGER)", "CREATE TABLE later (n INTEGER); DROP TABLE no_such_table"))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint("schema version ", today(t)+2)) {
		t.Fatalf("got %v, want an error that names version %d", err, today(t)+2)
	}
	l := &Ledger{folder: folder}
	l.lock, _ = Lock(folder)
	defer l.release()
	if err := l.openWriter(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"PRAGMA user_version": today(t) + 1,
		"SELECT count(*) FROM sqlite_schema WHERE name = 'future'": 1,
		"SELECT count(*) FROM sqlite_schema WHERE name = 'later'":  0,
	} {
		if got, err := one(&tx{st: l.w.st}, value[int], query); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", query, got, err, want)
		}
	}
}

// TestDeliveriesOfTheFirstSchema: what an older posthouse planned is read as it was, with a refusal of no class.
func TestDeliveriesOfTheFirstSchema(t *testing.T) {
	folder := t.TempDir()
	if err := makePrivate(filepath.Join(folder, databaseFile)); err != nil {
		t.Fatal(err)
	}
	if err := withScripts(t, folder, newerScripts(t)[:1]); err != nil {
		t.Fatal(err)
	}
	foreign(t, folder, `INSERT INTO captures VALUES (1, 'a', 5, 'arriving', 'mx', '', '', '', '', '', '', 0, '', '', '[]', NULL, 1, NULL, NULL, NULL, NULL, NULL, '', 1, 0, 0, 0, 0, '');
		INSERT INTO deliveries VALUES (1, 1, 'anna@example.com', 'anna@example.com', 'anna@example.com', 'cloud:smtp', 'cloud', 1, 'held', 3, 6, 7, '550 no', 'declined', '')`)
	l := openIn(t, folder, Options{})
	all, err := l.Deliveries(t.Context(), ledger.DeliveryFilter{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d deliveries, %v", len(all), err)
	}
	if n, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{Captured: fromMicros(6)}); err != nil || n != 1 {
		t.Errorf("%d were captured before, %v", n, err)
	}
	if n, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{Captured: fromMicros(5)}); err != nil || n != 0 {
		t.Errorf("%d were captured long before, %v", n, err)
	}
	if d := all[0]; d.State != ledger.Held || d.Attempts != 3 || d.Reply != "550 no" || d.Reason != "declined" || d.Class != "" || d.Seen != "" {
		t.Errorf("%+v", d)
	}
}

func TestFirstSchemaMakesNoCopy(t *testing.T) {
	folder := t.TempDir()
	mustClose(t, openIn(t, folder, Options{}))
	if found, _ := filepath.Glob(filepath.Join(folder, "ledger-before*")); len(found) != 0 {
		t.Errorf("copies of nothing: %v", found)
	}
}

// TestQueriesUseIndices keeps the queries that run for each message or batch from becoming scans of tables that only grow.
func TestQueriesUseIndices(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	states := []ledger.DeliveryState{ledger.Held, ledger.Quiet}
	openFrom, open, _ := deliveryTerms(ledger.DeliveryFilter{States: states})
	oldFrom, old, _ := deliveryTerms(ledger.DeliveryFilter{States: states, Required: true, Captured: noon})
	_, toTell, _ := deliveryTerms(ledger.DeliveryFilter{ToTell: true})
	tests := []struct{ query, index string }{
		{selectDeliveries + whereDue, "deliveries_open (state=? AND destination=? AND <expr>=?)"},
		{selectDeliveries + open + inOrder, "deliveries_open (state=?)"},
		{"SELECT count(*) FROM " + oldFrom + old, "COVERING INDEX deliveries_open"},
		{"SELECT d.id FROM " + openFrom + open + inOrder + " LIMIT 5", "COVERING INDEX deliveries_open"},
		{selectDeliveries + toTell + inOrder, "deliveries_tell"},
		{"SELECT state, count(*) FROM deliveries WHERE state <> 'settled' AND required GROUP BY state", "COVERING INDEX deliveries_open"},
		{"UPDATE deliveries SET state = 'in doubt' WHERE state <> 'settled' AND (state = 'sending' OR (state = 'due' AND ?1))", "deliveries_open"},
		{selectKeyed + "(?1, ?2)", "SEARCH capture_keys USING PRIMARY KEY (head=?)"},
		{strings.ReplaceAll(selectRepeated, "?", "?1") + "(?2, ?3)", "SEARCH captures USING INTEGER PRIMARY KEY (rowid=?)"},
		{"SELECT c.n FROM captures c WHERE " + settledBefore + " AND (c.at, c.n) > (?2, ?3) ORDER BY c.at, c.n LIMIT ?4", "captures_stored (at>? AND at<?)"},
		{"SELECT count(*) FROM captures WHERE file = ?1 AND file <> ''", "captures_file (file=?)"},
		{selectItems + "WHERE i.folder = ?1 AND i.validity = ?2 AND i.ref IN (?3, ?4)", "items_legacy (folder=? AND validity=? AND ref=?)"},
		{selectItems + "WHERE i.mailbox = (SELECT n FROM mailboxes WHERE id = ?1) AND i.match_key IN (?2, ?3)", "items_match (mailbox=? AND match_key=?)"},
		{selectItems + "WHERE i.disposition = 'intended' AND i.folder = ?1 ORDER BY i.id", "items_intended (folder=?)"},
		{selectClaimed + "(?3, ?4)", "items_cloud (folder=? AND cloud_validity=? AND cloud_ref=?)"},
		{"SELECT id FROM items WHERE folder = ?1", "COVERING INDEX items_legacy (folder=?)"},
		{strings.ReplaceAll(selectEvents, "?", "?1"), "SEARCH e USING PRIMARY KEY (delivery=?)"},
		{selectCaptures + "WHERE id >= ?1 AND id < ?2 ORDER BY id DESC", "captures_1 (id>? AND id<?)"},
		{selectExpected + "c.n IN (?2, ?3)", "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"},
		{selectExpected + "c.n IN (?2, ?3)", "deliveries_capture (capture=?)"},
		{selectExpected + "c.id IN (?2, ?3)", "captures_1 (id=?)"},
		{selectJoined + "(?2, ?3)", "items_capture (capture=?)"},
		{strings.ReplaceAll(selectSaid, "?", "?1"), "observations_message (message=?)"},
		{selectObserved + "(?4, ?5)", "observations_message (message=?)"},
		{selectCapturedFor + "(?3, ?4)", "captures_stored (at>?)"},
		{"SELECT state, count(*) FROM local_deliveries WHERE state IN (?1) GROUP BY state", "COVERING INDEX local_deliveries_state (state=?)"},
		{selectLocal + "state IN (?1, ?2) AND at < ?3 ORDER BY at, id LIMIT ?4", "local_deliveries_state (state=? AND at<?)"},
		{"SELECT id FROM observations WHERE (at, id) > (?1, ?2) ORDER BY at, id LIMIT 5", "observations_at (at>?)"},
	}
	for _, test := range tests {
		lines := strings.Join(plan(t, l, test.query), "\n")
		if !strings.Contains(lines, test.index) || strings.Contains(lines, "SCAN") && !strings.Contains(lines, "INDEX deliveries_") {
			t.Errorf("%s\n%s\nwant it to use %s", test.query, lines, test.index)
		}
	}
}

func plan(t *testing.T, l *Ledger, query string) []string {
	t.Helper()
	scan := func(row scanner) (detail string, err error) {
		var id, parent, unused int
		return detail, row.Scan(&id, &parent, &unused, &detail)
	}
	args := []any{"", "", "", "", ""}[:strings.Count(query, "?")] // more than it takes are ignored
	lines, err := collect(view{t.Context(), l.reads}, scan, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}
