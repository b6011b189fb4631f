package arc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// State is a chain validation status (RFC 8617 §4.4).
type State string

const (
	None State = "none"
	Pass State = "pass"
	Fail State = "fail"
)

// Chain is what became of a message's chain.
type Chain struct {
	State  State
	Sets   int    // the highest instance
	Reason string // why it fails, for people
	ended  bool   // the newest seal says fail itself
}

// maxSets: RFC 8617 §4.2.1.
const maxSets = 50

// The fields of a set, in the order in which they are sealed.
const (
	resultsName   = "arc-authentication-results"
	signatureName = "arc-message-signature"
	sealName      = "arc-seal"
)

// set is one instance.
type set struct{ results, signature, seal field }

// fields are those of a set, in the order in which they are sealed.
func (s set) fields() []field { return []field{s.results, s.signature, s.seal} }

// place is where the field of that name belongs.
func (s *set) place(name string) *field {
	switch name {
	case resultsName:
		return &s.results
	case signatureName:
		return &s.signature
	}
	return &s.seal
}

// collect puts the sets in order. top is the highest instance seen, whatever else is wrong.
func collect(fields []field) (sets []set, top int, err error) {
	found := map[int]*set{}
	for _, f := range fields {
		if f.name != resultsName && f.name != signatureName && f.name != sealName {
			continue
		}
		n, ok := instanceOf(f)
		if !ok {
			err = fmt.Errorf("an %s without a valid instance", f.name)
			top = max(top, 1)
			continue
		}
		top = max(top, n)
		if found[n] == nil {
			found[n] = &set{}
		}
		if at := found[n].place(f.name); at.raw != nil {
			err = fmt.Errorf("two fields %s i=%d", f.name, n)
		} else {
			*at = f
		}
	}
	for n := 1; n <= top; n++ {
		s := found[n]
		if s == nil || s.results.raw == nil || s.signature.raw == nil || s.seal.raw == nil {
			return nil, top, errors.Join(err, fmt.Errorf("set %d is not complete", n))
		}
		sets = append(sets, *s)
	}
	return sets, top, err
}

// ended reports whether the newest seal says fail, whatever else is wrong with the chain.
func ended(fields []field, top int) bool {
	return slices.ContainsFunc(fields, func(f field) bool {
		if f.name != sealName {
			return false
		}
		t, err := parseTags(string(f.value()))
		n, ok := t.instance()
		return err == nil && ok && n == top && statusOf(t) == Fail
	})
}

func statusOf(t tags) State { return State(strings.ToLower(t["cv"])) }

// instanceOf reads the tag i; in the results it stands first and is followed by what is no tag list.
func instanceOf(f field) (int, bool) {
	if f.name != resultsName {
		t, err := parseTags(string(f.value()))
		if err != nil {
			return 0, false
		}
		return t.instance()
	}
	first, _, _ := bytes.Cut(f.value(), []byte(";"))
	name, value, _ := strings.Cut(string(first), "=")
	n, ok := instance(strings.TrimSpace(value))
	return n, ok && strings.TrimSpace(name) == "i"
}

// validation is a chain between its header, when it is known what to hash of the body, and its body.
type validation struct {
	fields []field
	sets   []set
	chain  Chain
	newest tags  // of the newest message signature
	body   *body // nil: nothing is to be hashed
}

// begin looks at all that can be said without keys and body (RFC 8617 §5.2, steps 1 to 3).
func begin(fields []field) *validation {
	v := &validation{fields: fields}
	sets, top, err := collect(fields)
	v.sets, v.chain = sets, Chain{State: None, Sets: top, ended: ended(fields, top)}
	if top == 0 {
		return v
	}
	if err == nil {
		err = v.structure()
	}
	if err == nil {
		err = v.prepare()
	}
	if err != nil {
		return v.fail(err)
	}
	v.chain.State = Pass
	return v
}

func (v *validation) fail(err error) *validation {
	v.chain.State, v.chain.Reason = Fail, err.Error()
	return v
}

// structure: the first seal says none, all others pass.
func (v *validation) structure() error {
	for i, s := range v.sets {
		t, err := parseTags(string(s.seal.value()))
		if err != nil {
			return fmt.Errorf("seal %d: %w", i+1, err)
		}
		want := Pass
		if i == 0 {
			want = None
		}
		if _, given := t["h"]; given {
			return fmt.Errorf("seal %d: h= must not be there", i+1)
		}
		if statusOf(t) != want {
			return fmt.Errorf("seal %d says cv=%s", i+1, t["cv"])
		}
	}
	return nil
}

// prepare reads the newest message signature.
func (v *validation) prepare() error {
	var err error
	if v.newest, err = parseTags(string(v.last().signature.value())); err != nil {
		return err
	}
	if slices.Contains(v.newest.list("h"), sealName) {
		return errors.New("the message signature is over a seal")
	}
	_, relaxed, err := v.newest.relaxations()
	if err != nil {
		return err
	}
	limit, err := v.newest.limit()
	v.body = newBody(relaxed, limit)
	return err
}

func (v *validation) last() set { return v.sets[len(v.sets)-1] }

// end verifies signatures (§5.2, steps 4 and 6), once the body has passed by. The error matches ErrTemporary.
func (v *validation) end(ctx context.Context, lookup Lookup) (Chain, error) {
	if v.chain.State != Pass {
		return v.chain, nil
	}
	err := v.message(ctx, lookup)
	for i := len(v.sets); i > 0 && err == nil; i-- {
		err = v.seal(ctx, lookup, i)
	}
	if errors.Is(err, ErrTemporary) {
		return v.chain, err
	}
	if err != nil {
		v.fail(err)
	}
	return v.chain, nil
}

// message verifies the newest message signature.
func (v *validation) message(ctx context.Context, lookup Lookup) error {
	want, err := v.newest.octets("bh")
	if err != nil {
		return fmt.Errorf("message signature %d: %w", len(v.sets), err)
	}
	if !bytes.Equal(v.body.sum(), want) {
		return fmt.Errorf("message signature %d: the body was changed", len(v.sets))
	}
	relaxed, _, _ := v.newest.relaxations() // begin has looked at it
	data := signedHeader(v.fields, v.newest.list("h"), relaxed)
	data = append(data, v.last().signature.unsigned(relaxed)...)
	if err := verify(ctx, lookup, v.newest, data); err != nil {
		return fmt.Errorf("message signature %d: %w", len(v.sets), err)
	}
	return nil
}

func (v *validation) seal(ctx context.Context, lookup Lookup, n int) error {
	t, _ := parseTags(string(v.sets[n-1].seal.value())) // structure has looked at it
	if err := verify(ctx, lookup, t, sealed(v.sets[:n])); err != nil {
		return fmt.Errorf("seal %d: %w", n, err)
	}
	return nil
}

func verify(ctx context.Context, lookup Lookup, t tags, data []byte) error {
	signature, err := t.octets("b")
	if err != nil {
		return err
	}
	key, err := publicKey(ctx, lookup, t)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	return checkSignature(key, digest[:], signature)
}

// signedHeader is what a signature says of the header: the fields that it names, of several with one name the lowest first (RFC 6376 §5.4.2).
func signedHeader(fields []field, names []string, relaxed bool) []byte {
	var data []byte
	unused := map[string][]field{}
	for _, f := range fields {
		unused[f.name] = append(unused[f.name], f)
	}
	for _, name := range names {
		if left := unused[name]; len(left) > 0 {
			data = append(data, left[len(left)-1].canonical(relaxed)...)
			unused[name] = left[:len(left)-1]
		}
	}
	return data
}

// sealed is what a seal is over (RFC 8617 §5.1.1): all sets, the newest seal without its signature.
func sealed(sets []set) []byte {
	var data []byte
	for i, s := range sets {
		for _, f := range s.fields() {
			if i == len(sets)-1 && f.name == sealName {
				return append(data, f.unsigned(true)...)
			}
			data = append(data, f.relaxed()...)
		}
	}
	return data
}
