package davstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// A stand-in that its owner changes is his, one that he deletes is none any more, whenever he does it.
func TestStandInsOfOthers(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "standins", map[string]string{"soon": "secret", "late": "secret"}, "")
	for _, when := range []string{"soon", "late"} {
		t.Run(when, func(t *testing.T) {
			f := newFiller(t, server, when, cutover.Calendar)
			f.fill = 5
			once := sync.OnceFunc(func() {
				askAs(t, when, http.MethodPut, f.at()+"event-3@example.com.ics", meeting("event-3@example.com", "SUMMARY:the user's"))
				askAs(t, when, http.MethodDelete, f.at()+"event-6@example.com.ics", nil)
			})
			f.after = func(r *http.Request) error {
				if when == "soon" && f.isWhole(r) {
					once()
				}
				return nil
			}
			f.before = func(r *http.Request) error {
				if when == "late" && f.isMember(r) {
					once()
				}
				return nil
			}
			s, folder := f.store()
			got, err := f.put(s, folder, usual(cutover.Calendar, 10))
			if err != nil || len(got) != 10 || len(f.lies()) != 10 {
				t.Errorf("%d, %v, %d lie there", len(got), err, len(f.lies()))
			}
			for i, o := range got {
				if i == 3 != errors.Is(o.Err, bridge.ErrRefused) || i != 3 && o.Err != nil {
					t.Errorf("%d: %v", i, o.Err)
				}
			}
			if raw := f.lies()["event-3@example.com.ics"]; !strings.Contains(raw, "the user's") {
				t.Errorf("the user's is %q", raw)
			}
			if raw := fmt.Sprint(f.lies()); strings.Contains(raw, "STANDIN") || strings.Count(raw, "UID:event-6@") != 1 {
				t.Error(raw)
			}
			f.likeBefore()
		})
	}
}

// Stand-ins are no items for anybody, and are put over by the next Put; those for which nobody comes are deleted after a day.
func TestStandInsAreNoItems(t *testing.T) {
	t.Parallel()
	f := newFiller(t, neighbour.Radicale(t, "noitems", map[string]string{"anna": "secret"}, ""), "anna", cutover.Calendar)
	f.fill = 5
	f.after = f.killed
	s, folder := f.store()
	if got, err := f.put(s, folder, usual(cutover.Calendar, 10)); !errors.Is(err, bridge.ErrConnection) || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	if len(f.lies()) != 10 {
		t.Fatalf("%d lie there", len(f.lies()))
	}
	f.after = nil
	s, folder = f.store()
	b, err := s.Next(t.Context(), folder, "")
	if err != nil || len(b.Changes) != 0 {
		t.Errorf("Next tells %v, %v", b.Changes, err)
	}
	for item, err := range s.Scan(t.Context(), folder, "") {
		t.Errorf("Scan yields %v, %v", item, err)
	}
	for item, err := range s.Search(t.Context(), folder, []cutover.Identity{cutover.IdentityOfUID(cutover.Calendar, "event-3@example.com")}) {
		t.Errorf("Search yields %v, %v", item, err)
	}
	if flags, err := s.Flags(t.Context(), folder, []cutover.Ref{"event-3@example.com.ics"}); err != nil || len(flags) != 0 {
		t.Errorf("Flags tells %v, %v", flags, err)
	}
	if state, err := s.State(t.Context(), folder); err != nil || state.Items != 0 {
		t.Errorf("State tells %+v, %v", state, err)
	}
	f.likeBefore()
	s, folder = f.store() // one that knows none of them
	if got, err := f.put(s, folder, usual(cutover.Calendar, 4)); err != nil || len(got) != 4 || got[3].Err != nil || string(got[3].Place.Ref) != "event-3@example.com.ics" || len(f.lies()) != 10 {
		t.Errorf("%v, %v, %d lie there", got, err, len(f.lies()))
	}
	if got, err := f.put(s, folder, nil); err != nil || len(got) != 0 || len(f.lies()) != 10 {
		t.Errorf("%v, %v, %d lie there", got, err, len(f.lies()))
	}
	f.now = time.Now().Add(25 * time.Hour)
	if _, err := f.put(s, folder, nil); err != nil || len(f.lies()) != 4 {
		t.Errorf("%v, %d lie there after a day", err, len(f.lies()))
	}
}

// A stand-in that nobody needs does not stop its item from being moved there.
func TestMoveToAStandIn(t *testing.T) {
	t.Parallel()
	f := newFiller(t, neighbour.Radicale(t, "moves", map[string]string{"anna": "secret"}, ""), "anna", cutover.Calendar)
	f.fill = 5
	f.after = f.killed
	s, folder := f.store()
	if _, err := f.put(s, folder, usual(cutover.Calendar, 6)); err == nil {
		t.Fatal("not killed")
	}
	f.after = nil
	askAs(t, "anna", "MKCALENDAR", f.server.URL+"anna/second/", nil, "Content-Type", "")
	askAs(t, "anna", http.MethodPut, f.server.URL+"anna/second/x.ics", varied(3))
	s, _ = f.store()
	second := folder
	second.Name = f.server.URL + "anna/second/"
	places, err := s.Move(t.Context(), second, []cutover.Ref{"x.ics"}, folder)
	if raw := f.lies()["x.ics"]; err != nil || string(places["x.ics"].Ref) != "x.ics" || !strings.Contains(raw, "lines") {
		t.Errorf("%v, %v, %q", places, err, raw)
	}
}
