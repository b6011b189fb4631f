package bridge

import (
	"context"
	"fmt"
	"math/rand/v2"

	"posthouse/cutover"
)

// bodiesAtOnce is how many bodies are compared before the next ones are read.
const bodiesAtOnce = 200

// compareBodies reads bodies of twins on both sides: all, or as many as asked for, chosen anew each time. Across a cloud that renders messages anew an unequal body proves nothing.
func (v *verifier) compareBodies(ctx context.Context, legacy, cloud Store) error {
	if keeps, err := v.w.cloudKeepsBytes(ctx); err != nil || !keeps {
		return err
	}
	rand.Shuffle(len(v.twins), func(i, j int) { v.twins[i], v.twins[j] = v.twins[j], v.twins[i] })
	type folders struct{ legacy, cloud string }
	byFolder := map[folders][]twin{}
	for _, t := range v.twins[:min(v.bodies, len(v.twins))] {
		at := folders{t.in.Path.Key(), t.copy.in.Path.Key()}
		byFolder[at] = append(byFolder[at], t)
	}
	for _, twins := range byFolder {
		for len(twins) > 0 {
			n := min(bodiesAtOnce, len(twins))
			if err := v.compare(ctx, legacy, cloud, twins[:n]); err != nil {
				return fmt.Errorf("comparing bodies in %s: %w", twins[0].in.Path, err)
			}
			twins = twins[n:]
		}
	}
	return nil
}

// compare compares the bodies of twins that lie in one folder on each side. What is gone meanwhile is not judged.
func (v *verifier) compare(ctx context.Context, legacy, cloud Store, twins []twin) error {
	refs, copies := make([]cutover.Ref, len(twins)), make([]cutover.Ref, len(twins))
	for i, t := range twins {
		refs[i], copies[i] = t.item.Ref, t.copy.item.Ref
	}
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
