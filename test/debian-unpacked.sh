#!/bin/sh
# Makes sure that Debian packages which cannot be installed beside others are there, unpacked: debian-unpacked.sh PACKAGE...
#
# Cyrus, Courier and Dovecot all are "the" IMAP server of a Debian, Exim, OpenSMTPD and Postfix "the" SMTP server, and would remove one another. So each package, with what it needs and this machine
# lacks, is only unpacked, into /var/cache/posthouse-neighbours/PACKAGE; nothing is configured or started, and the machine's own packages stay as they
# are. Needs root, as the servers do; without it, or elsewhere than on Debian, what is missing is named, and that is all.
set -eu

cache=/var/cache/posthouse-neighbours

if ! command -v dpkg-deb >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is no Debian. Tests need, unpacked: $*" >&2
	exit 0
fi

missing=
for package in "$@"; do
	[ -d "$cache/$package" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Not unpacked:$missing. Tests that need them are skipped; as root they would be fetched." >&2
	exit 0
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
apt-get -qq update
for package in $missing; do
	echo "Unpacking $package" >&2
	mkdir "$work/debs" "$work/$package"
	# What an installation would bring, were it made: the simulation may remove what it likes.
	needed=$(apt-get -qq install -s --no-install-recommends "$package" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
	# shellcheck disable=SC2086 # the names are words
	(cd "$work/debs" && apt-get -qq download -o APT::Sandbox::User=root $needed >&2)
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$work/$package"
	done
	mv "$work/$package" "$cache/$package"
	rm -rf "$work/debs"
done
