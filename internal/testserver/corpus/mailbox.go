package corpus

import (
	"slices"
	"strings"
)

// Folder is one folder of a generated mailbox.
type Folder struct {
	// Path has its levels separated by "/", in plain UTF-8. No level contains a "/" of its own.
	Path string
	// Use is the RFC 6154 attribute (`\Sent`, `\Drafts`, `\Trash`, `\Junk`, `\Archive`) or empty.
	Use string
	// Messages are in the order of arrival: internal dates never decrease.
	Messages []Message
}

type place struct {
	path, use string
	share     int // of the mailbox, relative to the others
}

// Languages lists the values that Generator.Language can take.
func Languages() []string { return []string{"de", "en", "fr", "ja"} }

// Mailbox returns a tree of folders in which exactly n messages lie. All folders are there even if n is too small to fill
// them; INBOX comes first, parents come before children.
func (g *Generator) Mailbox(n int) []Folder {
	lang := g.Language
	if lang == "" {
		lang = pick(g, Languages())
	}
	places := slices.Concat([]place{{"INBOX", "", 40}}, trees[lang], everywhere)
	counts := split(n, places)
	folders := make([]Folder, len(places))
	for i, p := range places {
		folders[i] = Folder{Path: p.path, Use: p.use, Messages: g.fill(p, counts[i])}
	}
	return folders
}

// fill draws n messages for one folder and puts them in the order of arrival.
func (g *Generator) fill(p place, n int) []Message {
	messages := make([]Message, 0, n)
	for range n {
		messages = append(messages, g.placed(p))
	}
	slices.SortStableFunc(messages, func(a, b Message) int { return a.Internal.Compare(b.Internal) })
	return messages
}

func (g *Generator) placed(p place) Message {
	switch p.use {
	case `\Sent`:
		m := g.next(g.Owner, pick(g, people), g.date())
		m.Flags = withFlag(m.Flags, `\Seen`)
		return m
	case `\Drafts`:
		m := g.next(g.Owner, pick(g, people), g.date())
		m.Flags = withFlag(m.Flags, `\Draft`)
		return m
	case `\Junk`:
		m := g.Next()
		m.Flags = withFlag(m.Flags, "$Junk")
		return m
	}
	return g.Next()
}

func withFlag(flags []string, flag string) []string {
	if slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) }) {
		return flags
	}
	return append(flags, flag)
}

// split shares n out by weight; what rounding leaves goes to the first.
func split(n int, places []place) []int {
	total := 0
	for _, p := range places {
		total += p.share
	}
	counts := make([]int, len(places))
	rest := n
	for i, p := range places {
		counts[i] = n * p.share / total
		rest -= counts[i]
	}
	counts[0] += rest
	return counts
}

// Total returns the number of messages in the folders and their octets.
func Total(folders []Folder) (messages int, octets int64) {
	for _, f := range folders {
		messages += len(f.Messages)
		for _, m := range f.Messages {
			octets += int64(len(m.Bytes))
		}
	}
	return messages, octets
}

var trees = map[string][]place{
	"de": {{"Gesendet", `\Sent`, 18}, {"Entwürfe", `\Drafts`, 1}, {"Papierkorb", `\Trash`, 3}, {"Spam-Verdacht", `\Junk`, 1},
		{"Archiv", `\Archive`, 8}, {"Archiv/2019", "", 4}, {"Archiv/2020", "", 4}, {"Kunden", "", 0}, {"Kunden/Groß & Söhne", "", 3}, {"Kunden/Groß & Söhne/Rückfragen", "", 2}},
	"en": {{"Sent Items", `\Sent`, 18}, {"Drafts", `\Drafts`, 1}, {"Deleted Items", `\Trash`, 3}, {"Junk E-mail", `\Junk`, 1},
		{"Archive", `\Archive`, 8}, {"Archive/2019", "", 4}, {"Archive/2020", "", 4}, {"Projects", "", 0}, {"Projects/R&D", "", 3}, {"Projects/R&D/Pump \"B\"", "", 2}},
	"fr": {{"Éléments envoyés", `\Sent`, 18}, {"Brouillons", `\Drafts`, 1}, {"Corbeille", `\Trash`, 3}, {"Indésirables", `\Junk`, 1},
		{"Archives", `\Archive`, 8}, {"Été", "", 2}, {"Été/Été 2019", "", 4}, {"Été/Été 2020", "", 2}, {"Clients", "", 0}, {"Clients/L'Œuvre", "", 3}},
	"ja": {{"送信済み", `\Sent`, 18}, {"下書き", `\Drafts`, 1}, {"ごみ箱", `\Trash`, 3}, {"迷惑メール", `\Junk`, 1},
		{"アーカイブ", `\Archive`, 8}, {"アーカイブ/2019年", "", 4}, {"取引先", "", 0}, {"取引先/株式会社 山田", "", 3}, {"取引先/株式会社 山田/見積", "", 2}},
}

// everywhere are folders that test names and depth in every language.
var everywhere = []place{
	{"日本語", "", 2}, {"INBOX/Newsletter", "", 4}, {"INBOX/Newsletter/old & read", "", 1}, {"50% [done] {x} ~tilde", "", 1},
	{"a", "", 0}, {"a/b", "", 0}, {"a/b/c", "", 0}, {"a/b/c/d", "", 0}, {"a/b/c/d/e", "", 1}, {"Empty", "", 0}, {"emoji 📬", "", 1},
}
