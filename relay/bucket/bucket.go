package bucket

import (
	"slices"
	"strings"

	"posthouse/ledger"
)

// Name is a bucket's, as people type it.
type Name string

// Bucket is what a delivery waits for.
type Bucket struct {
	Name   Name
	What   string // what is the matter, in a few words
	Remedy string // what to do
}

// Of is the bucket of a delivery that is not settled.
func Of(d ledger.Delivery) Bucket {
	if b, ok := planned(d); ok {
		return b
	}
	r := read(d.Reason + " " + d.Reply)
	for _, rule := range rules {
		if rule.fits(r) {
			return rule.Bucket
		}
	}
	switch {
	case d.State == ledger.Held && strings.Contains(d.Reason, "not accepted by"):
		return tooLong
	case d.State == ledger.Held:
		return other
	}
	return waiting
}

// Named is the bucket of that name; false if there is none.
func Named(n Name) (Bucket, bool) {
	for _, b := range All() {
		if b.Name == n {
			return b, true
		}
	}
	return Bucket{}, false
}

// All are all buckets, each once.
func All() []Bucket {
	all := []Bucket{doubt, byHand, nowhere, outside, unknownThere, loop}
	for _, r := range rules {
		all = append(all, r.Bucket)
	}
	all = append(all, tooLong, waiting, other)
	seen := map[Name]bool{}
	return slices.DeleteFunc(all, func(b Bucket) bool {
		again := seen[b.Name]
		seen[b.Name] = true
		return again
	})
}

// planned are the buckets that we ourselves put deliveries into, by our own words.
func planned(d ledger.Delivery) (Bucket, bool) {
	for _, p := range []struct {
		begins string
		in     Bucket
	}{
		{"held by ", byHand}, {"may or may not have arrived", doubt}, {"no mailbox takes mail for", nowhere}, {"goes round:", loop},
		{"the cloud sent mail for", unknownThere},
	} {
		if strings.HasPrefix(d.Reason, p.begins) {
			return p.in, true
		}
	}
	switch {
	case d.State == ledger.InDoubt:
		return doubt, true
	case strings.Contains(d.Reason, "is outside our domains and no cloud server sends there"):
		return outside, true
	case d.State == ledger.Due && d.Attempts == 0:
		return waiting, true
	}
	return Bucket{}, false
}

var (
	doubt = Bucket{"doubt", "the final reply was lost: it may have arrived",
		"nothing while the mailbox answers: it is asked, and sent again only what is not there. What is held could not be asked for: release it once the mailbox opens again"}
	byHand       = Bucket{"by-hand", "held by a person", "posthouse queue release ID"}
	nowhere      = Bucket{"nowhere", "no mailbox takes it", "name one (recipients.postmaster, recipients.extra) for what comes, and move this: posthouse queue move ID --recipient ADDRESS"}
	outside      = Bucket{"outside", "a group's member outside, and no cloud server to send by", "give a cloud server smtp in the configuration, or export the message and send it by hand"}
	unknownThere = Bucket{"unknown-there", "the cloud does not know the address and sent the mail back to us", "add the address in the cloud, then release"}
	loop         = Bucket{"loop", "goes round between servers", "mend the route between the hosts named, then release"}
	tooLong      = Bucket{"too-long", "put off for too long", "read the last reply; when its cause is gone: posthouse queue release --reason too-long"}
	waiting      = Bucket{"waiting", "waits for its next attempt", "nothing: it is tried again by itself; posthouse queue retry tries now"}
	other        = Bucket{"other", "refused", "read the reply; mend its cause and release, or move or export the message"}
)
