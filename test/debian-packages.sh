#!/bin/sh
# Makes sure that Debian packages are there: debian-packages.sh PACKAGE...
#
# As root what is missing is installed: without questions, without starting or enabling any service, and without removing anything that is
# installed (postfix and another mail transport cannot live together; then apt says so and this ends with an error). Without root, or
# elsewhere than on Debian, what is missing is named, and that is all.
set -eu

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is no Debian. Tests need: $*" >&2
	exit 0
fi

missing=
for package in "$@"; do
	installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Missing packages:$missing. Tests that need them are skipped; as root they would be installed." >&2
	exit 0
fi

# A policy of 101 (invoke-rc.d) keeps every service of a new package from being started. What was the policy before is put back.
policy=/usr/sbin/policy-rc.d
saved=
restore() {
	rm -f "$policy"
	[ -z "$saved" ] || mv "$saved" "$policy"
}
if [ -e "$policy" ]; then
	saved=$(mktemp "$policy.XXXXXX")
	mv "$policy" "$saved"
fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "Installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
apt-get -qq update
# shellcheck disable=SC2086 # the names are words
apt-get -qq install -y --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 $missing >&2

# They are neighbours for tests, not servers of this machine: they do not start at the next boot either.
if command -v systemctl >/dev/null; then
	for package in $missing; do
		case $package in
		dovecot-*) systemctl --quiet disable dovecot.service dovecot.socket || true ;;
		postfix | postsrsd | haproxy | nsd) systemctl --quiet disable "$package.service" || true ;;
		esac
	done
fi
