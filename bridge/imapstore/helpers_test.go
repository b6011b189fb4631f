package imapstore_test

import (
	"strconv"
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
