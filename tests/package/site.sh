# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A Debian system booted with systemd-nspawn, with no network but its own loopback, for packages to
# be installed in as on a site. Sourced; needs common.sh and debian-root.sh, and root.
#
# The machine's own service manager is not asked (there may be none): the system gets control groups
# that are made here and taken away at the end.

site_pid=
site_groups=()
site_name=gatehouse-site-$$

# The hierarchies in which the system needs a group of its own: one where version 2 is mounted
# alone, two where it stands beside version 1.
site_hierarchies() {
	if [[ -e /sys/fs/cgroup/cgroup.procs ]]; then
		printf '/sys/fs/cgroup\n'
	else
		printf '%s\n' /sys/fs/cgroup/unified /sys/fs/cgroup/systemd
	fi
}

# The bare system with systemd and what the packages in $2... depend on. It is kept for a month, or
# until that changes.
site_system() { # codename package...
	local codename=$1 to=${work:?}/site depends=() file archive
	shift
	for file; do depends+=("$(dpkg-deb -f "$file" Depends)"); done
	archive=${root_cache:?}/site-$codename-$(printf '%s\n' "${depends[@]}" "${site_extra[@]}" | sha256sum | cut -c 1-16).tar
	root_cache_ready
	if [[ -n $(find "$archive" -mtime -30 2>/dev/null) ]]; then
		mkdir "$to"
		tar -C "$to" -xf "$archive"
		return 0
	fi
	bare_system "$codename" "$to"
	furnish_root "$codename" "$to"
	printf '#!/bin/sh\nexit 101\n' >"$to/usr/sbin/policy-rc.d"
	chmod 755 "$to/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2016 # expanded by the shell that is inside
	unshare --mount --pid --fork --kill-child -- bash -euo pipefail -c '
		mount --make-rprivate /
		mount -t proc proc "$1/proc"
		mount --bind "$2" "$1/var/cache/apt/archives"
		shift 2
		export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
		chroot "$0" sh -c "update-ca-certificates >/dev/null 2>&1; apt-get -q update"
		chroot "$0" apt-get -q -o APT::Keep-Downloaded-Packages=true satisfy -y --no-install-recommends "$@"
		umount "$0/var/cache/apt/archives" "$0/proc"
	' "$to" "$to" "$root_cache/packages-$codename" "${site_extra[@]}" "${depends[@]}" </dev/null || return 1
	rm "$to/usr/sbin/policy-rc.d"
	tar -C "$to" -cf "$archive.new" .
	mv "$archive.new" "$archive"
	find "$root_cache" -name "site-$codename-*.tar" ! -path "$archive" -delete
}
# A broker for readings to arrive at, and what the checks look with.
site_extra=(systemd systemd-sysv dbus iproute2 procps bash-completion zsh mosquitto mosquitto-clients python3-paho-mqtt)

# Runs a command in the booted system, in a session of its own: signals to a process group are not
# held up by namespaces.
site_run() { setsid --wait nsenter -t "$site_pid" -a -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

site_state() { site_run systemctl is-system-running 2>/dev/null || true; }

# Boots it, and returns when all that should run at boot has been started.
site_boot() {
	local hierarchy child='' tries
	site_groups=()
	while IFS= read -r hierarchy; do
		mkdir "$hierarchy/$site_name"
		site_groups+=("$hierarchy/$site_name")
	done < <(site_hierarchies)
	(
		for hierarchy in "${site_groups[@]}"; do printf '%s\n' "$BASHPID" >"$hierarchy/cgroup.procs"; done
		SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet --directory="$work/site" \
			--machine="$site_name" --register=no --keep-unit --private-network --console=pipe --boot
	) </dev/null >>"$work/boot.log" 2>&1 &
	site_nspawn=$!
	for ((tries = 0; tries < 600; tries++)); do
		child=$(ps -o pid= --ppid "$site_nspawn" | tr -d ' ' || true)
		if [[ -n $child ]]; then
			site_pid=$child
			case $(site_state) in running | degraded) return 0 ;; esac
		fi
		if ! kill -0 "$site_nspawn" 2>/dev/null; then break; fi
		sleep 0.1
	done
	tail -n 30 "$work/boot.log"
	say "the system did not boot"
	return 1
}

site_down() {
	local tries group
	if [[ -z ${site_nspawn:-} ]]; then return 0; fi
	if [[ -n $site_pid ]]; then site_run systemctl --no-block poweroff || true; fi
	for ((tries = 0; tries < 300; tries++)); do
		if ! kill -0 "$site_nspawn" 2>/dev/null; then break; fi
		sleep 0.1
	done
	kill -KILL "$site_nspawn" 2>/dev/null || true
	wait "$site_nspawn" 2>/dev/null || true
	site_nspawn=
	site_pid=
	for group in "${site_groups[@]}"; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}

# Switched off and on again.
site_reboot() { site_down && site_boot; }

# The steps of 'inside' in a system made for them; each is a row of the stage.
site_life() { # release directory of packages, step...
	local release=$1 built=$2 name codename
	shift 2
	work=$(mktemp -d /var/tmp/gatehouse-site.XXXXXX)
	chmod 755 "$work"
	trap site_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	codename=$(codename_of "$release")
	site_system "$codename" "$built"/one/gatehouse_*.deb "$built"/one/gatehouse-sensor_*.deb
	cp -r "$built/one" "$built/next" "${root:?}/tests/package/inside" "$root/tests/package/person.py" "$root/tests/system/bed" "$root/debian/tests/smoke" "$work/site/root"
	# Not in a subshell, as record_program would: what it starts is ended here.
	if ! site_boot; then
		record package "$release-boot" failed "see build/logs/package.log"
		return 1
	fi
	record package "$release-boot" passed
	for name; do
		if [[ $name == reboot ]]; then site_reboot || return 1; fi
		record_program package "$release-$name" site_run /root/inside "$name"
	done
}

site_end() {
	if [[ -n $site_pid ]]; then
		site_run journalctl --no-pager --unit=gatehoused >"$root/build/logs/site.log" || true
	fi
	site_down
	rm -rf --one-file-system "$work"
}
