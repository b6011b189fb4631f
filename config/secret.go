package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Secret is a password, or where one is found: file:PATH, env:NAME or credential:NAME (a file of that
// name in $CREDENTIALS_DIRECTORY, systemd's LoadCredential=). It is read each time it is revealed, so a
// changed file is a changed secret. No way of printing or encoding a Secret shows what it hides. The zero
// value is no secret.
type Secret struct {
	ref string
	// A pointer, because fmt prints the fields of a struct that it finds in somebody's unexported field
	// without asking its methods.
	literal *string
}

// Errors of Reveal, for what a caller decides on.
var (
	ErrWorldReadable = errors.New("readable by everybody")
	ErrNoSecret      = errors.New("no secret given")
)

// largest file taken for a secret: keys and tokens have a few KB.
const maxSecret = 64 << 10

// ParseSecret takes a reference. Anything else is refused, as it may be the secret itself; the error does
// not repeat it.
func ParseSecret(ref string) (Secret, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	switch {
	case !ok || scheme != "file" && scheme != "env" && scheme != "credential":
		return Secret{}, errors.New("a secret must not stand in the file itself")
	case rest == "":
		return Secret{}, fmt.Errorf("after %q nothing is named", scheme+":")
	case scheme == "credential" && (rest != filepath.Base(rest) || rest == ".."):
		return Secret{}, errors.New("a credential is named without its folder")
	}
	return Secret{ref: ref}, nil
}

// LiteralSecret wraps a secret that is already at hand, so that it is not printed by accident.
func LiteralSecret(s string) Secret { return Secret{literal: &s} }

// within makes a relative file: reference start at dir.
func (s Secret) within(dir string) Secret {
	if path, ok := strings.CutPrefix(s.ref, "file:"); ok && !filepath.IsAbs(path) {
		s.ref = "file:" + filepath.Join(dir, path)
	}
	return s
}

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return s.ref == "" && s.literal == nil }

// Equal says that both are found at the same place, or are the same literal.
func (s Secret) Equal(t Secret) bool {
	if s.literal != nil && t.literal != nil {
		return *s.literal == *t.literal
	}
	return s.ref == t.ref && (s.literal == nil) == (t.literal == nil)
}

// String is the reference, which is no secret.
func (s Secret) String() string {
	if s.literal != nil {
		return "(hidden)"
	}
	return s.ref
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format prints String whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is String.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
