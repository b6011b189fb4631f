package davstore_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// Whatever members and UIDs are called, each item arrives once, as it is, and is known again.
func TestOddNames(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	names := []string{"a##b.ics", "a", "a##", "a#", "#~", "#~##x", "per%cent", "per%25cent", "ques?tion", "sp ace", "sl/ash", "ümläut.ics", "日本", "..a", "<&>\"'", strings.Repeat("n", 300), "semi;colon,", "plus+", "@at:"}
	for i, name := range names {
		a.old.Put("anna", home, name, meeting(name+fmt.Sprint(i), "SUMMARY:first"))
	}
	a.follow()
	a.equal(len(names))
	for i, name := range names {
		a.old.Put("anna", home, name, meeting(name+fmt.Sprint(i), "SUMMARY:second"))
	}
	a.old.ForgetTokens()
	a.restart()
	a.follow()
	a.equal(len(names))
	for i, name := range names {
		if _, raw := a.cloud(home, "UID:"+name+fmt.Sprint(i)+"\r"); !bytes.Equal(raw, meeting(name+fmt.Sprint(i), "SUMMARY:second")) {
			t.Errorf("%s: %q", name, raw)
		}
	}
}

// A member may hold several items of which some have no UID, or one item twice: neither hides the other.
func TestMembersOfSeveralItems(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	bare := func(title string) string {
		return strings.Replace(string(meeting("", "SUMMARY:"+title)), "UID:\r\n", "", 1)
	}
	inOne := func(all ...string) []byte {
		return []byte(strings.ReplaceAll(strings.Join(all, ""), "END:VCALENDAR\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n", ""))
	}
	a.old.Put("anna", home, "1", inOne(bare("one"), bare("two"), string(meeting("u", "SUMMARY:three"))))
	a.old.Put("anna", home, "2", append(meeting("w", "SUMMARY:four"), meeting("w", "SUMMARY:five")...))
	a.old.Put("anna", home, "4", inOne(string(meeting("#x", "SUMMARY:seven")), string(meeting("y", "SUMMARY:eight"))))
	a.old.Put("anna", home, "4#", inOne(string(meeting("x", "SUMMARY:nine")), string(meeting("z", "SUMMARY:ten"))))
	a.old.Put("anna", home, "3", append([]byte("\ufeff"), meeting("m", "SUMMARY:six")...))
	a.follow()
	for _, title := range []string{"one", "two", "three", "four", "six", "seven", "eight", "nine", "ten"} {
		if _, raw := a.cloud(home, "SUMMARY:"+title+"\r"); bytes.Count(raw, []byte("BEGIN:VEVENT")) != 1 || bytes.HasPrefix(raw, []byte("\ufeff")) {
			t.Errorf("%s: %q", title, raw)
		}
	}
	if row := a.row("2##w'"); row.Disposition != cutover.Refused || !strings.HasSuffix(row.Note, ".ics") {
		t.Errorf("%+v", row)
	}
	if r := a.verified(); r.Equal != 9 || len(r.Missing) != 1 || len(r.Extra)+len(r.Altered) != 0 {
		t.Errorf("%+v", r)
	}
	before := a.new.Asked()["PUT"]
	a.old.ForgetTokens()
	a.restart()
	a.follow()
	if n := a.new.Asked()["PUT"] - before; n != 0 {
		t.Errorf("%d were put again", n)
	}
}
