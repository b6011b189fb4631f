package demo

import (
	"fmt"
	"strings"

	"posthouse/internal/testserver/corpus"
)

const (
	domain      = "example.com"
	aliasDomain = "example.net"
)

// wave says when a mailbox's owner begins to read in the cloud.
type wave string

const (
	pilot  wave = "pilot"  // from the beginning
	moving wave = "switch" // with the MX records
	last   wave = "last"   // some days later
)

// mailbox is one of the cutover's mailboxes.
type mailbox struct {
	name     string // of its owner
	local    string
	aliases  []string // local parts
	language string   // of the folders
	kind     string
	wave     wave
	share    int  // of all messages, in thousandths
	tee      bool // a copy of what the listener takes goes to the old side too
}

func (m mailbox) address() string { return m.local + "@" + domain }

func (m mailbox) owner() corpus.Address { return corpus.Address{Name: m.name, Addr: m.address()} }

// device is where the owner's logins come from.
func (m mailbox) device() string { return fmt.Sprintf("10.0.2.%d", 10+len(m.local)+int(m.local[0])) }

// sent is the path of the folder of sent mail.
func (m mailbox) sent() string {
	return map[string]string{"de": "Gesendet", "en": "Sent Items", "fr": "Éléments envoyés", "ja": "送信済み"}[m.language]
}

var mailboxes = []mailbox{
	{"Anna Groß", "anna", []string{"a.gross"}, "de", "person", pilot, 140, false},
	{"Ben Carter", "ben", nil, "en", "person", pilot, 110, false},
	{"Chloé Lefèvre", "chloe", []string{"chloe.lefevre"}, "fr", "person", moving, 100, true},
	{"山田大輔", "daisuke", nil, "ja", "person", moving, 95, true},
	{"Elif Öztürk", "elif", nil, "en", "person", moving, 90, false},
	{"Farid Benali", "farid", nil, "fr", "person", last, 85, false},
	{"Greta Ångström", "greta", nil, "de", "person", moving, 80, true},
	{"佐藤 広", "hiro", nil, "ja", "person", last, 75, false},
	{"Information", "info", []string{"sales", "contact"}, "en", "shared", moving, 90, false},
	{"Иван Петров", "ivan", nil, "en", "person", moving, 70, true},
	{"Julia Jäger", "julia", nil, "de", "person", pilot, 55, true},
	{"Room 1", "room-1", nil, "en", "room", moving, 10, false},
}

func addressesOf(all []mailbox) []string {
	list := make([]string, len(all))
	for i, m := range all {
		list[i] = m.address()
	}
	return list
}

// groups are addresses that several mailboxes get the mail of.
var groups = map[string][]string{
	"team": {"anna", "chloe", "ivan"},
	"all":  {"ben", "daisuke", "elif", "farid", "greta", "hiro", "julia", "info"},
}

// directory finds the mailboxes of an address.
type directory struct {
	byLocal map[string][]string
}

func newDirectory(all []mailbox) directory {
	d := directory{byLocal: map[string][]string{}}
	for _, m := range all {
		for _, local := range append([]string{m.local}, m.aliases...) {
			d.byLocal[local] = []string{m.address()}
		}
	}
	for group, members := range groups {
		for _, member := range members {
			d.byLocal[group] = append(d.byLocal[group], d.byLocal[member]...)
		}
	}
	return d
}

// resolve returns the mailboxes that get mail for the address; none for a stranger.
func (d directory) resolve(address string) []string {
	local, host, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	if host != domain && host != aliasDomain {
		return nil
	}
	return d.byLocal[local]
}

// resolveAll returns each mailbox once.
func (d directory) resolveAll(addresses []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, a := range addresses {
		for _, m := range d.resolve(a) {
			if !seen[m] {
				seen[m] = true
				all = append(all, m)
			}
		}
	}
	return all
}
