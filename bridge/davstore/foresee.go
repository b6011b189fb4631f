package davstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// foldedFrom is the length from which a server folds lines (RFC 5545 §3.1).
const foldedFrom = 75

// foreseen are the stand-ins that were put and their versions, as one of them tells: they differ in their UIDs alone, and Radicale names a version by the octets. Listing 2,000 takes it some seconds. What is
// foreseen wrongly is noticed then, since each is on the condition of that version. false: they have to be listed.
func (f *filling) foreseen(ctx context.Context) (list []change, ok bool) {
	first := f.added[0].part
	one, err := f.u.s.get(ctx, f.u.m, memberOf(first.ref))
	if err != nil || one.err != nil || one.etag != etagOf(one.raw) || parseStandIn(f.u.m.kind, one.raw) == nil {
		return nil, false
	}
	before, after, found := bytes.Cut(one.raw, uidLine(first))
	if !found {
		return nil, false
	}
	for _, a := range f.added {
		line := uidLine(a.part)
		if len(line) > foldedFrom {
			return nil, false
		}
		raw := bytes.Join([][]byte{before, after}, line)
		list = append(list, change{name: memberOf(a.part.ref), etag: etagOf(raw), size: int64(len(raw))})
	}
	return list, true
}

func uidLine(p part) []byte { return []byte("UID:" + p.id.MessageID + "\r\n") }

// etagOf is how Radicale names the version of a member.
func etagOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}
