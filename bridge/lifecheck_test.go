package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// check holds both sides against each other, then against what verify says.
func (l *life) check(when string) {
	l.t.Helper()
	failed := l.t.Failed()
	l.count(when)
	l.verify(when)
	if l.t.Failed() && !failed {
		for _, line := range l.log {
			l.t.Log(line)
		}
		l.rows()
		l.t.FailNow()
	}
}

// count wants every message that is on the old side in the cloud, and none more often than it ever was.
func (l *life) count(when string) {
	l.t.Helper()
	unmarked, there := l.compare(when)
	for tag, ever := range l.ever {
		if n := there[tag]; n < unmarked[tag] && !l.touched[tag] && !l.cloudIs.Merge || n > ever || n > ever-l.removed[tag] && !l.discard {
			l.t.Errorf("%s: %s is in the cloud %d times, on the old side %d times, was there %d times, and the cloud's user removed %d", when, tag, n, unmarked[tag], ever, l.removed[tag])
		}
		if n := there[tag]; l.touched[tag] && n == 0 && !l.purged[tag] && unmarked[tag] > 0 {
			l.t.Errorf("%s: %s is nowhere", when, tag)
		}
	}
}

// compare wants a copy in its place for each message that no user of the cloud touched, and returns how often each is on the old side, but for what is not copied, and in the cloud.
func (l *life) compare(when string) (unmarked, there map[string]int) {
	l.t.Helper()
	unmarked, there = map[string]int{}, map[string]int{}
	pool := map[string]int{}
	for _, path := range l.cloudFolders() {
		for _, m := range l.new().Messages(path) {
			there[tagOf(m)]++
			pool[l.one(path, m)]++
		}
	}
	for _, path := range l.folders {
		for _, m := range l.old().Messages(path) {
			tag := tagOf(m)
			if m.Flags.Has(`\Deleted`) || strings.Contains(string(m.Raw), "hopeless") {
				continue
			}
			unmarked[tag]++
			if l.touched[tag] {
				continue
			}
			if l.cloudIs.Merge && l.ever[tag] > 1 {
				if !l.liesIn(path, tag) {
					l.t.Errorf("%s: the cloud lacks %s in %s", when, tag, path)
				}
				continue
			}
			if pool[l.one(path, m)]--; pool[l.one(path, m)] < 0 {
				l.t.Errorf("%s: the cloud lacks %s", when, l.one(path, m))
			}
		}
	}
	return unmarked, there
}

// verify wants the bridge itself to find nothing wrong.
func (l *life) verify(when string) {
	l.t.Helper()
	l.start()
	time.Sleep(10 * time.Second)
	r, err := l.bridge.VerifyFully(l.t.Context(), anna.ID)
	p := l.bridge.Progress()[0]
	l.stop()
	if err != nil || len(r.Extra)+len(r.Altered) > 0 {
		l.t.Errorf("%s: verify: %+v, %v", when, r, err)
	}
	for _, f := range r.Missing {
		if !strings.Contains(f.Why, "saved as") {
			l.t.Errorf("%s: verify: missing %+v", when, f)
		}
	}
	for _, f := range r.Removed {
		if tag := l.tagAt(f); !l.touched[tag] && tag != "" {
			l.t.Errorf("%s: verify: removed %+v", when, f)
		}
	}
	if p.State != bridge.Following || p.Done < p.Total {
		l.t.Errorf("%s: progress %+v", when, p)
	}
}

// tagAt is the tag of the message that verify names.
func (l *life) tagAt(f bridge.Finding) string {
	for _, path := range l.folders {
		if path.String() != f.Folder {
			continue
		}
		for _, m := range l.old().Messages(path) {
			if m.Ref == f.Ref {
				return tagOf(m)
			}
		}
	}
	return "?"
}

func (l *life) liesIn(path cutover.FolderPath, tag string) bool {
	return slices.ContainsFunc(l.new().Messages(path), func(m memstore.Message) bool { return tagOf(m) == tag })
}

func (l *life) rows() {
	l.open()
	defer l.ledger.Close()
	pairs, _ := l.ledger.Pairs(l.t.Context(), anna.ID)
	for _, p := range pairs {
		l.ledger.All(l.t.Context(), p.ID, func(row ledger.Item) bool {
			l.t.Logf("row %d %q>%q %x %s/%s %v -> %s/%s %v %q", row.ID, p.Legacy, p.Cloud, row.Identity.Match(), row.Legacy.Validity, row.Legacy.Ref, row.Flags, row.Disposition, row.Cloud, row.CloudFlags, row.Note)
			return true
		})
	}
	for _, path := range l.cloudFolders() {
		for _, m := range l.new().Messages(path) {
			l.t.Logf("cloud %s %s", m.Ref, l.one(path, m))
		}
	}
}

// one names a message with all that its copy has of it.
func (l *life) one(path cutover.FolderPath, m memstore.Message) string {
	flags := slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return f == `\Deleted` || l.cloudIs.NoKeywords && !strings.HasPrefix(f, `\`) })
	return fmt.Sprintf("%s: %s %v %s", path, tagOf(m), flags, m.Date.UTC().Format("15:04:05"))
}
