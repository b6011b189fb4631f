package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"posthouse/test/neighbour"
)

// The disk is full from the first write of a message on, from its second, and so on: whatever was answered 250 arrives, once, and mail is taken again as soon as there is room.
func TestFullAtEveryWrite(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	disk := forgetfulDisk(t, filepath.Join(dir, "state"), false, nil)
	o := newOffice(t, dir, `disk_reserve = "0B"`, nil)
	o.daemon.start()
	accepted, refused := map[string]bool{}, 0
	send := func(name string, size int) bool {
		answer, err := o.try(name, size, staff[0])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if answer.Code/100 == 5 {
			t.Errorf("%s was refused for good: %s", name, answer)
		}
		accepted[name] = answer.Code == 250
		return answer.Code == 250
	}
	for _, size := range []int{0, 200 << 10} {
		for room := 0; room < 100; room += 1 + room/30 {
			disk.Fill(room)
			if !send(fmt.Sprintf("full-%d-%d", size, room), size) {
				refused++
			}
			disk.Fill(-1)
			neighbour.Wait(t, patience, "mail to be taken again", func() bool { return send(fmt.Sprintf("room-%d-%d", size, room), size) })
		}
	}
	if refused == 0 {
		t.Error("the disk was never full")
	}
	o.settled()
	found := o.received(staff[0])
	for name, was := range accepted {
		if n := found[name]; was && n != 1 || n > 1 {
			t.Errorf("%s, accepted %t, arrived %d times", name, was, n)
		}
	}
	o.daemon.stop()
	t.Logf("%d letters found no room", refused)
}
