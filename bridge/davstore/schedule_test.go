package davstore_test

import (
	"net/http"
	"testing"

	"posthouse/internal/testserver"
)

// A server that invites by itself says so when it is asked for its features. Where nobody answers that in its stead, for the moment or ever, nobody is invited all the same; where no server invites, nothing of
// an event is changed for it.
func TestNobodyIsInvitedWhereFeaturesAreNotTold(t *testing.T) {
	for name, status := range map[string]func(asked int) int{
		"told":                         func(int) int { return 0 },
		"failed once":                  func(n int) int { return map[int]int{1: http.StatusInternalServerError}[n] },
		"locked once":                  func(n int) int { return map[int]int{1: http.StatusLocked}[n] },
		"not passed on":                func(int) int { return http.StatusMethodNotAllowed },
		"answered by one in its stead": func(int) int { return http.StatusNoContent },
	} {
		for _, schedules := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Schedules: schedules})
				asked := 0
				a.newVia = via(func(r *http.Request) *http.Response {
					if r.Method != http.MethodOptions {
						return nil
					}
					asked++
					if code := status(asked); code != 0 {
						return &http.Response{StatusCode: code}
					}
					return nil
				})
				a.restart()
				a.old.Put("anna", home, "meeting", meeting("meeting", "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com"))
				a.follow()
				a.equal(1)
				if sent := a.new.Messages(); len(sent) > 0 || asked == 0 {
					t.Errorf("sent %v, after %d questions", sent, asked)
				}
				if row := a.rows()[0]; (row.Note != "") != schedules {
					t.Errorf("the server invites: %t, and the note is %q", schedules, row.Note)
				}
			})
		}
	}
}

// Who answers in the server's stead may have features of its own, and the server may fail to tell of the owner's inbox: neither says that nobody is invited.
func TestNobodyIsInvitedWhereOthersTellOfFeatures(t *testing.T) {
	for name, features := range map[string]string{"none": "", "of a server of files": "1, 2"} {
		for _, fails := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Schedules: true})
				inbox := &misreader{m: misreading{is: asksFor("PROPFIND", "schedule-inbox-URL"), answer: edited(allFail)}, armed: fails}
				a.newVia = through(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodOptions {
						return &http.Response{Request: r, StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Dav": {features}}, Body: http.NoBody}, nil
					}
					return inbox.RoundTrip(r)
				})
				a.restart()
				a.old.Put("anna", home, "meeting", meeting("meeting", "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com"))
				a.follow()
				a.equal(1)
				if sent := a.new.Messages(); len(sent) > 0 || fails != (inbox.told == 1) {
					t.Errorf("sent %v, %d wrong answers", sent, inbox.told)
				}
			})
		}
	}
}

// through is a way to the server.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
