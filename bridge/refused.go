package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// save keeps an item that the cloud refuses as a file, byte for byte, and returns its name. The file is on stable storage when it returns.
func (w *worker) save(ctx context.Context, p *pair, row ledger.Item) (string, error) {
	content, err := w.reread(ctx, p, row)
	if err != nil {
		return "", err
	}
	defer content.Close()
	return w.saveContent(p, row, content)
}

// reread reads a refused item once more; the caller closes it.
func (w *worker) reread(ctx context.Context, p *pair, row ledger.Item) (content Content, err error) {
	err = w.legacy.Fetch(ctx, p.legacy, []cutover.Ref{row.Legacy.Ref}, func(f Fetched) error {
		content = f.Content
		return f.Err
	})
	if err == nil && content == nil {
		err = ErrGone
	}
	if err != nil {
		if content != nil {
			content.Close()
		}
		return nil, fmt.Errorf("reading the refused item %s: %w", row.Legacy.Ref, err)
	}
	return content, nil
}

func (w *worker) saveContent(p *pair, row ledger.Item, content Content) (string, error) {
	name := filepath.Join(w.b.cfg.Saved, savedName(w.m.ID, p.FolderPair, row.Legacy))
	if err := writeFile(name, content); err != nil {
		return "", fmt.Errorf("saving the refused item %s: %w", row.Legacy.Ref, err)
	}
	return name, nil
}

const refusedAs = "; saved as "

// isSaved reports whether the item was refused by the cloud, and is kept as a file.
func isSaved(row ledger.Item) bool {
	return row.Disposition == cutover.Refused && strings.Contains(row.Note, refusedAs)
}

// refused is the row of an item that the cloud does not take.
func refused(row ledger.Item, why error, saved string) ledger.Item {
	row.Disposition, row.Note = cutover.Refused, "the cloud says: "+why.Error()+refusedAs+saved
	return row
}

// extension tells programs what a saved item is.
func extension(kind cutover.FolderKind) string {
	switch kind {
	case cutover.Calendar:
		return ".ics"
	case cutover.Contacts:
		return ".vcf"
	}
	return ".eml"
}

// savedName is a file name that cannot leave its folder, whatever the server calls the item.
func savedName(m cutover.MailboxID, f ledger.FolderPair, place ledger.Place) string {
	sum := sha256.Sum256([]byte(string(m) + "\x00" + f.Legacy.Key() + "\x00" + place.Validity + "\x00" + string(place.Ref)))
	return hex.EncodeToString(sum[:12]) + extension(f.Kind)
}

func writeFile(name string, c Content) error {
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(folder)); err != nil {
		return err
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, r); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a new directory entry durable.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
