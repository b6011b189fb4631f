package evidence

import (
	"reflect"
	"testing"
	"time"

	"posthouse/evidence/book"
)

// A message counts once, wherever and however often it is found.
func TestPast(t *testing.T) {
	anna, bob := Past{}, Past{}
	anna.Note("supplier.example", hours(1), "<1@x>")
	anna.Note("supplier.example", hours(1), "<1@x>")
	anna.Note("supplier.example", hours(2), "<2@x>")
	anna.Note("supplier.example", hours(24*30), "<3@x>")
	bob.Note("supplier.example", hours(3), "<2@x>") // the same message to another person
	bob.Note("supplier.example", hours(24*60), "<4@x>")
	bob.Note("list.example", hours(5), "<5@x>")
	all := Past{}
	te := Testimony{}.Tally(all.Join(anna)...).Tally(all.Join(bob)...)
	if again := append(all.Join(bob), all.Join(anna)...); len(again) != 0 {
		t.Errorf("found again, it counts again: %+v", again)
	}
	other := Past{}
	if reversed := (Testimony{}).Tally(other.Join(bob)...).Tally(other.Join(anna)...); !reflect.DeepEqual(reversed.Tracks(), te.Tracks()) {
		t.Errorf("in another order %+v", reversed.Tracks())
	}
	tracks := te.Tracks()
	if len(tracks) != 2 || tracks[1].System != "supplier.example" || tracks[1].Source != PastSource || len(tracks[1].Old) != 3 || tracks[1].Old.Total() != 4 {
		t.Errorf("tracks %+v", tracks)
	}
	if last := tracks[1].LastOld; last.After(hours(24*60)) || book.DayOf(last) != book.DayOf(hours(24*60)) {
		t.Errorf("the last came at %v: later than it did", last)
	}
	if len(te.Uses()) != 0 {
		t.Errorf("the past is a use: %+v", te.Uses())
	}
	if whole := (Testimony{}).Tally(all.Tallies()...); !reflect.DeepEqual(whole.Tracks(), tracks) {
		t.Errorf("at once %+v", whole.Tracks())
	}
	if all.Messages() != 5 {
		t.Errorf("%d messages", all.Messages())
	}
	all.Since(hours(24 * 30))
	if _, found := all["list.example"]; found || all.Messages() != 2 {
		t.Errorf("after a month %v", all)
	}
}

// What an old log tells of the same mail does not count beside it: by day the larger number counts.
func TestPastAndLog(t *testing.T) {
	p := Past{}
	for i, at := range []float64{1, 2, 24 * 30} {
		p.Note("mx*.supplier.example", hours(at), string(rune('a'+i)))
	}
	te := Fold(Testimony{}, mail(1, Known, "postfix"), mail(2, Known, "postfix"), mail(3, Known, "postfix"), mail(24*60, Known, "postfix")).Tally(p.Tallies()...)
	pg := turn(accepted{}, te, Door{Channel: Arriving})
	if len(pg.names) != 1 {
		t.Fatalf("names %v", pg.names)
	}
	first := book.DayOf(hours(0))
	if want := (book.Series{{Day: first, N: 3}, {Day: first + 30, N: 1}, {Day: first + 60, N: 1}}); !reflect.DeepEqual(pg.book.Entries[0].Old, want) {
		t.Errorf("got %v, want %v", pg.book.Entries[0].Old, want)
	}
}

// Old mail alone does not make the past known: people delete mail. Beside a log of three weeks it does no harm.
func TestOldMailAloneIsNoPast(t *testing.T) {
	p := Past{}
	for i := range 10 {
		p.Note("mx*.supplier.example", hours(float64(24*30*i)), "<x>")
	}
	now, switched := hours(24*310), hours(24*300)
	known := func(te Testimony) bool {
		te = te.Switch(switched)
		return foresee(&judgement{t: te, now: now, Policy: Policy{Foreseen: []Door{{Channel: Arriving}}, Horizon: day}}).known
	}
	if known(Testimony{}.Tally(p.Tallies()...)) {
		t.Error("a book of old mail is known")
	}
	if !known(Fold(Testimony{}, mail(24*270, Known, "postfix")).Tally(p.Tallies()...)) {
		t.Error("a book of a log and old mail is not known")
	}
	if known(Fold(Testimony{}, mail(24*290, Known, "postfix")).Tally(p.Tallies()...)) {
		t.Error("a log of ten days is enough beside old mail")
	}
}

func TestPastIsBounded(t *testing.T) {
	p := Past{}
	for i := range pastSystems + 10 {
		p.Note(string(rune(0x4e00+i)), hours(1), "x")
	}
	p.Note("often", hours(1), "x")
	p.Note("often", hours(1), "y")
	if got := p.Tallies(); len(got) != pastSystems || got[0].System != "often" || got[0].N != 2 {
		t.Errorf("%d tallies, the first is %+v", len(got), got[0])
	}
}

func TestWriter(t *testing.T) {
	domains := []string{"new.example", "sub.other.example"}
	for _, tt := range []struct{ name, header, want string }{
		{"from outside", "Return-Path: <anna@supplier.example>\nReceived: from x (mx4.supplier.example [198.51.100.7]) by mail.new.example; Mon\n", "mx*.supplier.example"},
		{"through a service", "Return-Path: <anna@supplier.example>\nReceived: from x (a.mailer.example [198.51.100.7]) by mail.new.example; Mon\n", "supplier.example via mailer.example"},
		{"a colleague", "Return-Path: <bob@new.example>\nReceived: from pc (p5.provider.example [198.51.100.7]) by mail.new.example with ESMTPSA; Mon\n", ""},
		{"a colleague at a part of the domain", "Return-Path: <bob@Berlin.New.example>\nReceived: from pc (p5.provider.example [198.51.100.7]) by mail.new.example; Mon\n", ""},
		{"a host of the house", "Return-Path: <scan@copier.example>\nReceived: from scan.new.example (scan.new.example [10.0.0.7]) by mail.new.example; Mon\n", ""},
		{"a neighbour, of whose domain ours is a part", "Return-Path: <a@other.example>\nReceived: from x (mx.other.example [198.51.100.9]) by mx.hoster.example; Mon\n", "mx.other.example"},
		{"from the network of the house", "Return-Path: <a@supplier.example>\nReceived: from relay.hoster.example (relay.hoster.example [10.0.0.7]) by mail.hoster.example; Mon\n", ""},
		{"no hop", "From: anna@supplier.example\n", ""},
	} {
		if got := Writer([]byte(tt.header), domains); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestArrived(t *testing.T) {
	put := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ name, header, want string }{
		{"as the server tells", "Received: from a by b; Mon, 2 Feb 2026 10:00:00 +0200 (CEST)\nReceived: from c by a; Mon, 5 Jan 2026 10:00:00 +0000\n", "2026-02-02T08:00:00Z"},
		{"folded", "Received: from a by b\n\tid x;\n\tMon, 2 Feb 2026 10:00:00 +0000\n", "2026-02-02T10:00:00Z"},
		{"later than it was put there", "Received: from a by b; Mon, 2 Mar 2026 10:00:00 +0000\n", "2026-03-01T00:00:00Z"},
		{"no date", "Received: from a by b\nReceived: from c by a; Mon, 5 Jan 2026 10:00:00 +0000\n", "2026-03-01T00:00:00Z"},
		{"no hop", "From: a@b.example\n", "2026-03-01T00:00:00Z"},
	} {
		if got := Arrived([]byte(tt.header), put).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
