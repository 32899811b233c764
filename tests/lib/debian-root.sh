# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A bare Debian system of either release, made from the archives that this machine's own apt uses.
# Sourced; needs common.sh, and 'work': a directory for what is under way. Root alone can do it.

root_cache=/var/tmp/gatehouse-fresh

codename_of() { # release
	case $1 in
	12) printf bookworm ;;
	13) printf trixie ;;
	esac
}

# "uri suite" of the archives that this machine's apt uses.
# shellcheck disable=SC2016 # apt's own variables
archives() { apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u; }

# sources.list for the new root: the same archives, the other release's suites.
sources() { # codename
	local codename=$1 uri suite
	archives | while read -r uri suite; do
		case $suite in
		*-security) printf 'deb %s %s-security main\n' "$uri" "$codename" ;;
		*-updates) printf 'deb %s %s-updates main\n' "$uri" "$codename" ;;
		bookworm | trixie | stable | oldstable) printf 'deb %s %s main\n' "$uri" "$codename" ;;
		esac
	done | sort -u
}

main_archive() {
	archives | awk '$2 ~ /^(bookworm|trixie|stable|oldstable)$/ { print $1; exit }'
}

# Only root may write where root's systems are kept.
root_cache_ready() {
	install -d -m 700 -o root -g root "$root_cache"
	if [[ $(stat -c %u:%a "$root_cache") != 0:700 ]]; then die "$root_cache is not root's alone"; fi
}

# Unpacks the bare system, which is kept for a month, into $2.
bare_system() { # codename directory
	local codename=$1 archive=$root_cache/$1.tar
	root_cache_ready
	if [[ -z $(find "$archive" -mtime -30 2>/dev/null) ]]; then
		say "debootstrap $codename"
		local fresh=${work:?}/bare mirror
		mirror=$(main_archive)
		if [[ -z $mirror ]]; then die "this machine's apt names no Debian archive"; fi
		debootstrap --variant=minbase --include=ca-certificates "$codename" "$fresh" "$mirror" \
			>"$work/debootstrap.log" 2>&1 || {
			tail -n 20 "$work/debootstrap.log" >&2
			die "debootstrap failed"
		}
		tar -C "$fresh" -cf "$archive.new" .
		mv "$archive.new" "$archive"
		rm -rf --one-file-system "$fresh"
	fi
	mkdir "$2"
	tar -C "$2" -xf "$archive"
}

# What a machine on this network has been told: archives, how apt reaches them, whom TLS trusts.
furnish_root() { # codename directory
	local to=$2 file
	sources "$1" >"$to/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' >"$to/etc/apt/apt.conf.d/90host" || true
	cat /etc/resolv.conf >"$to/etc/resolv.conf"
	printf '127.0.0.1 localhost fresh\n::1 localhost\n' >"$to/etc/hosts"
	for file in /usr/local/share/ca-certificates/*.crt; do
		if [[ -f $file ]]; then install -m 644 -D "$file" "$to$file"; fi
	done
	install -d -m 755 "$root_cache/packages-$1"
}

# Runs $3... in the furnished root $2, in namespaces that end with it. It is entered by pivot_root,
# with /proc, /dev and /sys: inside a chroot no namespace could be made, and tests need theirs.
in_root() { # codename directory command...
	local codename=$1 to=$2 passed=(TERM="${TERM:-dumb}" LANG=C.UTF-8 HOME=/root
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin) name
	shift 2
	for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		if [[ -n ${!name:-} ]]; then passed+=("$name=${!name}"); fi
	done
	if command -v npm >/dev/null 2>&1; then
		passed+=("npm_config_registry=$(npm config get registry 2>/dev/null)")
	fi
	# shellcheck disable=SC2016 # expanded by the shell that is inside
	unshare --mount --pid --fork --kill-child --uts --ipc -- \
		env -i "${passed[@]}" bash -euo pipefail -c '
		to=$1 packages=$2
		shift 2
		mount --make-rprivate /
		mount --bind "$to" "$to"
		mount -t proc proc "$to/proc"
		mount --rbind /sys "$to/sys"
		mount --rbind /dev "$to/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$to/dev/shm"
		mount -t tmpfs -o mode=755 tmpfs "$to/run"
		mount --bind "$packages" "$to/var/cache/apt/archives"
		hostname fresh
		cd "$to"
		mkdir -p .before
		pivot_root . .before
		cd /
		umount -l /.before
		rmdir /.before
		exec "$@"
	' bash "$to" "$root_cache/packages-$codename" "$@"
}
