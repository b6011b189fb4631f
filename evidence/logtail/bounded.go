package logtail

// bounded is a map that forgets its oldest entries beyond a number.
type bounded[K comparable, V any] struct {
	max     int
	entries map[K]entry[V]
	order   []arrival[K] // oldest first; holds arrivals of entries that are gone, until they are swept
	last    uint64
}

type entry[V any] struct {
	value  V
	number uint64
}

type arrival[K comparable] struct {
	key    K
	number uint64
}

func newBounded[K comparable, V any](max int) *bounded[K, V] {
	return &bounded[K, V]{max: max, entries: make(map[K]entry[V])}
}

func (b *bounded[K, V]) get(key K) (V, bool) {
	e, ok := b.entries[key]
	return e.value, ok
}

// put sets an entry; it counts as new.
func (b *bounded[K, V]) put(key K, value V) {
	b.last++
	b.entries[key] = entry[V]{value, b.last}
	b.order = append(b.order, arrival[K]{key, b.last})
	for len(b.entries) > b.max {
		b.dropOldest()
	}
	if len(b.order) > 2*b.max+16 {
		b.sweep()
	}
}

func (b *bounded[K, V]) remove(key K) { delete(b.entries, key) }

func (b *bounded[K, V]) len() int { return len(b.entries) }

// each yields the entries, oldest first.
func (b *bounded[K, V]) each(yield func(K, V) bool) {
	for _, a := range b.order {
		if e, ok := b.entries[a.key]; ok && e.number == a.number && !yield(a.key, e.value) {
			return
		}
	}
}

// unordered yields the entries in any order, which is quicker where many have come and gone.
func (b *bounded[K, V]) unordered(yield func(K, V) bool) {
	for key, e := range b.entries {
		if !yield(key, e.value) {
			return
		}
	}
}

func (b *bounded[K, V]) dropOldest() {
	a := b.order[0]
	b.order = b.order[1:]
	if b.entries[a.key].number == a.number {
		delete(b.entries, a.key)
	}
}

func (b *bounded[K, V]) sweep() {
	kept := make([]arrival[K], 0, len(b.entries))
	for _, a := range b.order {
		if e, ok := b.entries[a.key]; ok && e.number == a.number {
			kept = append(kept, a)
		}
	}
	b.order = kept
}
