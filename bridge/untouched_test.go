package bridge_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// What the user changed in the cloud stays as the user left it.

var archive = cutover.FolderPath{"Archive"}

// copied is a world whose legacy INBOX holds the messages of these ids, all copied.
func copied(t *testing.T, options memstore.Options, ids ...string) *world {
	t.Helper()
	w := newWorld(t, options, memstore.Options{})
	date := time.Now().Truncate(time.Second)
	for _, id := range ids {
		w.old().Deliver(inbox, memstore.Message{Raw: mail(id, "hello"), Date: date})
	}
	w.run(10 * time.Second)
	w.wantEqual(inbox)
	return w
}

// held returns the message of an id in a folder, or fails.
func held(t *testing.T, b *memstore.Mailbox, path cutover.FolderPath, id string) memstore.Message {
	t.Helper()
	all := b.Messages(path)
	i := slices.IndexFunc(all, func(m memstore.Message) bool { return cutover.IdentityOf(m.Raw).MessageID == "<"+id+">" })
	if i < 0 {
		t.Fatalf("%s holds no message %s", path, id)
	}
	return all[i]
}

// flag changes the flags of a message on one side.
func flag(t *testing.T, b *memstore.Mailbox, id string, flags ...string) {
	t.Helper()
	b.SetFlags(inbox, held(t, b, inbox, id).Ref, flags...)
}

func wantFlags(t *testing.T, b *memstore.Mailbox, path cutover.FolderPath, id string, flags ...string) {
	t.Helper()
	if got := held(t, b, path, id).Flags; !got.Equal(cutover.NewFlags(flags...)) {
		t.Errorf("%s in %s has the flags %q in the cloud, want %q", id, path, got, flags)
	}
}

// unrest is everything that makes the bridge look at known items anew: each step may put nothing and touch nothing that is the user's.
var unrest = []struct {
	name  string
	upset func(t *testing.T, w *world)
}{
	{"another look", func(*testing.T, *world) {}},
	{"flags set", func(t *testing.T, w *world) { flag(t, w.old(), "touched", `\Seen`, `\Answered`) }},
	{"mark as deleted", func(t *testing.T, w *world) { flag(t, w.old(), "touched", `\Deleted`) }},
	{"mark taken away", func(t *testing.T, w *world) { flag(t, w.old(), "touched", `\Flagged`) }},
	{"news", func(t *testing.T, w *world) {
		w.old().Deliver(inbox, memstore.Message{Raw: mail("news", "hello"), Date: time.Now().Truncate(time.Second)})
	}},
	{"new references", func(t *testing.T, w *world) { w.old().Renew(inbox) }},
	{"flags after that", func(t *testing.T, w *world) { flag(t, w.old(), "touched", `\Seen`) }},
	{"removal", func(t *testing.T, w *world) { w.old().Remove(inbox, held(t, w.old(), inbox, "touched").Ref) }},
}

// everyUnrest runs each unrest in a running bridge and then across a restart, and calls check after each, while the bridge runs.
func everyUnrest(t *testing.T, w *world, check func(t *testing.T)) {
	t.Helper()
	for _, u := range unrest {
		t.Log(u.name)
		w.start()
		time.Sleep(2 * time.Minute)
		u.upset(t, w)
		time.Sleep(10 * time.Minute)
		check(t)
		w.stop()
		w.start()
		time.Sleep(10 * time.Minute)
		check(t)
		w.stop()
	}
}

func TestFlagsOfTheUserStay(t *testing.T) {
	for name, flags := range map[string][]string{
		"set":               {`\Seen`, "$Important"},
		"marked as deleted": {`\Deleted`},
		"a keyword":         {"later"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := copied(t, memstore.Options{}, "touched", "other")
				flag(t, w.new(), "touched", flags...)
				everyUnrest(t, w, func(t *testing.T) { wantFlags(t, w.new(), inbox, "touched", flags...) })
				wantFlags(t, w.new(), inbox, "other")
			})
		})
	}
}

// A flag that the user takes away does not come back with the next change on the old side, which other messages still follow.
func TestAFlagTakenAwayStaysAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched", "other")
		for _, id := range []string{"touched", "other"} {
			flag(t, w.old(), id, `\Seen`, `\Flagged`)
		}
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "touched", `\Seen`, `\Flagged`)
		flag(t, w.new(), "touched", `\Seen`)
		for _, id := range []string{"touched", "other"} {
			flag(t, w.old(), id, `\Seen`, `\Flagged`, `\Answered`)
		}
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "touched", `\Seen`)
		wantFlags(t, w.new(), inbox, "other", `\Seen`, `\Flagged`, `\Answered`)
	})
}

// The cloud held the message before the bridge came, and its owner had read it there.
func TestFlagsOfAnAdoptedMessageStay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("touched", "hello"), Date: date})
		w.new().Deliver(inbox, memstore.Message{Raw: mail("touched", "hello"), Date: date, Flags: cutover.NewFlags(`\Seen`, "later")})
		w.run(10 * time.Second)
		everyUnrest(t, w, func(t *testing.T) { wantFlags(t, w.new(), inbox, "touched", `\Seen`, "later") })
	})
}

// An adopted copy with the flags of its original has been changed by nobody.
func TestFlagsOfAnAdoptedMessageFollow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		m := memstore.Message{Raw: mail("touched", "hello"), Date: time.Now().Truncate(time.Second), Flags: cutover.NewFlags(`\Seen`)}
		w.old().Deliver(inbox, m)
		w.new().Deliver(inbox, m)
		w.run(10 * time.Second)
		flag(t, w.old(), "touched", `\Seen`, `\Answered`)
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "touched", `\Seen`, `\Answered`)
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d messages in the cloud, want the adopted one", n)
		}
	})
}

func TestADeletedMessageIsNotPutAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched", "other")
		w.new().Remove(inbox, held(t, w.new(), inbox, "touched").Ref)
		everyUnrest(t, w, func(t *testing.T) {
			for _, m := range w.new().Messages(inbox) {
				if slices.Equal(m.Raw, mail("touched", "hello")) {
					t.Fatal("it is back in the cloud")
				}
			}
		})
		held(t, w.new(), inbox, "other")
		held(t, w.new(), inbox, "news")
	})
}

func TestAMovedMessageStaysWhereItIs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched", "other")
		w.new().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail, Role: cutover.Archive})
		w.new().Move(inbox, held(t, w.new(), inbox, "touched").Ref, archive)
		everyUnrest(t, w, func(t *testing.T) {
			wantFlags(t, w.new(), archive, "touched")
			if n := len(w.new().Messages(archive)); n != 1 {
				t.Fatalf("%d messages where it was moved to", n)
			}
			for _, m := range w.new().Messages(inbox) {
				if slices.Equal(m.Raw, mail("touched", "hello")) {
					t.Fatal("it is back where it was")
				}
			}
			wantMoved(t, w)
		})
	})
}

// wantMoved verifies the mailbox: everything on the old side is in the cloud, and what lies elsewhere there is equal all the same.
func wantMoved(t *testing.T, w *world) {
	t.Helper()
	r, err := w.bridge.Verify(t.Context(), anna.ID)
	if err != nil {
		t.Fatal(err)
	}
	items := w.old().Messages(inbox)
	moved := 0
	if slices.ContainsFunc(items, func(m memstore.Message) bool { return slices.Equal(m.Raw, mail("touched", "hello")) }) {
		moved = 1
	}
	if r.Equal != len(items) || r.Moved != moved || len(r.Missing)+len(r.Extra) != 0 {
		t.Errorf("report %+v, want %d equal, %d of them moved", r, len(items), moved)
	}
}

// What the user deleted is named by verify, and so is why it is not there.
func TestVerifyNamesWhatTheUserDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched", "other")
		w.new().Remove(inbox, held(t, w.new(), inbox, "touched").Ref)
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Minute)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := bridge.Finding{Folder: "INBOX", Ref: held(t, w.old(), inbox, "touched").Ref, MessageID: "<touched>", Why: "was copied, seen in the cloud, and removed there since"}
		if r.Equal != 1 || r.Moved != 0 || len(r.Extra)+len(r.Missing) != 0 || !slices.Equal(r.Removed, []bridge.Finding{want}) {
			t.Errorf("report %+v, want %+v", r, want)
		}
	})
}

// asking is a message whose sender wants to hear when it is read.
func asking(id string) []byte {
	return bytes.Replace(mail(id, "hello"), []byte("\r\n\r\n"), []byte("\r\nDisposition-Notification-To: boss@other.example\r\n\r\n"), 1)
}

// Who asks for a receipt gets none because of us: the mark as seen does not follow later, whichever way the copy came. With the first copy it does, as no server takes that for reading.
func TestSeenDoesNotFollowToWhatAsksForAReceipt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: asking("read"), Date: date, Flags: cutover.NewFlags(`\Seen`)})
		for _, id := range []string{"unread", "adopted", "moved"} {
			w.old().Deliver(inbox, memstore.Message{Raw: asking(id), Date: date})
		}
		w.new().Deliver(inbox, memstore.Message{Raw: asking("adopted"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("plain", "hello"), Date: date})
		w.start()
		time.Sleep(10 * time.Second)
		w.old().Move(inbox, held(t, w.old(), inbox, "moved").Ref, archive)
		time.Sleep(10 * time.Minute)
		for id, path := range map[string]cutover.FolderPath{"unread": inbox, "adopted": inbox, "moved": archive, "plain": inbox} {
			w.old().SetFlags(path, held(t, w.old(), path, id).Ref, `\Seen`, `\Flagged`)
		}
		time.Sleep(10 * time.Minute)
		w.stop()
		wantFlags(t, w.new(), inbox, "read", `\Seen`)
		wantFlags(t, w.new(), inbox, "unread", `\Flagged`)
		wantFlags(t, w.new(), inbox, "adopted", `\Flagged`)
		wantFlags(t, w.new(), archive, "moved", `\Flagged`)
		wantFlags(t, w.new(), inbox, "plain", `\Flagged`, `\Seen`)
	})
}

// lossy loses the reply once flags are set.
type lossy struct {
	bridge.Store
	lost *bool
}

func (s lossy) SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error) {
	set, err := s.Store.SetFlags(ctx, f, flags)
	if *s.lost {
		return set, err
	}
	*s.lost = true
	return nil, bridge.ErrConnection
}

// Flags that were written, and of which that is not known, are ours: the next change follows.
func TestFlagsFollowAfterALostReply(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched")
		lost := false
		w.glass = func(s bridge.Store) bridge.Store { return lossy{s, &lost} }
		flag(t, w.old(), "touched", `\Seen`)
		w.run(time.Second)
		wantFlags(t, w.new(), inbox, "touched", `\Seen`)
		if !lost {
			t.Fatal("no reply was lost")
		}
		flag(t, w.old(), "touched", `\Seen`, `\Answered`)
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "touched", `\Seen`, `\Answered`)
		flag(t, w.old(), "touched")
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "touched")
	})
}

// Where the cloud keeps no keywords the copy lacks them, which is no change of the user's: other flags follow.
func TestFlagsFollowWhereKeywordsAreNotKept(t *testing.T) {
	for name, there := range map[string]bool{"put": false, "adopted": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{NoKeywords: true})
				m := memstore.Message{Raw: mail("tagged", "hello"), Date: time.Now().Truncate(time.Second), Flags: cutover.NewFlags("$Work", `\Flagged`)}
				w.old().Deliver(inbox, m)
				if there {
					w.new().Deliver(inbox, m)
				}
				w.run(10 * time.Second)
				wantFlags(t, w.new(), inbox, "tagged", `\Flagged`)
				for _, flags := range [][]string{{"$Work", `\Seen`}, {"$Work", "later", `\Seen`, `\Answered`}, {"$Work"}} {
					flag(t, w.old(), "tagged", flags...)
					w.run(10 * time.Minute)
					wantFlags(t, w.new(), inbox, "tagged", undeleted(slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f[0] != '\\' }))...)
				}
				w.start()
				defer w.stop()
				time.Sleep(time.Minute)
				want := []bridge.LeftOut{{Folder: "INBOX", Keyword: "$work", Items: 1}}
				if r, err := w.bridge.Verify(t.Context(), anna.ID); err != nil || r.Equal != 1 || !slices.Equal(r.LeftOut, want) {
					t.Errorf("verify: %+v, %v, want %+v", r, err, want)
				}
				want = append(want, bridge.LeftOut{Folder: "INBOX", Keyword: "later", Items: 1})
				if got := w.bridge.Progress()[0].LeftOut; !slices.Equal(got, want) {
					t.Errorf("progress: %+v, want %+v", got, want)
				}
			})
		})
	}
}

// It does not either when the message is filed on the old side meanwhile.
func TestSeenDoesNotFollowToWhatAsksForAReceiptAndWasMoved(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := moving(t, memstore.Options{})
		asking := bytes.Replace(mail("asking", "hello"), []byte("\r\n\r\n"), []byte("\r\nDisposition-Notification-To: boss@other.example\r\n\r\n"), 1)
		ref := w.old().Deliver(inbox, memstore.Message{Raw: asking, Date: time.Now().Truncate(time.Second)})
		time.Sleep(10 * time.Minute)
		moved := w.old().Move(inbox, ref, projects)
		time.Sleep(10 * time.Minute)
		w.old().SetFlags(projects, moved, `\Seen`, `\Flagged`)
		time.Sleep(10 * time.Minute)
		w.stop()
		wantFlags(t, w.new(), projects, "asking", `\Flagged`)
	})
}
