package forgetful

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is what the kernel knows of an object.
type node struct {
	fs.Inode
	disk   *Disk
	object *object
}

var (
	_ fs.NodeLookuper       = (*node)(nil)
	_ fs.NodeGetattrer      = (*node)(nil)
	_ fs.NodeSetattrer      = (*node)(nil)
	_ fs.NodeStatfser       = (*node)(nil)
	_ fs.NodeOpendirHandler = (*node)(nil)
	_ fs.NodeReaddirer      = (*node)(nil)
	_ fs.NodeMkdirer        = (*node)(nil)
	_ fs.NodeMknoder        = (*node)(nil)
	_ fs.NodeCreater        = (*node)(nil)
	_ fs.NodeUnlinker       = (*node)(nil)
	_ fs.NodeRmdirer        = (*node)(nil)
	_ fs.NodeRenamer        = (*node)(nil)
	_ fs.NodeOpener         = (*node)(nil)
	_ fs.NodeReader         = (*node)(nil)
	_ fs.NodeWriter         = (*node)(nil)
	_ fs.NodeFsyncer        = (*node)(nil)
	_ fs.FileFsyncdirer     = (*folder)(nil)
)

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	o := n.object.names[name]
	if o == nil {
		return nil, syscall.ENOENT
	}
	return n.inode(ctx, o, &out.Attr), 0
}

func (n *node) inode(ctx context.Context, o *object, attr *fuse.Attr) *fs.Inode {
	fill(attr, o)
	return n.NewInode(ctx, &node{disk: n.disk, object: o}, fs.StableAttr{Mode: o.mode & syscall.S_IFMT, Ino: o.ino})
}

func fill(attr *fuse.Attr, o *object) {
	attr.Ino, attr.Mode, attr.Nlink = o.ino, o.mode, 1
	attr.Size = uint64(len(o.octets))
	attr.Blocks = (attr.Size + 511) / 512
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	fill(&out.Attr, n.object)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if size, set := in.GetSize(); set {
		n.object.resize(int64(size))
	}
	if mode, set := in.GetMode(); set {
		n.object.mode = n.object.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
	}
	fill(&out.Attr, n.object)
	return 0
}

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = page, page, 255
	out.Blocks, out.Bfree, out.Bavail = 1<<24, 1<<24, 1<<24
	return 0
}

// folder is one that is open, to be synced; it is read by Readdir.
type folder struct{ node *node }

func (f *folder) Fsyncdir(context.Context, uint32) syscall.Errno {
	return f.node.disk.sync(f.node.object)
}

func (n *node) OpendirHandle(ctx context.Context, _ uint32) (fs.FileHandle, uint32, syscall.Errno) {
	stream, errno := n.Readdir(ctx)
	return &struct {
		folder
		entries
	}{folder{n}, entries{stream}}, 0, errno
}

// entries make a stream one that an open folder is read by.
type entries struct{ fs.DirStream }

func (e entries) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	if !e.HasNext() {
		return nil, 0
	}
	entry, errno := e.Next()
	return &entry, errno
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	var list []fuse.DirEntry
	for name, o := range n.object.names {
		list = append(list, fuse.DirEntry{Name: name, Ino: o.ino, Mode: o.mode})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) add(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if n.object.names[name] != nil {
		return nil, syscall.EEXIST
	}
	if n.disk.full() {
		return nil, syscall.ENOSPC
	}
	o := n.disk.make(mode)
	n.object.names[name] = o
	return n.inode(ctx, o, &out.Attr), 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, syscall.S_IFDIR|mode, out)
}

func (n *node) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, mode, out)
}

func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	made, errno := n.add(ctx, name, syscall.S_IFREG|mode, out)
	return made, nil, 0, errno
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	delete(n.object.names, name)
	return 0
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	n.disk.mu.Lock()
	empty := len(n.object.names[name].names) == 0
	n.disk.mu.Unlock()
	if !empty {
		return syscall.ENOTEMPTY
	}
	return n.Unlink(ctx, name)
}

func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	to.(*node).object.names[toName] = n.object.names[name]
	delete(n.object.names, name)
	return 0
}

func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) { return nil, 0, 0 }

func (n *node) Read(_ context.Context, _ fs.FileHandle, into []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if at >= int64(len(n.object.octets)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(into[:copy(into, n.object.octets[at:])]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if n.disk.full() {
		return 0, syscall.ENOSPC
	}
	n.object.write(data, at)
	return uint32(len(data)), 0
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.disk.sync(n.object)
}
