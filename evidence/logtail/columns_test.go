package logtail

import (
	"reflect"
	"testing"
)

func TestSplitCSV(t *testing.T) {
	for line, want := range map[string][]string{
		``:                    {""},
		`a`:                   {"a"},
		`a,b,`:                {"a", "b", ""},
		`"a,b",c`:             {"a,b", "c"},
		`"say ""x"", y",z`:    {`say "x", y`, "z"},
		`"",`:                 {"", ""},
		`"two` + "\n" + `",x`: {"two\n", "x"},
		`a,"never closed,b`:   {"a", "never closed,b"},
		`"a"junk,b`:           {"a", "b"},
		`a"b,c`:               {`a"b`, "c"},
		`""""`:                {`"`},
	} {
		if got := splitCSV(line, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
