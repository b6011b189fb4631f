package davstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Delete deletes members one by one, each on the condition that it is as it is known. An attendee's reply is forbidden (RFC 6638 §8.1).
func (s *Store) Delete(ctx context.Context, f cutover.Folder, versions map[cutover.Ref]string) (map[cutover.Ref]error, error) {
	m, err := s.mirror(ctx, f)
	if err != nil {
		return nil, err
	}
	outcomes := map[cutover.Ref]error{}
	for _, ref := range slices.Sorted(maps.Keys(versions)) {
		outcome, err := s.delete(ctx, m, ref, versions[ref])
		if err != nil {
			return outcomes, fmt.Errorf("deleting %s: %w", ref, err)
		}
		outcomes[ref] = outcome
	}
	return outcomes, nil
}

func (s *Store) delete(ctx context.Context, m *mirror, ref cutover.Ref, version string) (outcome, err error) {
	name := memberOf(ref)
	if shared(ref) {
		return fmt.Errorf("%w: it shares a member with others", bridge.ErrRefused), nil
	}
	if !told(version) {
		return fmt.Errorf("%w: nobody knows in which version", bridge.ErrChanged), nil
	}
	r := request{method: http.MethodDelete, at: member(m.at(), name), header: map[string]string{"Schedule-Reply": "F"}}
	got, err := s.ifMatch(ctx, r, version)
	if err == nil && got.status/100 == 4 && !missing(got) { // a copy that is not deleted now never is: the second answer counts
		got, err = s.ifMatch(ctx, r, version)
	}
	switch {
	case errors.Is(err, bridge.ErrBusy):
		return err, nil
	case err != nil:
		return nil, err
	case got.status == http.StatusOK: // which whoever stands before the server may say of anything
		return s.surelyDeleted(ctx, m, name, r, got)
	case got.status/100 == 2 && got.status != http.StatusMultiStatus, missing(got):
		return nil, nil
	case got.status == http.StatusPreconditionFailed:
		return s.notAsKnown(ctx, m, name, got)
	case got.status/100 == 4 && !transient(got.status), got.status == http.StatusNotImplemented:
		return fmt.Errorf("%w: %s", bridge.ErrRefused, said(got)), nil
	}
	return nil, unexpected(r, got)
}

// surelyDeleted asks for what is said to be deleted.
func (s *Store) surelyDeleted(ctx context.Context, m *mirror, name string, r request, got *reply) (outcome, err error) {
	_, _, err = s.properties(ctx, member(m.at(), name), "<D:getetag/>")
	switch {
	case errors.Is(err, bridge.ErrGone):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("%w, and it is there still", unexpected(r, got))
}

// notAsKnown tells a member that has another version from one that is gone.
func (s *Store) notAsKnown(ctx context.Context, m *mirror, name string, got *reply) (outcome, err error) {
	_, _, err = s.properties(ctx, member(m.at(), name), "<D:getetag/>")
	if errors.Is(err, bridge.ErrGone) {
		return nil, nil
	}
	return fmt.Errorf("%w: %s", bridge.ErrChanged, said(got)), err
}
