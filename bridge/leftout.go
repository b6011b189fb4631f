package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// LeftOut are messages of a folder whose copies lie in the cloud without a keyword that it does not take.
type LeftOut struct {
	Folder  string `json:"folder"`
	Keyword string `json:"keyword"`
	Items   int    `json:"items"`
}

// tallyLeft counts keywords of a folder by name, in lower case, which is durable.
type tallyLeft struct {
	items map[string]int
	dirty bool
}

func leftOutFact(id ledger.FolderID) string { return fmt.Sprintf("keywords-left-out/%d", id) }

// loadLeft reads what was counted before.
func (w *worker) loadLeft(ctx context.Context, p *pair) error {
	p.left.items = map[string]int{}
	text, err := w.b.cfg.Ledger.Fact(ctx, leftOutFact(p.ID))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), &p.left.items)
}

// leave counts the keywords among flags that a copy does not have.
func (p *pair) leave(flags, has cutover.Flags) {
	for _, f := range without(flags, has) {
		if !strings.HasPrefix(f, `\`) {
			p.left.items[strings.ToLower(f)]++
			p.left.dirty = true
		}
	}
}

// leaveOf counts those of copies that were made or adopted.
func (p *pair) leaveOf(rows []ledger.Item) {
	for _, row := range rows {
		if row.Disposition == cutover.Copied || row.Disposition == cutover.Adopted {
			p.leave(row.Flags, row.CloudFlags)
		}
	}
}

// saveLeft makes the counts durable, if there are new ones, and shows them.
func (w *worker) saveLeft(ctx context.Context, p *pair) error {
	if !p.left.dirty {
		return nil
	}
	text, err := json.Marshal(p.left.items)
	if err != nil {
		return err
	}
	if err := w.b.cfg.Ledger.SetFact(ctx, leftOutFact(p.ID), string(text)); err != nil {
		return err
	}
	p.left.dirty = false
	w.status.leftOut(w.pairs)
	return nil
}

// leftOut takes over what was counted in all folders.
func (s *progress) leftOut(pairs []*pair) {
	var all []LeftOut
	for _, p := range pairs {
		all = append(all, sortedLeft(p.Legacy.String(), p.left.items)...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p.LeftOut = all
}

// sortedLeft names the keywords of one folder, the most frequent first.
func sortedLeft(folder string, items map[string]int) []LeftOut {
	var all []LeftOut
	for keyword, n := range items {
		all = append(all, LeftOut{folder, keyword, n})
	}
	slices.SortFunc(all, func(a, b LeftOut) int {
		if a.Items != b.Items {
			return b.Items - a.Items
		}
		return strings.Compare(a.Keyword, b.Keyword)
	})
	return all
}

// lacking are the keywords that copies lack, for whatever reason.
type lacking struct {
	cloud cutover.Folder // where one of the copies lies
	items map[string]int
}

// keywords notes those that a copy lacks.
func (v *verifier) keywords(u unplaced, c *copyItem) {
	for _, f := range without(u.item.Flags, c.item.Flags) {
		if strings.HasPrefix(f, `\`) {
			continue
		}
		if v.lacking[u.folder] == nil {
			v.lacking[u.folder] = &lacking{cloud: c.in, items: map[string]int{}}
		}
		v.lacking[u.folder].items[strings.ToLower(f)]++
	}
}

// leftOut reports those among them that the cloud does not take. What else is lacking was taken away by the user, or is on its way.
func (v *verifier) leftOut(ctx context.Context, cloud Store) error {
	keeper, tells := cloud.(Keeper)
	if !tells {
		return nil
	}
	for _, folder := range slices.Sorted(maps.Keys(v.lacking)) {
		lacks := v.lacking[folder]
		takes, err := keeper.Keeps(ctx, lacks.cloud, slices.Collect(maps.Keys(lacks.items)))
		if err != nil {
			return err
		}
		maps.DeleteFunc(lacks.items, func(keyword string, _ int) bool { return takes.Has(keyword) })
		v.report.LeftOut = append(v.report.LeftOut, sortedLeft(folder, lacks.items)...)
	}
	return nil
}
