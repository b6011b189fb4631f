package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// TestEverythingAtOnceBetweenOddServers is TestEverythingAtOnce between servers with any habits, and of messages that lack this and that.
func TestEverythingAtOnceBetweenOddServers(t *testing.T) { everythingAtOnce(t, true) }

// oddities are what is odd about a world.
type oddities struct {
	legacyIs, cloudIs memstore.Options
	incomplete        bool // messages may lack Message-ID, Date, and body
	sameDates         bool // they came at one of three times
	faultless         bool // nothing fails; the bridge is ended in order
	crowded           bool // the cloud's INBOX holds many messages of others
	erases            bool // folders are deleted on the old side
	restores          bool // an older backup is put back on the old side, and references are given again
}

// drawOddities draws them. References do not end where messages are copied, nor does anything fail where dates tell nothing: which of several equal ones is which can be told for most only.
func (l *life) drawOddities(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 12))
	once := func(n int) bool { return r.IntN(n) == 0 }
	l.incomplete, l.sameDates, l.crowded, l.erases = true, once(4), once(4), once(2)
	l.faultless, l.restores = l.sameDates || once(5), l.upset() && once(2)
	l.legacyIs = memstore.Options{Batch: 2 + r.IntN(8), NoHints: once(3), Estimates: once(2), Removals: once(3)}
	l.cloudIs.Batch = 2 + r.IntN(8)
	l.cloudIs.NoPlaces, l.cloudIs.OutOfOrder, l.cloudIs.NoKeywords, l.cloudIs.Estimates, l.cloudIs.Merge = once(3), once(3), once(5), once(3), once(4)
	switch r.IntN(4) {
	case 0:
		l.cloudIs.Render = anew
	case 1:
		l.cloudIs.Render = func(raw []byte) []byte {
			return testserver.Rendering{Body: true, Subject: "[EXTERN] "}.Render(raw, time.Now())
		}
	}
}

// letter is a message with a tag that tells it apart, whatever else it has.
func (l *life) letter(tag, id, body string) []byte {
	head, text, _ := strings.Cut(string(mail(id, body)), "\r\n\r\n")
	drop := func(field string) {
		fields := strings.Split(head, "\r\n")
		head = strings.Join(slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, field+": ") }), "\r\n")
	}
	if l.incomplete && l.pick(2) == 0 {
		drop("Message-ID")
		if l.pick(2) == 0 && mayBeDoubled(tag) && !l.upset() {
			head = strings.Replace(head, "Subject: "+id, "Subject: alarm", 1)
		}
	}
	if l.incomplete && l.pick(4) == 0 {
		drop("Date")
	}
	if l.incomplete && l.pick(6) == 0 && strings.Contains(head, "Subject: "+tag) {
		text = ""
	}
	return []byte("X-Tag: " + tag + "\r\n" + head + "\r\n\r\n" + text)
}

// date is when the next message comes.
func (l *life) date() time.Time {
	if l.sameDates {
		return time.Unix(1e9, 0).Add(time.Duration(l.tags%3) * time.Hour)
	}
	return time.Now().Add(time.Duration(l.tags) * time.Second).Truncate(time.Second)
}

// crowd fills the cloud's INBOX, so that copies are searched for one by one.
func (l *life) crowd() {
	for i := range 330 {
		if l.crowded {
			l.new().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint("foreign ", i), "x"), Date: time.Now()})
		}
	}
}

// deeds is how many kinds of deeds there are.
func (l *life) deeds() int {
	if l.erases || l.restores {
		return 17
	}
	return 16
}

// harm loses messages on the old side.
func (l *life) harm(path cutover.FolderPath) {
	if !l.restores {
		l.erase(path)
		return
	}
	all := l.old().Messages(path)
	kept := max(len(all)-1-l.pick(3), 0)
	l.note("a backup of %s with %d of %d messages is restored", path, kept, len(all))
	l.old().Rollback(path, kept)
}

// erase deletes a folder with all that is in it, and makes it, or another one, anew.
func (l *life) erase(path cutover.FolderPath) {
	if l.fixed(path) {
		return
	}
	l.note("%s is deleted", path)
	l.old().RemoveFolder(path)
	if l.pick(2) == 0 {
		l.note("%s is made anew", path)
		l.old().AddFolder(cutover.Folder{Path: path, Kind: cutover.Mail})
		return
	}
	l.folders = slices.DeleteFunc(l.folders, func(p cutover.FolderPath) bool { return slices.Equal(p, path) })
	l.renames++
	to := cutover.FolderPath{fmt.Sprint("new ", l.renames)}
	l.note("%s is made", to)
	l.old().AddFolder(cutover.Folder{Path: to, Kind: cutover.Mail})
	l.folders = append(l.folders, to)
}
