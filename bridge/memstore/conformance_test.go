package memstore_test

import (
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
)

// box adapts a Mailbox to the suite.
type box struct {
	server *memstore.Server
	*memstore.Mailbox
}

func (b box) Open(*testing.T) bridge.Store { return b.server.Open("anna") }
func (b box) Deliver(_ *testing.T, path cutover.FolderPath, m storetest.Message) {
	b.Mailbox.Deliver(path, memstore.Message{Raw: m.Raw, Flags: m.Flags, Date: m.Date})
}
func (b box) AddFolder(_ *testing.T, path cutover.FolderPath) {
	b.Mailbox.AddFolder(cutover.Folder{Path: path})
}
func (b box) SetFlags(_ *testing.T, path cutover.FolderPath, ref cutover.Ref, flags ...string) {
	b.Mailbox.SetFlags(path, ref, flags...)
}
func (b box) Remove(_ *testing.T, path cutover.FolderPath, ref cutover.Ref) {
	b.Mailbox.Remove(path, ref)
}
func (b box) Renew(_ *testing.T, path cutover.FolderPath) { b.Mailbox.Renew(path) }

func TestConformance(t *testing.T) {
	usual := storetest.Habits{Batch: 10, Separator: "/", Hints: true, Zones: true, Places: true, Keywords: true, Flags: true, Search: true}
	cases := []struct {
		name    string
		options memstore.Options
		change  func(*storetest.Habits)
	}{
		{"usual", memstore.Options{}, func(*storetest.Habits) {}},
		{"poor", memstore.Options{Separator: ".", NoPlaces: true, NoHints: true, NoKeywords: true, OutOfOrder: true}, func(h *storetest.Habits) {
			h.Separator, h.Places, h.Hints, h.Keywords = ".", false, false, false
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			habits := usual
			c.change(&habits)
			c.options.Batch = habits.Batch
			storetest.Run(t, habits, func(*testing.T) storetest.Mailbox {
				server := memstore.NewServer(c.options)
				return box{server, server.Mailbox("anna")}
			})
		})
	}
}
