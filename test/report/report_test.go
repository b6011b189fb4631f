package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name, in string
		well     bool
		want     string
	}{
		{"nothing", "", false, "FAIL nothing was tested\n"},
		{"words of the go command", "go: downloading example.com/x\n", false, "go: downloading example.com/x\nFAIL nothing was tested\n"},
		{"pass", `
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":1.234}
{"Action":"start","Package":"q"}
{"Action":"skip","Package":"q","Elapsed":0}`, true,
			"ok   p  1.23s\n-    q  has no tests\n0 packages failed\n1 passed, 0 failed, 0 skipped\n"},
		{"fail", `
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":0.5}`, false,
			"FAIL p TestA\n    a_test.go:3: wrong\nFAIL p  500ms\nFAIL\nFAILED p TestA\n    a_test.go:3: wrong\n1 packages failed\n0 passed, 1 failed, 0 skipped\n"},
		{"skip", `
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no neighbour dovecot here: install it\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":0}`, true,
			"ok   p  0s\nSKIPPED p TestA: no neighbour dovecot here: install it\n0 packages failed\n0 passed, 0 failed, 1 skipped\n"},
		{"build", `
{"ImportPath":"p","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0}`, false,
			"p.go:1: undefined: x\nFAIL p  0s\nFAIL\tp [build failed]\n1 packages failed\n0 passed, 0 failed, 0 skipped\n"},
		{"panic", `
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: b\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"fail","Package":"p","Elapsed":0}`, false,
			"FAIL p TestA did not end\n=== RUN   TestA\nFAIL p TestB did not end\npanic: b\nFAIL p  0s\n1 packages failed\n0 passed, 0 failed, 0 skipped\n"},
		{"cut off", `{"Action":"start","Package":"p"}`, false, "FAIL p  did not end\n1 packages failed\n0 passed, 0 failed, 0 skipped\n"},
	} {
		var out strings.Builder
		r := newReport(&out)
		if err := r.read(strings.NewReader(strings.TrimPrefix(c.in, "\n"))); err != nil {
			t.Fatal(err)
		}
		if well := r.finish(); well != c.well || out.String() != c.want {
			t.Errorf("%s: %v\n%s\nwant %v\n%s", c.name, well, out.String(), c.well, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for output, want := range map[string]string{
		"": "",
		"=== RUN   TestA\n    a_test.go:3: wrong\n--- FAIL: TestA (0.00s)\n":            "    a_test.go:3: wrong\n",
		"    a_test.go:3: wrong:\n        one\n    other\n        two\n":                "    a_test.go:3: wrong:\n        one\n",
		"    a_test.go:3: 1\n" + strings.Repeat("        log\n", 50):                    "    a_test.go:3: 1\n" + strings.Repeat("        log\n", longestMore),
		"    a_test.go:3: first\n" + strings.Repeat("    a_test.go:4: n\n", 40):         strings.Repeat("    a_test.go:4: n\n", longestWords),
		"    a_test.go:3: " + long + "\n        a_test.go:4: " + long[:20] + "\nPASS\n": "    a_test.go:3: " + long[:longestLine-17] + "\n        a_test.go:4: " + long[:20] + "\n",
	} {
		if got := words(output); got != want {
			t.Errorf("words(%q) = %q, want %q", output, got, want)
		}
	}
}

func TestReason(t *testing.T) {
	for output, want := range map[string]string{
		"":                           "no reason given",
		"=== RUN   TestA\n":          "no reason given",
		"    a_test.go:31: ":         "no reason given",
		"    a_test.go:31: not here": "not here",
		"    a_test.go:31: no neighbour: dovecot\n        second line\n": "no neighbour: dovecot second line",
		"plain words: kept\n": "plain words: kept",
	} {
		if got := reason(output); got != want {
			t.Errorf("reason(%q) = %q, want %q", output, got, want)
		}
	}
}
