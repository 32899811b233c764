# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of tests/packages, and nothing when nothing is. Needs common.sh.

# The names that sections $@ ask for on this machine, one a line.
packages_wanted() {
	local release name condition section='' wanted=" $* "
	release=$(debian_release)
	while read -r name condition _; do
		case $name in
		'' | '#'*) continue ;;
		'['*']')
			section=${name//[\[\]]/}
			continue
			;;
		esac
		if [[ $wanted != *" $section "* ]]; then continue; fi
		case $condition in
		@*) if [[ ${condition#@} != "$release" ]]; then continue; fi ;;
		unless=*) if command -v "${condition#unless=}" >/dev/null 2>&1; then continue; fi ;;
		esac
		printf '%s\n' "$name"
	done <"${root:?}/tests/packages" | sort -u
}

packages_present() {
	dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
		awk '$1 ~ /^[ih]i/ { print $2 }' | sort -u
}

packages_missing() {
	comm -23 <(packages_wanted "$@") <(packages_present)
}

# Root installs; an ordinary user does it through sudo or su where they exist and can ask, and is
# shown the line to run where not.
packages_install() {
	local missing
	if ! command -v dpkg-query >/dev/null 2>&1; then
		warn "this is not a Debian system: tests/packages names what is needed"
		return 0
	fi
	mapfile -t missing < <(packages_missing "$@")
	if ((${#missing[@]} == 0)); then return 0; fi
	say "installing: ${missing[*]}"
	if [[ $EUID -eq 0 ]]; then
		bash "${root:?}/tests/lib/apt-install" "${missing[@]}"
	elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
		sudo bash "${root:?}/tests/lib/apt-install" "${missing[@]}"
	elif command -v su >/dev/null 2>&1 && [[ -t 0 ]]; then
		say "su asks for root's password:"
		su -c "bash $(printf '%q ' "${root:?}/tests/lib/apt-install" "${missing[@]}")" root
	else
		warn "these packages are missing; as root, run:"
		warn "  apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
}
