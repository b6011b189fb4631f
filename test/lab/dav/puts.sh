#!/bin/sh
# puts is no contestant but the floor: the same items, read from disk, put into the new server by curl on LAB_LANES lanes and by nothing else. Whoever copies item by item is no faster.
cd "$LAB_FILES"
[ -e "$S/list" ] && exit 0 # nothing is new
for file in default/*.ics contacts/*.vcf; do
	type=text/calendar
	[ "${file%.vcf}" = "$file" ] || type=text/vcard
	[ ! -e "$S/list" ] || echo next >>"$S/list"
	printf 'url = "http://127.0.0.1:%s/%s/%s"\nupload-file = "%s"\nuser = "%s:pass"\nheader = "If-None-Match: *"\nheader = "Content-Type: %s"\nheader = "Expect:"\nhttp1.1\nfail\noutput = "/dev/null"\n' "$LAB_DST" "$LAB_USER" "$file" "$file" "$LAB_USER" "$type" >>"$S/list"
done
exec curl --no-progress-meter --parallel --parallel-max "${LAB_LANES:-8}" --config "$S/list"
