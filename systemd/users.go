package systemd

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// SeesAllUsers reports whether the process can tell users apart. Under
// PrivateUsers=yes, as in posthouse.service, it cannot: at the other end of a
// socket everybody but root and the service's own user is "nobody", and no file
// can be given to another group. posthouse.service says what lets a group in.
func SeesAllUsers() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err != nil || mapsEverybody(string(text))
}

// mapsEverybody reads uid_map's lines "inside outside count" (user_namespaces(7)):
// without a namespace one line maps all ids there are.
func mapsEverybody(uidMap string) bool {
	var mapped uint64
	for line := range strings.Lines(uidMap) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil {
			mapped += count
		}
	}
	return mapped >= math.MaxUint32
}
