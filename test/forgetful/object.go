package forgetful

import (
	"maps"
	"math/rand/v2"
	"syscall"
)

const page = 4096

// object is a file, a folder or a socket.
type object struct {
	ino  uint64
	mode uint32

	octets []byte         // of a file, as written
	synced []byte         // as they are certain to be
	dirty  map[int64]bool // pages that differ

	names       map[string]*object // in a folder
	syncedNames map[string]*object
}

func (o *object) folder() bool { return o.mode&syscall.S_IFMT == syscall.S_IFDIR }

func (o *object) write(data []byte, at int64) {
	o.resize(max(int64(len(o.octets)), at+int64(len(data))))
	copy(o.octets[at:], data)
	for p := at / page; p*page < at+int64(len(data)); p++ {
		o.dirty[p] = true
	}
}

func (o *object) resize(size int64) {
	was := int64(len(o.octets))
	if size > was {
		o.octets = append(o.octets, make([]byte, size-was)...)
	} else {
		o.octets = o.octets[:size:size]
	}
	for p := min(was, size) / page; p*page < max(was, size); p++ {
		o.dirty[p] = true
	}
}

func (o *object) sync() {
	if o.folder() {
		o.syncedNames = maps.Clone(o.names)
		return
	}
	o.synced = mixed(o.synced, o.octets, o.dirty)
	clear(o.dirty)
}

// mixed is old with some pages of the new octets, and their length.
func mixed(old, octets []byte, pages map[int64]bool) []byte {
	if len(old) > len(octets) {
		old = old[:len(octets):len(octets)]
	}
	old = append(old, make([]byte, len(octets)-len(old))...)
	for p := range pages {
		if from := p * page; from < int64(len(octets)) {
			copy(old[from:min(from+page, int64(len(old)))], octets[from:])
		}
	}
	return old
}

// afterwards is what is left of the object when the power comes back. known holds what was left of others: a file may have two names.
func (o *object) afterwards(luck *rand.Rand, newNames bool, known map[*object]*object) *object {
	if left := known[o]; left != nil {
		return left
	}
	left := &object{ino: o.ino, mode: o.mode, dirty: map[int64]bool{}}
	known[o] = left
	if !o.folder() {
		lucky := map[int64]bool{}
		for p := range o.dirty {
			if good(luck) {
				lucky[p] = true
			}
		}
		left.octets = append([]byte(nil), o.synced...)
		if len(lucky) > 0 {
			left.octets = mixed(left.octets, o.octets, lucky)
		}
		left.synced = append([]byte(nil), left.octets...)
		return left
	}
	names := o.syncedNames
	if newNames {
		names = o.names
	}
	left.names = map[string]*object{}
	for name, o := range names {
		left.names[name] = o.afterwards(luck, newNames, known)
	}
	left.syncedNames = maps.Clone(left.names)
	return left
}

// good is one toss of the coin; without luck it never is.
func good(luck *rand.Rand) bool { return luck != nil && luck.IntN(2) == 0 }
