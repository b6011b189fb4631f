package sqlite

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// micros is a time as it is stored: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func keyValue(k cutover.Key) any {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

func digestValue(d cutover.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// compact is a reference or validity as it is stored: an integer where that loses nothing, else the text.
func compact(s string) any {
	if len(s) == 0 || len(s) > 18 || (s[0] == '0' && len(s) > 1) {
		return s
	}
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return s
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// pathValue is a folder path as it is stored: a JSON list, which people and the sqlite3 tool can read.
func pathValue(p cutover.FolderPath) string {
	if len(p) == 0 {
		return "[]"
	}
	text, err := json.Marshal([]string(p))
	if err != nil {
		return "[]" // a list of strings always encodes
	}
	return string(text)
}

// The types below read columns straight into the rows' fields.
type (
	timeColumn   time.Time
	keyColumn    cutover.Key
	digestColumn cutover.Digest
	refColumn    string
	pathColumn   cutover.FolderPath
	flagsColumn  cutover.Flags
	addrColumn   netip.Addr
	newsColumn   struct{ into **evidence.Observation }
)

func (c *timeColumn) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return wrongType("time", v)
	}
	*c = timeColumn(fromMicros(n))
	return nil
}

func (c *keyColumn) Scan(v any) error { return scanOctets(c[:], "key", v) }

func (c *digestColumn) Scan(v any) error { return scanOctets(c[:], "digest", v) }

func (c *refColumn) Scan(v any) error {
	switch v := v.(type) {
	case int64:
		*c = refColumn(strconv.FormatInt(v, 10))
	case string:
		*c = refColumn(v)
	default:
		return wrongType("reference", v)
	}
	return nil
}

func (c *pathColumn) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return wrongType("folder path", v)
	}
	var path []string
	if err := json.Unmarshal([]byte(text), &path); err != nil {
		return fmt.Errorf("folder path %q: %w", text, err)
	}
	if len(path) > 0 {
		*c = path
	}
	return nil
}

func (c *flagsColumn) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return wrongType("flags", v)
	}
	*c = nil
	if text != "" {
		*c = flagsColumn(cutover.ParseFlags(text))
	}
	return nil
}

func (c *addrColumn) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return wrongType("address", v)
	}
	*c = addrColumn{}
	if text == "" {
		return nil
	}
	addr, err := netip.ParseAddr(text)
	*c = addrColumn(addr)
	return err
}

// newsValue is an observation that is not recorded yet as it is stored: a JSON object, empty for none.
func newsValue(o *evidence.Observation) string {
	if o == nil {
		return ""
	}
	text, err := json.Marshal(o)
	if err != nil {
		return "" // its fields always encode, in the years that there are
	}
	return string(text)
}

func (c newsColumn) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return wrongType("news", v)
	}
	if *c.into = nil; text == "" {
		return nil
	}
	*c.into = &evidence.Observation{}
	if err := json.Unmarshal([]byte(text), *c.into); err != nil {
		return fmt.Errorf("news %q: %w", text, err)
	}
	return nil
}

// scanOctets fills a fixed-size field; NULL leaves it zero.
func scanOctets(into []byte, what string, v any) error {
	clear(into)
	if v == nil {
		return nil
	}
	octets, ok := v.([]byte)
	if !ok || len(octets) != len(into) {
		return wrongType(what, v)
	}
	copy(into, octets)
	return nil
}

func wrongType(what string, v any) error { return fmt.Errorf("the %s column holds %T", what, v) }
