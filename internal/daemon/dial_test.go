package daemon

import (
	"net"
	"strings"
	"testing"
)

// TestNobodyListens: the error names who was to be reached, and no address of our own.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, err = connect(t.Context(), "tcp", address)
	if err == nil || !strings.Contains(err.Error(), "dial tcp "+address+":") {
		t.Errorf("connecting where nobody listens: %v", err)
	}
}
