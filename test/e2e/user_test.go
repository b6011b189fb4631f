package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// user is a person who works in their mailbox on the old server, at random: files messages, copies them, marks them, renames folders. Nothing is deleted, so that in the
// end both sides must hold the same.
type user struct {
	t      testing.TB
	name   string
	m      *neighbour.Mailbox
	random *rand.Rand
	made   int // folders and letters
	did    map[string]int
}

func newUser(t testing.TB, name string, m *neighbour.Mailbox, random *rand.Rand) *user {
	return &user{t: t, name: name, m: m, random: random, did: map[string]int{}}
}

// act does one thing.
func (u *user) act() {
	u.t.Helper()
	acts := []struct {
		name string
		odds int
		do   func(from neighbour.Folder, all []neighbour.Folder) bool
	}{
		{"move", 10, u.move}, {"copy", 3, u.copy}, {"mark", 4, u.mark}, {"receive", 3, u.receive}, {"rename", 2, u.rename}, {"create", 1, u.create},
	}
	sum := 0
	for _, a := range acts {
		sum += a.odds
	}
	folders := u.folders()
	turn := u.random.IntN(sum)
	for _, a := range acts {
		if turn -= a.odds; turn < 0 {
			if a.do(pick(u.random, folders), folders) {
				u.did[a.name]++
			}
			return
		}
	}
}

func pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

func (u *user) folders() (all []neighbour.Folder) {
	for _, f := range u.m.Folders() {
		if !f.NoSelect && u.m.Has(f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// some picks a few messages of a folder, as a set.
func (u *user) some(f neighbour.Folder) string {
	all := u.m.UIDs(f.Name)
	u.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(all[:min(len(all), 1+u.random.IntN(6))], ",")
}

func (u *user) move(from neighbour.Folder, all []neighbour.Folder) bool {
	to, set := pick(u.random, all), u.some(from)
	if set == "" || to.Name == from.Name {
		return false
	}
	u.m.Move(from.Name, set, to.Name)
	return true
}

// copy makes true duplicates, in the same folder too.
func (u *user) copy(from neighbour.Folder, all []neighbour.Folder) bool {
	set := u.some(from)
	if set == "" {
		return false
	}
	u.m.Copy(from.Name, set, pick(u.random, all).Name)
	return true
}

func (u *user) mark(from neighbour.Folder, _ []neighbour.Folder) bool {
	set := u.some(from)
	if set == "" {
		return false
	}
	u.m.Store(from.Name, set, pick(u.random, []string{"+FLAGS", "-FLAGS"}), pick(u.random, []string{`\Seen`, `\Flagged`, `\Answered`, "$Work"}))
	return true
}

func (u *user) receive(neighbour.Folder, []neighbour.Folder) bool {
	u.made++
	u.m.Append("INBOX", neighbour.Upload{Bytes: letter(fmt.Sprintf("%s%d", u.name, u.made), 500), Date: time.Now()})
	return true
}

// rename renames a folder that nothing else is known by, sometimes into another one, with all that is below it.
func (u *user) rename(from neighbour.Folder, all []neighbour.Folder) bool {
	if from.Name == "INBOX" || from.Use != "" || u.random.IntN(2) == 0 {
		return false
	}
	to := u.newName(from.Separator)
	if into := pick(u.random, all); u.random.IntN(3) == 0 && into.Name != "INBOX" && !strings.HasPrefix(into.Name+into.Separator, from.Name+from.Separator) {
		to = into.Name + into.Separator + to
	}
	u.m.Rename(from.Name, to)
	return true
}

func (u *user) create(_ neighbour.Folder, all []neighbour.Folder) bool {
	name := u.newName(all[0].Separator)
	u.m.Create(name)
	u.m.Move("INBOX", "1:5", name)
	return true
}

func (u *user) newName(separator string) string {
	u.made++
	return utf7(fmt.Sprintf("Ordner %d%sété", u.made, pick(u.random, []string{" ", separator})))
}
