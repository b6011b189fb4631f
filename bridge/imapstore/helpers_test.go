package imapstore_test

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"posthouse/cutover"
)

func number(t *testing.T, ref cutover.Ref) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(string(ref), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// octets is a content in memory.
type octets string

func (o octets) Size() int64                  { return int64(len(o)) }
func (o octets) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(o))), nil }
func (o octets) Close() error                 { return nil }
