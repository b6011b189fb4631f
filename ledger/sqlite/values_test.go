package sqlite

import (
	"reflect"
	"testing"
	"time"

	"posthouse/cutover"
)

func TestCompact(t *testing.T) {
	tests := map[string]any{
		"": "", "0": int64(0), "00": "00", "01": "01", "1": int64(1), "4294967295": int64(4294967295), "-1": "-1", "+1": "+1", " 1": " 1", "1 ": "1 ",
		"999999999999999999": int64(999999999999999999), "1000000000000000000": "1000000000000000000", "1.0": "1.0", "1e3": "1e3", "٣": "٣", "a": "a",
	}
	for text, want := range tests {
		got := compact(text)
		if got != want {
			t.Errorf("compact(%q) is %#v, want %#v", text, got, want)
		}
		var back refColumn
		if err := back.Scan(got); err != nil || string(back) != text {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
	}
}

func TestMicros(t *testing.T) {
	for _, at := range []time.Time{{}, noon, noon.Add(time.Microsecond), time.Date(1969, 1, 1, 0, 0, 0, 1000, time.UTC)} {
		if got := fromMicros(micros(at)); !got.Equal(at) || got.Location() != time.UTC {
			t.Errorf("%v comes back as %v", at, got)
		}
	}
	if got := fromMicros(micros(noon.Add(999 * time.Nanosecond))); !got.Equal(noon) {
		t.Errorf("nanoseconds come back: %v", got)
	}
}

func TestPathValue(t *testing.T) {
	for _, path := range []cutover.FolderPath{nil, {"INBOX"}, {"a", "b / c", `"d"`, "ä\x01", ""}} {
		var back pathColumn
		if err := back.Scan(pathValue(path)); err != nil || !reflect.DeepEqual(cutover.FolderPath(back), path) {
			t.Errorf("%q comes back as %q, %v", path, back, err)
		}
	}
}

func TestColumnsRefuseOtherTypes(t *testing.T) {
	columns := map[string]interface{ Scan(any) error }{
		"time": new(timeColumn), "key": new(keyColumn), "digest": new(digestColumn), "reference": new(refColumn), "path": new(pathColumn),
		"flags": new(flagsColumn), "address": new(addrColumn),
	}
	for name, c := range columns {
		if err := c.Scan(1.5); err == nil {
			t.Errorf("%s took a float", name)
		}
	}
	if err := new(keyColumn).Scan(make([]byte, 15)); err == nil {
		t.Error("a key of 15 octets was taken")
	}
	if err := new(pathColumn).Scan("no JSON"); err == nil {
		t.Error("a path that is no JSON was taken")
	}
	if err := new(addrColumn).Scan("no address"); err == nil {
		t.Error("an address that is none was taken")
	}
}

func TestInLists(t *testing.T) {
	for _, n := range []int{0, 1, shortList, shortList + 1, longList, longList + 1, 3*longList + 2} {
		values := make([]any, n)
		for i := range values {
			values[i] = i
		}
		var seen []any
		err := inLists([]any{"first"}, values, func(list string, args []any) error {
			if args[0] != "first" || (list != shortMarks || len(args) != 1+shortList) && (list != longMarks || len(args) != 1+longList) {
				t.Errorf("%d values: list %s with %d arguments", n, list, len(args))
			}
			for _, a := range args[1:] {
				if a != nil {
					seen = append(seen, a)
				}
			}
			return nil
		})
		if err != nil || len(seen) != n || n > 0 && !reflect.DeepEqual(seen, values) {
			t.Errorf("%d values: saw %v, %v", n, seen, err)
		}
	}
}
