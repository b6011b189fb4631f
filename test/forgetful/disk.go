package forgetful

import (
	"math/rand/v2"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is one file system. Its methods may be called from any goroutine, Crash and Unmount when no program uses it any more.
type Disk struct {
	path string
	lies bool
	luck *rand.Rand

	mu     sync.Mutex
	root   *object
	last   uint64 // inode number
	syncs  int
	room   int // changes that still find room; negative: all do
	server *fuse.Server
}

// Mount mounts an empty file system at path, an empty folder. lies: it only says that it syncs. Without luck (nil) nothing but what is certain survives. The error is the kernel's.
func Mount(path string, lies bool, luck *rand.Rand) (*Disk, error) {
	d := &Disk{path: path, lies: lies, luck: luck, room: -1}
	d.root = d.make(syscall.S_IFDIR | 0o700)
	return d, d.mount()
}

func (d *Disk) mount() (err error) {
	options := &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "forgetful", Name: "forgetful", DirectMountFlags: syscall.MS_NOSUID | syscall.MS_NODEV}}
	d.server, err = fs.Mount(d.path, &node{disk: d, object: d.root}, options)
	return err
}

// Crash takes the power away and gives it back. No program may have a file open.
func (d *Disk) Crash() error {
	if err := d.Unmount(); err != nil {
		return err
	}
	d.mu.Lock()
	d.root = d.root.afterwards(d.luck, good(d.luck), map[*object]*object{})
	d.mu.Unlock()
	return d.mount()
}

// Unmount ends it; all is forgotten with the Disk.
func (d *Disk) Unmount() error { return d.server.Unmount() }

// Syncs is how often a program had something synced.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Fill leaves room for so many more writes and new names, and says that the disk is full to those behind them, until it is called with a negative number.
func (d *Disk) Fill(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

// full takes room for one change. The lock is held.
func (d *Disk) full() bool {
	if d.room > 0 {
		d.room--
		return false
	}
	return d.room == 0
}

func (d *Disk) make(mode uint32) *object {
	d.last++
	o := &object{ino: d.last, mode: mode, dirty: map[int64]bool{}}
	if o.folder() {
		o.names, o.syncedNames = map[string]*object{}, map[string]*object{}
	}
	return o
}

func (d *Disk) sync(o *object) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if !d.lies {
		o.sync()
	}
	return 0
}
