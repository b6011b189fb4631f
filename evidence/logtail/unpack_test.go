package logtail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// pack compresses a text into a file.
func pack(t testing.TB, path, text string) {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestUnpackedReadsAnywhere compares a compressed file with its content, at places in any order.
func TestUnpackedReadsAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 3*windowSize+17)
	for i := range content {
		content[i] = byte('a' + random.IntN(20))
	}
	path := filepath.Join(t.TempDir(), "x.gz")
	pack(t, path, string(content))
	file, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain := bytes.NewReader(content)
	for range 500 {
		offset, size := random.Int64N(int64(len(content))+10), random.IntN(windowSize)+1
		got, want := make([]byte, size), make([]byte, size)
		n, err := file.ReadAt(got, offset)
		m, wanted := plain.ReadAt(want, offset)
		if n != m || !bytes.Equal(got[:n], want[:m]) || errors.Is(err, io.EOF) != errors.Is(wanted, io.EOF) {
			t.Fatalf("at %d, %d octets: %d %v, want %d %v", offset, size, n, err, m, wanted)
		}
	}
}

// TestCompressedPredecessors reads what was rotated away and compressed before we came, oldest first and each once, and goes on in it after a restart.
func TestCompressedPredecessors(t *testing.T) {
	b := newBench(t)
	old := func(name, text string, days int) {
		path := b.path + name
		if filepath.Ext(name) == ".gz" {
			pack(t, path, text)
		} else {
			b.write(path, text)
		}
		at := noon.AddDate(0, 0, -days)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	day := 24 * 60.0
	old(".5.gz", login(-500*day, "zoe"), 500) // too old to be of use
	old(".4.gz", login(-4*day, "anna"), 4)
	old(".3.gz", login(-3*day, "bob"), 3)
	old(".2", login(-2*day, "carol"), 2)
	old(".2.gz", login(-2*day, "carol"), 2) // is being compressed
	old(".1", login(-1*day, "dora"), 1)
	b.write(b.path, login(0, "eve"))
	b.poll()
	b.want("anna bob carol dora eve", span(-4*day, 0))
	b.restart()
	b.rename(b.path, b.path+".0")
	if err := os.Remove(b.path + ".0"); err != nil {
		t.Fatal(err)
	}
	pack(t, b.path+".1.gz", login(0, "eve")+login(1, "fred")) // rotated and compressed while we were away
	b.at(1)
	b.touch(b.path + ".1.gz")
	if err := os.Remove(b.path + ".1"); err != nil {
		t.Fatal(err)
	}
	b.at(2)
	b.write(b.path, login(2, "gina"))
	b.poll()
	b.want("anna bob carol dora eve fred gina", span(-4*day, 2))
}

// TestRotationCompresses reads each line once while files are compressed behind us, also those that it stood in.
func TestRotationCompresses(t *testing.T) {
	for _, restart := range []bool{false, true} {
		b := newBench(t)
		b.write(b.path, login(0, "anna"))
		b.poll()
		b.at(1)
		b.write(b.path, login(1, "bob"))
		b.rename(b.path, b.path+".1")
		b.write(b.path, login(1, "carol"))
		b.poll()
		pack(t, b.path+".2.gz", login(0, "anna")+login(1, "bob"))
		b.touch(b.path + ".2.gz")
		if err := os.Remove(b.path + ".1"); err != nil {
			t.Fatal(err)
		}
		if restart {
			b.restart()
		}
		b.at(2)
		b.write(b.path, login(2, "dora"))
		b.poll()
		b.want("anna bob carol dora", span(0, 2))
	}
}

// TestDamagedPredecessor reads a compressed file as far as it goes; what it held behind that we did not see.
func TestDamagedPredecessor(t *testing.T) {
	b := newBench(t)
	var long string
	for i := range 2000 {
		long += login(float64(-2000+i), "anna")
	}
	pack(t, b.path+".2.gz", long)
	info, err := os.Stat(b.path + ".2.gz")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(b.path+".2.gz", info.Size()/2); err != nil {
		t.Fatal(err)
	}
	b.touch(b.path + ".2.gz")
	b.at(1)
	b.write(b.path, login(1, "bob"))
	b.poll()
	if n := len(b.memory.observations); n < 100 || n > 1900 {
		t.Errorf("%d logins", n)
	}
	for _, s := range b.memory.coverage {
		if s.From.Before(noon) && s.To.After(noon.Add(-5e9)) {
			t.Errorf("what could not be read is covered: %v", s)
		}
	}
}
