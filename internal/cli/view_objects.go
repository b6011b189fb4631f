package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"posthouse/internal/control"
)

// objectsText is how many events and contacts there are; empty where there are none.
func objectsText(events, contacts int) string {
	return join(", ", counted0(events, "event", "events"), counted0(contacts, "contact", "contacts"))
}

// counted0 leaves out what there is none of.
func counted0(n int, one, many string) string {
	if n == 0 {
		return ""
	}
	return counted(n, one, many)
}

// shares is how far the copy of events and contacts is.
func shares(events, eventsTotal, contacts, contactsTotal int) string {
	share := func(done, total int, what string) string {
		if total == 0 {
			return ""
		}
		return fmt.Sprintf("%s/%s %s", count(done), count(total), what)
	}
	return join("   ", share(events, eventsTotal, "events"), share(contacts, contactsTotal, "contacts"))
}

// objectsLines are a mailbox's calendars and address books, below its mail.
func objectsLines(m control.Mailbox, width int, now time.Time) []line {
	o := m.Objects
	if o == nil {
		return nil
	}
	numbers := shares(o.Events, o.EventsTotal, o.Contacts, o.ContactsTotal)
	if numbers == "" {
		numbers = "no events, no contacts"
	}
	text := pad("", width) + "   " + numbers
	switch {
	case o.Error != "":
		return []line{{{bad, "  " + pad(stateProblem, labelWidth) + " "}, {plain, text + "   " + objectsTrouble(o, now)}}}
	case o.Wait != "":
		return []line{{{warn, "  " + pad(stateWaiting, labelWidth) + " "}, {plain, text + "   " + objectsWait(o, now)}}}
	case !o.Caught.IsZero():
		text += "   up to date " + ago(o.Caught, now)
	case o.Folder != "":
		text += "   " + o.Folder
	}
	return []line{labelled("", span{plain, text})}
}

// objectsTrouble says why calendars and address books do not go on.
func objectsTrouble(o *control.Objects, now time.Time) string {
	return "calendars: " + firstOf(o.Error) + nextTry(control.Mailbox{Error: o.Error, Next: o.Next}, now)
}

func objectsWait(o *control.Objects, now time.Time) string {
	return waitText(control.Mailbox{Next: o.Next, Wait: o.Wait}, now)
}

// objectFindings are what is to be told of events and contacts beside what differs.
func objectFindings(r control.Verified, v naming) []line {
	return append(notedLines(r, v), lostLines(r, v)...)
}

// lostShown is how many items are named of those that lack the same property.
const lostShown = 3

// lostItem names an item so that a person finds it to mend it: by its title, of which a long one is cut, else by its UID.
func lostItem(l control.Loss) string {
	if l.Title == "" {
		return l.Folder + " " + l.MessageID
	}
	return fmt.Sprintf("%s %q", l.Folder, fit(l.Title, titleShown))
}

// titleShown is how many columns of a title are shown.
const titleShown = 40

// lostLines tell what the cloud's server lost, the property that most lack first.
func lostLines(r control.Verified, v naming) []line {
	if len(r.Lost) == 0 {
		return nil
	}
	of := map[string][]string{}
	for _, l := range r.Lost {
		for _, p := range l.Properties {
			of[p] = append(of[p], lostItem(l))
		}
	}
	properties := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(len(of[b])-len(of[a]), cmp.Compare(a, b)) })
	rows := make([][]string, len(properties))
	for i, p := range properties {
		items := of[p]
		slices.Sort(items) // they come in another order each time, and whoever looks twice wants to see the same
		text := strings.Join(items[:min(lostShown, len(items))], ", ")
		if more := len(items) - lostShown; more > 0 {
			text += fmt.Sprintf(" and %s more: --json", count(more))
		}
		rows[i] = []string{p, count(len(items)), text}
	}
	lines := []line{{{warn, "! "}, {strong, v.short(r.Mailbox)}, {plain, "   the cloud's server lost a part of " + counted(len(r.Lost), "event or contact", "events and contacts") + ", or changed it"}}}
	for _, text := range aligned(rows) {
		lines = append(lines, labelled("lost", span{plain, text}))
	}
	return lines
}

// notedLines name events and contacts of which somebody should know.
func notedLines(r control.Verified, v naming) []line {
	if len(r.Noted) == 0 {
		return nil
	}
	lines := []line{{{warn, "! "}, {strong, v.short(r.Mailbox)}, {plain, "   " + counted(len(r.Noted), "event or contact", "events or contacts") + " to know of"}}}
	rows := make([][]string, len(r.Noted))
	for i, f := range r.Noted {
		rows[i] = []string{f.Folder, f.MessageID, f.Why}
	}
	for _, text := range aligned(rows) {
		lines = append(lines, labelled("noted", span{plain, text}))
	}
	return lines
}
