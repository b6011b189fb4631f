package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"posthouse/ledger"
)

// droppedFolder holds what persons dropped, within the state folder.
const droppedFolder = "dropped"

// keepCopy saves a message that is about to be dropped, byte for byte as it would have gone out, and returns its name. File and name are on stable storage when it returns.
func (d *Daemon) keepCopy(ctx context.Context, delivery ledger.Delivery) (string, error) {
	if err := d.reliedOn(ctx, delivery); err != nil {
		return "", err
	}
	c, err := d.ledger.Capture(ctx, delivery.Capture)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(d.cfg.State, droppedFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	name := filepath.Join(folder, fmt.Sprintf("%s.%d.eml", c.ID, delivery.ID))
	if err := d.saveMessage(c, name); err != nil {
		return "", err
	}
	return name, errors.Join(syncFolder(folder), syncFolder(d.cfg.State))
}

func (d *Daemon) saveMessage(c ledger.Capture, name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.records.Write(c, f); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes a new directory entry durable.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
