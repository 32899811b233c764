# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests/run, tests/demo and tests/fresh share: words on the terminal, the Debian release, and
# who may build. Sourced; expects 'root' to hold the top of the tree.

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
	warn "$(basename "$0"): $*"
	exit 1
}

# 12 or 13. What is neither is taken as the newer one: package names only move forward.
debian_release() {
	local version
	version=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID:-}")
	case $version in
	12 | 12.*) printf 12 ;;
	*) printf 13 ;;
	esac
}

# 0 when uid $1 may enter every directory on the way to the tree.
tree_reachable_by() {
	setpriv --reuid="$1" --regid="$1" --clear-groups -- test -r "${root:?}/meson.build" 2>/dev/null
}

# Nothing is ever built as root in a user's tree: root hands over to the tree's owner. Call after
# packages are installed; returns when this process is the right one already.
become_owner() {
	local uid gid home name
	uid=$(stat -c %u "${root:?}")
	gid=$(stat -c %g "$root")
	if [[ $EUID -ne 0 || $uid -eq 0 ]]; then
		return 0
	fi
	name=$(getent passwd "$uid" | cut -d: -f1 || true)
	home=$(getent passwd "$uid" | cut -d: -f6 || true)
	if [[ -n $name ]]; then
		exec setpriv --reuid="$uid" --regid="$gid" --init-groups -- \
			env HOME="$home" USER="$name" LOGNAME="$name" "$@"
	fi
	exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- env HOME="$root/build/home" "$@"
}

# The version control's list of our own text files, or, in an unpacked archive, everything that is
# not built.
tree_files() {
	(
		cd "${root:?}" || exit
		if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
			git ls-files --cached --others --exclude-standard
		else
			find . -path './build*' -prune -o -path ./tests/node_modules -prune -o \
				-name __pycache__ -prune -o -type f -printf '%P\n'
		fi | while IFS= read -r file; do
			if [[ -f $file && ! -L $file ]]; then printf '%s\n' "$file"; fi
		done | sort
	)
}

# Prefix for a command whose sanitizer cannot place its shadow memory on kernels that randomise
# more than 28 bits of addresses (gcc 12, clang 14): the same program, without that randomness.
steady() {
	local bits=28
	if [[ -r /proc/sys/vm/mmap_rnd_bits ]]; then bits=$(</proc/sys/vm/mmap_rnd_bits); fi
	if ((bits > 28)) && setarch -R true 2>/dev/null; then
		setarch -R "$@"
	else
		"$@"
	fi
}
