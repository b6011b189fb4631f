package neighbour

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
)

// Scheduling is the domain whose users a Cyrus with calendars invites by itself.
const Scheduling = "example.com"

// CyrusDAV starts a Cyrus with calendars and address books for these users, by plain names, and their passwords. It is a scheduling server (RFC 6638): who is invited by an organiser there finds that in his
// calendar. The principal of a user is below URL.
func CyrusDAV(t testing.TB, name string, users map[string]string) *DAV {
	t.Helper()
	root := unpacked(t, "cyrus-caldav")
	addr := net.JoinHostPort(Address(), "8080")
	c := StartCyrus(t, CyrusConfig{
		Name: name, Users: users, Slashes: true, libraries: root,
		services: fmt.Sprintf("http cmd=\"%s -C %%s/imapd.conf\" listen=\"%s\" prefork=0", filepath.Join(root, "usr/lib/cyrus/bin/httpd"), addr),
		Settings: "httpmodules: caldav carddav\nhttpallowcompress: no\ncaldav_allowscheduling: yes\ncalendar_user_address_set: " + Scheduling,
	})
	c.await(addr)
	for _, user := range slices.Sorted(maps.Keys(users)) { // who never logged in has no calendars, and nobody can invite him
		OpenMailbox(t, c.IMAP, user, users[user], nil).Close()
		for _, home := range []string{"calendars", "addressbooks"} {
			meet(t, "http://"+addr+"/dav/"+home+"/user/"+user+"/", user, users[user])
		}
	}
	return &DAV{process: c.process, URL: "http://" + addr + "/", Dir: c.Dir}
}

// meet asks for a home, which comes into being with that.
func meet(t testing.TB, home, user, password string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", home, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Depth", "0")
	r.SetBasicAuth(user, password)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	if got.StatusCode != http.StatusMultiStatus {
		t.Fatalf("%s: %s", home, got.Status)
	}
}
