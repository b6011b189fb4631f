package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is a hint with the candidate nearest to word, or nothing where none is near: at most one
// slip for every three letters, a swap of neighbours counting as one.
func didYouMean(word string, candidates []string) string {
	if best := nearest(word, candidates); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

func nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := []int(nil), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(y)+1)
	}
	return last[len(y)]
}

// oneOf lists the choices of a key, or the nearest one.
func oneOf(word string, choices []string) string {
	if hint := didYouMean(word, choices); hint != "" {
		return hint
	}
	quoted := slices.Clone(choices)
	for i, c := range quoted {
		quoted[i] = fmt.Sprintf("%q", c)
	}
	return "one of " + strings.Join(quoted, ", ")
}
