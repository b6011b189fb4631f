package memstore

import (
	"bytes"
	"io"

	"posthouse/bridge"
)

type content []byte

// NewContent is a Content over octets in memory; closing it does nothing.
func NewContent(raw []byte) bridge.Content { return content(raw) }

func (c content) Size() int64                  { return int64(len(c)) }
func (c content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c)), nil }
func (c content) Close() error                 { return nil }
