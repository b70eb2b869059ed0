#!/bin/sh
# Installs what Kissaria needs and this machine lacks.
#
#   scripts/install.sh run     what `make run` needs: a PostgreSQL server, Redis,
#                              and libwebp, which makes the WebP pictures
#   scripts/install.sh test    these, the browser and fonts of the tests, and a C
#                              compiler, without which Go finds no data races
#
# Where all is there, it says nothing and changes nothing. Otherwise it uses
# Debian's packages, as root or through sudo, and tells what it does. On another
# system it tells what to install.
#
# The program runs a PostgreSQL and a Redis of its own. The packages are wanted
# for their programs alone: no system-wide server is made or started here, and
# one that is there already is left as it is.
set -eu

say() { printf '%s\n' "install: $*"; }
fail() {
	printf '%s\n' "install: $*" >&2
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# exists reports whether one of the paths exists. A pattern that matches nothing
# arrives here as itself, and does not exist.
exists() {
	for path; do
		if [ -e "$path" ]; then return 0; fi
	done
	return 1
}

have_postgres() { exists /usr/lib/postgresql/*/bin/initdb || have initdb; }
have_redis() { have redis-server || have valkey-server; }

# The program looks for a library of exactly this name, which on Debian comes
# with the -dev package only. The linker's list may name one that is gone.
have_webp() {
	# shellcheck disable=SC2046 # a list of paths
	exists /usr/lib/*/libwebp.so /usr/lib/libwebp.so /usr/lib64/libwebp.so /usr/local/lib/libwebp.so ||
		exists $(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null | sed -n 's/^[[:space:]]*libwebp\.so (.*=> //p')
}

# The race detector is linked with C's own tools, and its library's headers.
have_c() { [ -n "${CC-}" ] || { have gcc || have cc; } && exists /usr/include/stdlib.h; }

have_chromium() { have chromium || have chromium-browser || have google-chrome; }
have_fonts() {
	exists /usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf || dpkg -s fonts-noto-core >/dev/null 2>&1
}

# again runs a command up to three times: a mirror that fails now often answers
# a moment later.
again() {
	for try in 1 2 3; do
		if "$@"; then return 0; fi
		if [ "$try" -lt 3 ]; then
			say "that failed; trying again"
			sleep $((try * 2))
		fi
	done
	fail "gave up on: $*"
}

policy=/usr/sbin/policy-rc.d
mark='# Kissaria: Redis is being installed for its program alone.'

# hold_services keeps Debian from starting Redis as a service once it is
# unpacked. invoke-rc.d and systemd's helper both ask policy-rc.d first. Ours
# refuses Redis and nothing else, so that a service which is upgraded along the
# way restarts as it should. Where a machine has a policy already, as containers
# do, that one decides.
hold_services() {
	if [ -e "$policy" ] && ! grep -qsF "$mark" "$policy"; then return 0; fi
	trap 'rm -f "$policy"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	cat >"$policy" <<-END
		#!/bin/sh
		$mark
		case " \$* " in *" redis-server"*) exit 101 ;; esac
		exit 0
	END
	chmod 755 "$policy"
}

# install_packages does the work, as root.
install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	again apt-get -q update

	for package; do
		case $package in
		postgresql)
			# Debian makes and starts a cluster when the server is installed,
			# unless it is told not to beforehand.
			if ! dpkg -s postgresql-common >/dev/null 2>&1; then
				mkdir -p /etc/postgresql-common/createcluster.d
				echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/kissaria.conf
			fi
			;;
		redis-server) hold_services ;;
		esac
	done

	again apt-get -q install -y --no-install-recommends "$@"

	for package; do
		# Held back now, it would still start with the machine.
		if [ "$package" = redis-server ] && have update-rc.d; then
			update-rc.d redis-server disable >/dev/null 2>&1 ||
				say "could not keep the system's own Redis from starting with the machine; it does no harm"
		fi
	done
	say "done"
}

mode=${1-}
case $mode in
run | test) ;;
packages) # how this script calls itself through sudo
	shift
	install_packages "$@"
	exit
	;;
*) fail "usage: $0 run|test" ;;
esac

packages=
need() { # package, what for
	packages="$packages $1"
	reasons="${reasons-}
  $1, $2"
}

# With both addresses given, the program starts no database of its own. The
# tests always do.
if [ "$mode" = test ] || [ -z "${DATABASE_URL-}" ] || [ -z "${REDIS_URL-}" ]; then
	have_postgres || need postgresql "for the private database"
	have_redis || need redis-server "for carts and sessions"
fi
have_webp || need libwebp-dev "for pictures in WebP, five times faster than without"
if [ "$mode" = test ]; then
	if ! have_c; then
		need gcc "for the race detector"
		need libc6-dev "which that needs"
	fi
	have_chromium || need chromium "for the tests in a browser"
	have_fonts || need fonts-noto-core "for the tests that look at Arabic"
fi
if [ -z "$packages" ]; then exit 0; fi

if ! have apt-get; then
	instead=
	if [ "$mode" = run ]; then
		instead="
Or set DATABASE_URL and REDIS_URL to servers that run elsewhere, and neither
PostgreSQL nor Redis is needed here."
	fi
	fail "this machine lacks what these packages hold on Debian:$reasons
Install that with this system's own tools.$instead"
fi

say "this machine lacks, and gets now:$reasons"
if [ "$(id -u)" -eq 0 ]; then
	# shellcheck disable=SC2086 # a list of names
	install_packages $packages
elif have sudo; then
	say "asking sudo, since only root may install packages"
	# shellcheck disable=SC2086
	exec sudo sh "$0" packages $packages
else
	here=$(cd "$(dirname "$0")" && pwd)
	fail "only root may install packages, and there is no sudo here. Run this as root:
  sh '$here/install.sh' packages$packages"
fi
