package filestore

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// readable is a file's text so that it can be taken apart: what is UTF-16, as programs on Windows export it, becomes UTF-8, and where no line ends with LF, as on old Macs, each CR is a line end. Everything else stays as it is.
func readable(raw []byte) []byte {
	raw = fromUTF16(raw)
	if bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\r\n"))
	}
	return raw
}

// fromUTF16 tells UTF-16 by its byte order mark, or by the B of BEGIN.
func fromUTF16(raw []byte) []byte {
	var order binary.ByteOrder
	switch {
	case len(raw) < 2 || len(raw)%2 != 0:
		return raw
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("B\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(raw, []byte("\xfe\xff")), bytes.HasPrefix(raw, []byte("\x00B")):
		order = binary.BigEndian
	default:
		return raw
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return bytes.TrimPrefix([]byte(string(utf16.Decode(units))), []byte("\ufeff"))
}
