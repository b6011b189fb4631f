package config

import "strings"

// plainWords is what stands in a shell's word as it is.
const plainWords = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%="

// Word is a text as a shell takes it for one word: in quotes where it has blanks, or anything else that a shell reads in its own way. Commands that are told to people to be typed are made with it.
func Word(text string) string {
	special := func(r rune) bool { return !strings.ContainsRune(plainWords, r) }
	if text != "" && !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
