package cli

import "strings"

// barWidth is that of all progress bars.
const barWidth = 20

// bar draws part of whole in eighths of a column, rounded down: ████▏░░░. It is full only for the whole.
func bar(part, whole int64, width int) string {
	eighths := 0
	if whole > 0 {
		eighths = int(float64(min(max(part, 0), whole)) / float64(whole) * float64(width*8))
	}
	full, rest := eighths/8, eighths%8
	text := strings.Repeat("█", full)
	if rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
		full++
	}
	return text + strings.Repeat("░", width-full)
}
