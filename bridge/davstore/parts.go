package davstore

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
)

// separator stands between a member's name and the UID of one of several items in it. Names that hold it, or what stands for it, or end as it begins, are written otherwise.
const separator = "##"

const number, escaped = "#", "#~"

// refOf is the reference of a member that holds one item.
func refOf(name string) cutover.Ref {
	if strings.Contains(name, separator) || strings.Contains(name, escaped) || strings.HasSuffix(name, number) {
		name = strings.ReplaceAll(name, number, escaped)
	}
	return cutover.Ref(name)
}

// memberOf is the member that a reference leads to.
func memberOf(ref cutover.Ref) string {
	name, _, _ := strings.Cut(string(ref), separator)
	return strings.ReplaceAll(name, escaped, number)
}

// shared reports whether the reference is that of one of several items in a member.
func shared(ref cutover.Ref) bool { return strings.Contains(string(ref), separator) }

// partsOf are the items of a member.
func partsOf(kind cutover.FolderKind, name string, raw []byte) (parts []part, bodies [][]byte) {
	d := cutover.NewObjectDigester(kind)
	_, _ = d.Write(raw) // it never fails
	if d.Single() {
		return []part{partOf(refOf(name), d)}, [][]byte{raw}
	}
	for i, p := range object.Split(kind, raw) {
		uid := p.UID
		if uid == "" {
			uid = strconv.Itoa(i)
		}
		d := cutover.NewObjectDigester(kind)
		_, _ = d.Write(p.Raw) // it never fails
		ref := refOf(name) + separator + cutover.Ref(uid)
		for slices.ContainsFunc(parts, func(p part) bool { return p.ref == ref }) { // two items of one UID
			ref += "'"
		}
		parts = append(parts, partOf(ref, d))
		bodies = append(bodies, p.Raw)
	}
	return parts, bodies
}

func partOf(ref cutover.Ref, d *cutover.ObjectDigester) part {
	return part{ref, d.Identity(), d.Size(), d.Text()}
}

// content is a body in memory.
type content []byte

func (c content) Size() int64                  { return int64(len(c)) }
func (c content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c)), nil }
func (c content) Close() error                 { return nil }

// Fetch gives the bodies that Next kept, and reads the others.
func (s *Store) Fetch(ctx context.Context, f cutover.Folder, refs []cutover.Ref, got func(bridge.Fetched) error) error {
	m, err := s.mirror(ctx, f)
	if err != nil {
		return err
	}
	wanted := map[string][]cutover.Ref{}
	var members []change
	for _, ref := range refs {
		name := memberOf(ref)
		if wanted[name] = append(wanted[name], ref); len(wanted[name]) > 1 {
			continue
		}
		members = append(members, change{name: name, size: 4 << 10})
	}
	tell := func(name string, b body) error { return give(ctx, m.kind, name, b, wanted[name], got) }
	var missing []change
	for _, c := range members {
		b, have := s.kept.take(f.Name + c.name)
		if !have {
			missing = append(missing, c)
			continue
		}
		if err := tell(c.name, b); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return ctx.Err()
	}
	return s.read(ctx, m, missing, tell)
}

// give tells of those items of a member that are wanted.
func give(ctx context.Context, kind cutover.FolderKind, name string, b body, wanted []cutover.Ref, got func(bridge.Fetched) error) error {
	bodies := map[cutover.Ref][]byte{refOf(name): b.raw}
	if b.err == nil && slices.ContainsFunc(wanted, shared) {
		parts, raws := partsOf(kind, name, b.raw)
		for i, p := range parts {
			bodies[p.ref] = raws[i]
		}
	}
	for _, ref := range wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		one := bridge.Fetched{Ref: ref, Version: b.etag, Err: b.err}
		if raw, have := bodies[ref]; b.err == nil && have {
			one.Content = content(raw)
		} else if b.err == nil {
			one.Err = bridge.ErrGone
		}
		if err := got(one); err != nil {
			return err
		}
	}
	return nil
}
