package control

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fill gives every field of a shape a value, so that none hides behind omitempty; n makes them differ.
func fill(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 18, 40, *n%60, 0, time.UTC)))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case v.Kind() == reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.CanFloat():
		v.SetFloat(float64(*n) + 0.5)
	default:
		panic("a shape with a " + v.Type().String())
	}
}

// The shapes are a promise to scripts: whoever changes one sees it here, and changes the schema's number if the change breaks readers.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		shape        any
	}{
		{"status", StatusSchema, &Status{}},
		{"senders", SendersSchema, &Senders{}},
		{"accepted", AcceptedSchema, &Accepted{}},
		{"verify", VerifySchema, &Verified{}},
		{"backfill", BackfillSchema, &Backfilled{}},
		{"plan", PlanSchema, &Planned{}},
		{"queued", QueuedSchema, &Queued{}},
		{"acted", ActedSchema, &Acted{}},
		{"trace", TraceSchema, &Trace{}},
		{"evidence", EvidenceSchema, &Evidence{}},
		{"missing", MissingSchema, &Missing{}},
		{"dns", DNSSchema, &Domain{}},
		{"error", ErrorSchema, &Error{}},
	} {
		v, n := reflect.ValueOf(c.shape).Elem(), 0
		fill(v, &n)
		v.FieldByName("Schema").SetString(c.schema)
		got, err := json.MarshalIndent(c.shape, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.name, append(got, '\n'))
		back := reflect.New(v.Type())
		if err := json.Unmarshal(got, back.Interface()); err != nil || !reflect.DeepEqual(back.Interface(), c.shape) {
			t.Errorf("%s does not survive its own JSON: %v\n%+v\n%+v", c.name, err, back.Interface(), c.shape)
		}
	}
}

// What is not known is left out or zero, and lists that scripts walk through are never null.
func TestEmptyStatus(t *testing.T) {
	got, err := json.MarshalIndent(NewStatus(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status-empty", append(got, '\n'))
	if bytes.Contains(got, []byte("null")) {
		t.Errorf("null in\n%s", got)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: the shape changed. It is now\n%s", path, got)
	}
}

// A mailbox needs attention once, be it for its mail, its calendars or both.
func TestCopyCountsCalendars(t *testing.T) {
	var c Copy
	c.Add(Mailbox{State: "following", Objects: &Objects{State: "problem", Error: "login refused"}})
	c.Add(Mailbox{State: "problem", Error: "login refused", Objects: &Objects{State: "problem", Error: "login refused"}})
	c.Add(Mailbox{State: "following", Objects: &Objects{State: "waiting", Wait: "slow down"}})
	c.Add(Mailbox{State: "following", Objects: &Objects{State: "following"}})
	if c.Problems != 2 || c.Waiting != 1 || c.Following != 3 {
		t.Errorf("%+v", c)
	}
}
