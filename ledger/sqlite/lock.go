package sqlite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockFile = "posthouse.lock"

// FolderLock is the right to change what lies in a state folder. The kernel takes it back when the process ends, however it ends.
type FolderLock struct {
	folder string
	file   *os.File
}

// LockedError says who holds the lock of a state folder.
type LockedError struct {
	Folder string
	Pid    int // 0 when the holder has not written it yet
}

// Error names folder and holder.
func (e *LockedError) Error() string {
	if e.Pid == 0 {
		return fmt.Sprintf("state folder %s is in use by another posthouse", e.Folder)
	}
	return fmt.Sprintf("state folder %s is in use by posthouse with pid %d", e.Folder, e.Pid)
}

// Lock takes the lock of a state folder, creating the folder where there is none. It does not wait: a *LockedError says who has it. The file stays
// after Close: removing it would let two processes hold locks on two files of one name.
func Lock(folder string) (*FolderLock, error) {
	if err := makeFolder(folder); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking state folder: %w", err)
	}
	return take(folder, f, writePid)
}

// lockThere is Lock for those who make nothing: where there is no lock file, nobody has the folder, and the lock is none. On a file system that cannot be written nobody
// learns whose it is.
func lockThere(folder string) (*FolderLock, error) {
	path, sign := filepath.Join(folder, lockFile), writePid
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, unix.EROFS) {
		f, err = os.Open(path)
		sign = func(*os.File) error { return nil }
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FolderLock{folder: folder}, nil
	case err != nil:
		return nil, fmt.Errorf("locking state folder: %w", err)
	}
	return take(folder, f, sign)
}

// take locks the open lock file, and signs it.
func take(folder string, f *os.File, sign func(*os.File) error) (*FolderLock, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		return nil, &LockedError{Folder: folder, Pid: readPid(f)}
	}
	if err == nil {
		err = sign(f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking state folder %s: %w", folder, err)
	}
	return &FolderLock{folder: folder, file: f}, nil
}

// Close gives the lock back. Further calls do nothing. It is not left to the closing of the file: a child that is being forked just now has that open too, until it becomes another program.
func (l *FolderLock) Close() error {
	if l.file == nil {
		return nil
	}
	err := errors.Join(unix.Flock(int(l.file.Fd()), unix.LOCK_UN), l.file.Close())
	l.file = nil
	if err != nil {
		return fmt.Errorf("unlocking state folder %s: %w", l.folder, err)
	}
	return nil
}

// writePid writes over what an earlier holder wrote, in the same length, so that it works on a full disk too. What stands there while nobody holds the
// lock is read by nobody.
func writePid(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%-10d\n", os.Getpid()), 0)
	if isFull(err) {
		return nil
	}
	return err
}

func readPid(f *os.File) int {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
