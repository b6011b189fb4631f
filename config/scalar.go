package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

func (d *decoder) scalar(f field, dst reflect.Value, v *value) {
	if dst.Type() == secretType {
		d.secret(f, dst, v)
		return
	}
	if want := wanted(dst.Type(), v.kind); want != "" {
		d.src.report(v.at, fmt.Sprintf("%s must be %s", f.name, want), "")
		return
	}
	text := v.text
	if v.kind == unstable.Integer || v.kind == unstable.Float {
		text = strings.ReplaceAll(text, "_", "")
	}
	if f.as != "" {
		checked, bad := d.check(f.as, text)
		if bad != nil && !bad.warning {
			d.src.report(v.at, f.name+": "+bad.text, bad.hint)
			return
		}
		if bad != nil {
			d.src.warn(v.at, f.name+": "+bad.text, bad.hint)
		}
		text = checked
	}
	if err := setText(dst, text); err != nil {
		d.src.report(v.at, fmt.Sprintf("%s: %s", f.name, err), "")
		return
	}
	d.inRange(f, dst, v.at)
}

// wanted describes the kind of value a type takes; nothing where it is of that kind.
func wanted(t reflect.Type, have unstable.Kind) string {
	need, words := unstable.String, "text in quotes"
	switch {
	case t == durationType:
		words = `a duration in quotes, like "90s", "6h" or "14d"`
	case t == sizeType:
		words = `a size in quotes, like "150MB" or "64KiB"`
	case t == timeType:
		need, words = unstable.DateTime, "a time with its zone and without quotes, like 2026-11-21T18:00:00+01:00"
	case t.Kind() == reflect.Bool:
		need, words = unstable.Bool, "true or false"
	case t.Kind() == reflect.Int:
		need, words = unstable.Integer, "a whole number"
	case t.Kind() == reflect.Float64 && have != unstable.Integer:
		need, words = unstable.Float, "a number"
	case t.Kind() == reflect.Float64:
		need = unstable.Integer
	}
	if have == need {
		return ""
	}
	return words
}

// setText sets a scalar from its text, as the tags and the file write it.
func setText(dst reflect.Value, text string) error {
	value, err := fromText(dst.Type(), text)
	if err == nil {
		dst.Set(reflect.ValueOf(value).Convert(dst.Type()))
	}
	return err
}

func fromText(t reflect.Type, text string) (any, error) {
	switch t {
	case durationType:
		return ParseDuration(text)
	case sizeType:
		return ParseSize(text)
	case timeType:
		return time.Parse(time.RFC3339, strings.Replace(strings.ToUpper(text), " ", "T", 1))
	case prefixType:
		return parseNetwork(text)
	case destinationType:
		return parseDestination(text)
	case bandwidthType:
		return ParseBandwidth(text)
	case secretType:
		return ParseSecret(text)
	}
	switch t.Kind() {
	case reflect.Bool:
		return strconv.ParseBool(text)
	case reflect.Int:
		return strconv.ParseInt(text, 0, 0)
	case reflect.Float64:
		return parseNumber(text)
	}
	return text, nil
}

func parseNumber(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return x, nil
}

func (d *decoder) inRange(f field, v reflect.Value, at span) {
	for _, limit := range []struct {
		text, words string
		sign        int
	}{{f.min, "at least", -1}, {f.max, "at most", 1}} {
		if limit.text == "" {
			continue
		}
		edge := defaultScalar(v.Type(), limit.text)
		if compareNumbers(v, edge) == limit.sign {
			d.src.report(at, fmt.Sprintf("%s must be %s %s", f.name, limit.words, limit.text), "")
		}
	}
}

func compareNumbers(a, b reflect.Value) int {
	switch {
	case a.CanInt() && a.Int() < b.Int(), a.CanFloat() && a.Float() < b.Float():
		return -1
	case a.CanInt() && a.Int() > b.Int(), a.CanFloat() && a.Float() > b.Float():
		return 1
	}
	return 0
}

func (d *decoder) secret(f field, dst reflect.Value, v *value) {
	d.src.hide(v.at)
	if v.kind != unstable.String {
		d.src.report(v.at, f.name+" must be text in quotes", secretHint(f.name))
		return
	}
	s, err := ParseSecret(v.text)
	if err != nil {
		d.src.report(v.at, f.name+": "+err.Error(), secretHint(f.name))
		return
	}
	s = s.within(d.dir)
	if bad := checkSecret(s); bad != nil && bad.warning {
		d.src.warn(v.at, f.name+": "+bad.text, bad.hint)
	} else if bad != nil {
		d.src.report(v.at, f.name+": "+bad.text, bad.hint)
	}
	dst.Set(reflect.ValueOf(s))
}

func secretHint(key string) string {
	return fmt.Sprintf(`put it into a file and write %s = "file:/etc/posthouse/%s", or "credential:NAME" or "env:NAME"`, key, key)
}
