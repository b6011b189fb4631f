package bridge

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

// bodiesAtOnce is how many bodies are compared before the next ones are read.
const bodiesAtOnce = 200

// compareBodies reads bodies of twins on both sides: all, or as many as asked for, chosen anew each time. Across a cloud that renders messages anew an unequal body proves nothing; of events and contacts
// what they say is compared then.
func (v *verifier) compareBodies(ctx context.Context, legacy, cloud Store) error {
	by := map[cutover.FolderKind]comparing{}
	for _, kind := range v.b.cfg.Kinds {
		compare, err := v.comparing(ctx, kind)
		if err != nil {
			return err
		}
		by[kind] = compare
	}
	v.twins = slices.DeleteFunc(v.twins, func(t twin) bool { return by[t.in.Kind] == nil })
	rand.Shuffle(len(v.twins), func(i, j int) { v.twins[i], v.twins[j] = v.twins[j], v.twins[i] })
	type folders struct{ legacy, cloud string }
	byFolder := map[folders][]twin{}
	for _, t := range v.twins[:min(v.bodies, len(v.twins))] {
		at := folders{t.in.Path.Key(), t.copy.in.Path.Key()}
		byFolder[at] = append(byFolder[at], t)
	}
	for _, twins := range byFolder {
		for some := range slices.Chunk(twins, bodiesAtOnce) {
			if err := by[some[0].in.Kind](ctx, legacy, cloud, some); err != nil {
				return fmt.Errorf("comparing bodies in %s: %w", some[0].in.Path, err)
			}
		}
	}
	return nil
}

// comparing compares twins that lie in one folder on each side.
type comparing func(ctx context.Context, legacy, cloud Store, twins []twin) error

// comparing is how items of a kind are compared; nil if that would prove nothing.
func (v *verifier) comparing(ctx context.Context, kind cutover.FolderKind) (comparing, error) {
	switch keeps, err := v.w.cloudKeeps(ctx, kind); {
	case keeps == keepsBytes:
		return v.compare, err
	case keeps != "" && kind.Objects():
		return v.compareSayings, err
	default:
		return nil, err
	}
}

func refsOfTwins(twins []twin) (refs, copies []cutover.Ref) {
	for _, t := range twins {
		refs, copies = append(refs, t.item.Ref), append(copies, t.copy.item.Ref)
	}
	return refs, copies
}

// compare compares the bodies of twins that lie in one folder on each side. What is gone meanwhile is not judged.
func (v *verifier) compare(ctx context.Context, legacy, cloud Store, twins []twin) error {
	refs, copies := refsOfTwins(twins)
	old, err := digests(ctx, legacy, twins[0].in, refs)
	if err != nil {
		return err
	}
	now, err := digests(ctx, cloud, twins[0].copy.in, copies)
	if err != nil {
		return err
	}
	for _, t := range twins {
		a, read := old[t.item.Ref]
		b, there := now[t.copy.item.Ref]
		if !read || !there {
			continue
		}
		v.report.Bodies++
		if !t.body.IsZero() {
			a = t.body
		}
		if a != b {
			v.report.Altered = append(v.report.Altered, Finding{
				Folder: t.in.Path.String(), Ref: t.item.Ref, MessageID: t.item.Identity.MessageID,
				Why: fmt.Sprintf("its copy in the cloud's %s (%s) has another body", t.copy.folder, t.copy.item.Ref),
			})
		}
	}
	return nil
}

// compareSayings compares what twins say, where the server writes anew what it takes: Radicale and Xandikos lose a part of what not every program wrote as they expect it, an inline photo for example. What is
// lost is told; it does not count as altered, as nothing that is put again would come out otherwise. What was repaired says something else by intent.
func (v *verifier) compareSayings(ctx context.Context, legacy, cloud Store, twins []twin) error {
	for some := range slices.Chunk(twins, sayingsAtOnce) {
		refs, copies := refsOfTwins(some)
		old, err := contents(ctx, legacy, some[0].in, refs)
		if err != nil {
			return err
		}
		now, err := contents(ctx, cloud, some[0].copy.in, copies)
		if err != nil {
			return err
		}
		for _, t := range some {
			from, read := old[t.item.Ref]
			copied, there := now[t.copy.item.Ref]
			if !read || !there || !t.body.IsZero() {
				continue
			}
			v.report.Bodies++
			if lost := object.Lost(from, copied); len(lost) > 0 {
				v.report.Lost = append(v.report.Lost, Loss{Title: object.Title(from), Properties: lost, Finding: Finding{
					Folder: t.in.Path.String(), Ref: t.item.Ref, MessageID: t.item.Identity.MessageID,
					Why: fmt.Sprintf("its copy is %s in the cloud's %s", t.copy.item.Ref, t.copy.folder),
				}})
			}
		}
	}
	return nil
}

// sayingsAtOnce is of how many objects all octets are held at a time.
const sayingsAtOnce = 50

// contents are the octets of objects of one folder.
func contents(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref][]byte, error) {
	return read(ctx, s, f, refs, func(got Fetched) ([]byte, error) {
		r, err := got.Content.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	})
}
