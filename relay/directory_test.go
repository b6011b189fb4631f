package relay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"posthouse/cutover"
	"posthouse/relay"
)

// resolved says in words what a directory knows of an address: "known: anna@example.com | friend@outside.example".
func resolved(d *relay.Directory, a cutover.Address) string {
	to, answer := d.Resolve(a)
	if answer != relay.Known {
		return string(answer)
	}
	var boxes, others []string
	for _, m := range to.Mailboxes {
		boxes = append(boxes, string(m.ID))
	}
	for _, o := range to.Others {
		others = append(others, string(o))
	}
	text := "known: " + strings.Join(boxes, " ")
	if len(others) > 0 {
		text = strings.TrimSpace(text) + " | " + strings.Join(others, " ")
	}
	return strings.ReplaceAll(strings.TrimSpace(text), "@example.com", "@")
}

func fullHouse() relay.DirectoryConfig {
	cfg := house()
	cfg.Mailboxes = append(cfg.Mailboxes, mailbox("carl", withAliases("Sales@Old.example")))
	cfg.Domains = []string{"Example.com", "second.example", "third.example"}
	cfg.AliasDomains = map[string]string{"Old.example": "Example.com"}
	cfg.PlusTags = true
	cfg.Postmaster = "anna@example.com"
	cfg.CatchAll = map[string]cutover.Address{"Second.example": "Anna@example.com", "third.example": "gone@example.com"}
	cfg.Extra = map[cutover.Address]cutover.Address{
		"Invoices@example.com": "bob@example.com",
		"lost@example.com":     "nobody@example.com",
		"away@example.com":     "friend@outside.example",
		"one@example.com":      "two@example.com",
		"two@example.com":      "one@example.com",
	}
	cfg.Groups = map[cutover.Address][]cutover.Address{
		"Team@example.com":   {"Bob@Example.com", "a.smith@example.com", "anna@example.com", "invoices@example.com"},
		"all@example.com":    {"team@example.com", "friend@outside.example", "ghost@example.com", "carl@old.example"},
		"ring@example.com":   {"gnir@example.com", "anna@example.com"},
		"gnir@example.com":   {"ring@example.com", "bob@example.com"},
		"self@example.com":   {"self@example.com"},
		"empty@example.com":  {},
		"tagged@example.com": {"joe+a@outside.example", "joe@outside.example", "anna+x@example.com"},
		"twice@example.com":  {"all@example.com", "friend@outside.example"},
	}
	return cfg
}

func TestDirectory(t *testing.T) {
	d := relay.NewDirectory(fullHouse())
	tests := []struct{ name, address, want string }{
		{"primary", "anna@example.com", "known: anna@"},
		{"case of both parts", "ANNA@EXAMPLE.COM", "known: anna@"},
		{"alias", "a.smith@example.com", "known: anna@"},
		{"plus tag", "anna+news@example.com", "known: anna@"},
		{"plus tag on an alias", "A.Smith+x+y@example.com", "known: anna@"},
		{"plus tag on a group", "team+x@example.com", "known: anna@ bob@"},
		{"a plus without a name before it", "+news@example.com", "unknown"},
		{"plus tag of nobody", "nobody+x@example.com", "unknown"},
		{"unknown", "nobody@example.com", "unknown"},
		{"group, two ways to one mailbox", "team@example.com", "known: anna@ bob@"},
		{"group with a group, an outside and an unknown member", "all@example.com", "known: anna@ bob@ carl@ | friend@outside.example ghost@"},
		{"groups in a ring", "ring@example.com", "known: anna@ bob@"},
		{"a group of itself", "self@example.com", "known:"},
		{"an empty group", "empty@example.com", "known:"},
		{"tags of others are not ours to remove", "tagged@example.com", "known: anna@ | joe+a@outside.example joe@outside.example"},
		{"an outside member twice", "twice@example.com", "known: anna@ bob@ carl@ | friend@outside.example ghost@"},
		{"further address", "invoices@example.com", "known: bob@"},
		{"further address of nobody", "lost@example.com", "known: | nobody@"},
		{"further address to the outside", "away@example.com", "known: | friend@outside.example"},
		{"further addresses in a ring", "one@example.com", "known:"},
		{"alias domain", "anna@old.example", "known: anna@"},
		{"alias domain, tag, alias and case", "A.Smith+News@OLD.example", "known: anna@"},
		{"alias domain of nobody", "nobody@old.example", "unknown"},
		{"listed in the alias domain itself", "sales@old.example", "known: carl@"},
		{"listed in the alias domain itself, with a tag", "sales+x@old.example", "known: carl@"},
		{"not listed in the real domain", "sales@example.com", "unknown"},
		{"catch-all", "whoever@second.example", "known: anna@"},
		{"catch-all of nobody", "whoever@third.example", "unknown"},
		{"a mailbox's name in another domain", "bob@second.example", "known: anna@"},
		{"postmaster", "Postmaster@example.com", "known: anna@"},
		{"abuse", "abuse@example.com", "known: anna@"},
		{"postmaster of an alias domain", "postmaster@old.example", "known: anna@"},
		{"abuse of another domain", "abuse@third.example", "known: anna@"},
		{"not ours", "anna@outside.example", "not ours"},
		{"a domain that ends as ours", "anna@notexample.com", "not ours"},
		{"a subdomain", "anna@sub.example.com", "not ours"},
		{"postmaster elsewhere", "postmaster@outside.example", "not ours"},
		{"a group's outside member", "friend@outside.example", "not ours"},
		{"quoted", `"anna"@example.com`, "unknown"},
		{"routed by a percent sign", "victim%outside.example@example.com", "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := resolved(d, cutover.Address(tt.address)); got != tt.want {
				t.Errorf("%s is %s, want %s", tt.address, got, tt.want)
			}
		})
	}
}

func TestDirectoryDefaults(t *testing.T) {
	cfg := fullHouse()
	cfg.PlusTags, cfg.Postmaster = false, ""
	cfg.CatchAll = map[string]cutover.Address{"old.example": "bob@example.com", "example.com": "anna@example.com"}
	d := relay.NewDirectory(cfg)
	tests := []struct{ name, address, want string }{
		{"postmaster without configuration is known and leads nowhere", "postmaster@example.com", "known:"},
		{"abuse without configuration", "abuse@third.example", "known:"},
		{"tags are parts of the name", "anna+news@second.example", "unknown"},
		{"an alias domain's own catch-all goes first", "who@old.example", "known: bob@"},
		{"the real domain's", "who@example.com", "known: anna@"},
		{"a known name is not caught", "carl@old.example", "known: carl@"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := resolved(d, cutover.Address(tt.address)); got != tt.want {
				t.Errorf("%s is %s, want %s", tt.address, got, tt.want)
			}
		})
	}
}

func TestPostmasterCanBeAMailboxOfItsOwn(t *testing.T) {
	cfg := house()
	cfg.Mailboxes = append(cfg.Mailboxes, mailbox("postmaster"))
	cfg.Postmaster = "anna@example.com"
	d := relay.NewDirectory(cfg)
	equal(t, "postmaster", resolved(d, "postmaster@example.com"), "known: postmaster@")
	equal(t, "abuse", resolved(d, "abuse@example.com"), "known: anna@")
}

// TestDirectoryKeepsNothingOfItsConfig: a reload changes the maps it was made of.
func TestDirectoryKeepsNothingOfItsConfig(t *testing.T) {
	cfg := fullHouse()
	d := relay.NewDirectory(cfg)
	cfg.Domains[0] = "outside.example"
	clear(cfg.AliasDomains)
	clear(cfg.Extra)
	clear(cfg.Groups)
	for _, a := range []cutover.Address{"anna@old.example", "invoices@example.com", "team@example.com"} {
		if got := resolved(d, a); !strings.HasPrefix(got, "known: ") {
			t.Errorf("%s is %s", a, got)
		}
	}
}

// FuzzDirectory: whatever is asked, an answer that is known leads to each mailbox once, and nothing outside our domains is ever known.
func FuzzDirectory(f *testing.F) {
	for _, a := range []string{"all@example.com", "anna+@old.example", "@", "a@b@second.example", "ring@example.com"} {
		f.Add(a)
	}
	d := relay.NewDirectory(fullHouse())
	ours := []string{"example.com", "second.example", "third.example", "old.example"}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := cutover.ParseAddress(text)
		if err != nil {
			return // not an address: another target's matter
		}
		to, answer := d.Resolve(a)
		if answer == relay.NotOurs != !slices.Contains(ours, a.Domain()) {
			t.Errorf("%q is %s", a, answer)
		}
		seen := map[string]bool{}
		for _, m := range to.Mailboxes {
			seen[string(m.ID)] = true
		}
		for _, o := range to.Others {
			seen[fmt.Sprint(o)] = true
		}
		if len(seen) != len(to.Mailboxes)+len(to.Others) {
			t.Errorf("%q leads somewhere twice: %+v", a, to)
		}
	})
}
