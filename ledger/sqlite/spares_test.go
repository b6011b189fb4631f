package sqlite

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Bodies that lie in files made ahead come back; what was made ahead and not used goes, at the end and after a crash.
func TestSpareFiles(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	const messages = 3 * spareFiles
	for i := range messages {
		if err := keepBody(t.Context(), l, fmt.Sprint("a", i), bytes.Repeat([]byte{byte(i)}, maxBlob+1+i), ledger.Due); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"CRASHED.eml", "TOO.eml"} {
		if err := os.WriteFile(filepath.Join(folder, bodiesFolder, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l = openIn(t, folder, Options{})
	files, err := os.ReadDir(filepath.Join(folder, bodiesFolder))
	if err != nil || len(files) != messages {
		t.Errorf("%d files, %v; want %d", len(files), err, messages)
	}
	for i := range messages {
		r, err := l.OpenBody(t.Context(), cutover.CaptureID(fmt.Sprint("a", i)))
		if err != nil {
			t.Fatal(err)
		}
		octets, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(octets, bytes.Repeat([]byte{byte(i)}, maxBlob+1+i)) {
			t.Errorf("body %d came back as %d octets, %v", i, len(octets), err)
		}
	}
}
