package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	databaseFile = "ledger.db"
	bodiesFolder = "bodies"
	orphanFolder = "orphans"
)

// makeFolder makes a folder that only we may enter, and closes one that others may. A new folder's entry is durable on return.
func makeFolder(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeSynced(folder)
	case err != nil:
		return fmt.Errorf("looking at folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	case info.Mode().Perm()&0o077 != 0:
		if err := os.Chmod(folder, 0o700); err != nil {
			return fmt.Errorf("closing folder to others: %w", err)
		}
	}
	return nil
}

// makeSynced makes a folder and those above it that are missing, each durable in the one above.
func makeSynced(folder string) error {
	above := filepath.Dir(folder)
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) {
		if err := makeSynced(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making folder: %w", err)
	}
	return syncFolder(above)
}

// syncFolder makes the entries of a folder durable: a file that was fsynced can still lose its name.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	return nil
}

// makePrivate makes an empty file with mode 0600, unless it is there. SQLite would take the umask's mode, and gives its side files the database's.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("making file: %w", err)
	}
	return f.Close()
}

// replaceFile puts content under a name durably, as a whole or not at all.
func replaceFile(path string, content []byte) error {
	temporary := path + ".new"
	if err := writeSynced(temporary, content); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
