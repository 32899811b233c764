# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A root of another Debian release with a copy of this tree in it, where its packages are built and
# looked at with its own tools. Sourced; needs common.sh and debian-root.sh, and root.

other_tree=/var/tmp/gatehouse

other_begin() { # release
	work=$(mktemp -d /var/tmp/gatehouse-other.XXXXXX)
	chmod 755 "$work"
	trap other_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	other_codename=$(codename_of "$1")
	bare_system "$other_codename" "$work/root"
	furnish_root "$other_codename" "$work/root"
	mkdir "$work/root$other_tree"
	tree_files | tar -C "${root:?}" --verbatim-files-from -T - -c | tar -C "$work/root$other_tree" -x
	# shellcheck disable=SC2016 # expanded by the shell that is inside
	other_run bash -euo pipefail -c '
		update-ca-certificates >/dev/null 2>&1 || true
		printf "APT::Keep-Downloaded-Packages \"true\";\n" >/etc/apt/apt.conf.d/91keep
		apt-get -qq update
		root=$PWD
		. tests/lib/common.sh
		. tests/lib/packages.sh
		packages_install build package'
}

# Runs a command in it, at the top of the tree.
# shellcheck disable=SC2016 # expanded by the shell that is inside
other_run() { in_root "$other_codename" "${work:?}/root" bash -c 'cd "$0" && exec "$@"' "$other_tree" "$@"; }

# What it left in directory $1 of that root, to $2 of this machine.
other_take() { # directory directory
	rm -rf "${2:?}"
	cp -r --no-preserve=ownership "${work:?}/root$1" "$2"
}

other_end() { rm -rf --one-file-system "${work:?}"; }
