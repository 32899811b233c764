# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The stages of tests/run: one function each, stage_NAME. A stage writes what it finds out as rows
# (see results.py) to $rows, and what a person wants to read to its standard output, which run
# keeps in build/logs/NAME.log. It ends by a non-zero code when it could not do its work at all;
# a failed test is a row. Needs common.sh, and 'only': "" or a name that narrows the stage down.

root=${root:?}
python=/usr/bin/python3

results() { "$python" "$root/tests/lib/results.py" "$@"; }

record() { # stage name outcome [reason]
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"${rows:?}"
}

# One program is one test: exit code 0 passed, 77 skipped with its last line as reason.
record_program() { # stage name command...
	local stage=$1 name=$2 output code=0 began=$EPOCHREALTIME
	shift 2
	output=$("$@" 2>&1 </dev/null) || code=$?
	printf -- '--- %s: exit code %s after %s s\n%s\n' "$name" "$code" "$(seconds_since "$began")" "$output"
	case $code in
	0) record "$stage" "$name" passed ;;
	77) record "$stage" "$name" skipped "$(tail -n 1 <<<"$output")" ;;
	*) record "$stage" "$name" failed "see build/logs/$stage.log" ;;
	esac
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# A build directory of this tree with these options; one that was made in another place or with
# other options is made anew.
configured() { # directory compiler option...
	local directory=$root/$1 compiler=$2 wanted
	shift 2
	# Most of the time of these builds is the compiler's; what the sanitizers find is there without optimising.
	if [[ $* != *-Dbuildtype=* && $compiler == gcc ]]; then set -- -Doptimization=1 "$@"; fi
	if [[ $* != *-Dbuildtype=* && $compiler == clang ]]; then set -- -Doptimization=0 "$@"; fi
	wanted="$root $compiler $*"
	if [[ -f $directory/build.ninja && $(cat "$directory/.configured" 2>/dev/null) == "$wanted" ]]; then
		# What meson tells of a build is as old as its last setup: up to date with every meson.build.
		ninja -C "$directory" build.ninja
		return
	fi
	rm -rf "${directory:?}/meson-private" "$directory/meson-info" "$directory/build.ninja"
	CC=$compiler meson setup "$directory" "$root" "$@" || return 1
	printf '%s\n' "$wanted" >"$directory/.configured"
}

# Compiles everything (or the targets named), going on past errors so that one run shows them all.
compiled() { # directory [target...]
	ninja -C "$root/$1" -k 0 "${@:2}"
}

sanitizers() {
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1:detect_stack_use_after_return=1
	export UBSAN_OPTIONS=print_stacktrace=1
	export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
}

# Runs meson tests and records each case. A program that is missing because it does not compile is
# a failed row, not a reason to leave out the others.
meson_tests() { # stage directory test...
	local stage=$1 directory=$root/$2 present=()
	shift 2
	if (($# == 0)); then return 0; fi
	mapfile -t present < <(results built "$directory" "$@" | sort -u)
	rm -f "$directory/meson-logs/$stage.json"
	if ((${#present[@]})); then
		sanitizers
		# Code 1 says that a test failed, which the rows say too.
		# They wait more than they compute: brokers, time-outs, peers that are silent.
		steady meson test -C "$directory" --no-rebuild --print-errorlogs --logbase "$stage" \
			--num-processes "$((2 * $(nproc)))" --timeout-multiplier 3 "${present[@]}" || true
	fi
	results meson "$directory" "$stage" "$stage" "$@" >>"${rows:?}"
}

chosen_tests() { # directory option value...
	if [[ -n ${only:-} ]]; then
		results tests "$root/$1" "${@:2}" --match "$only"
	else
		results tests "$root/$1" "${@:2}"
	fi
}

lint_names=(format spdx words links layers layers-self-test python shell units package cppcheck analyzer tidy)

# The compile database and the sources that the build makes: what the deeper checks read.
lint_ground() { # directory compiler
	local generated
	configured "$1" "$2" || return 1
	mapfile -t generated < <(results generated "$root/$1")
	if ((${#generated[@]})); then compiled "$1" "${generated[@]}"; fi
}

stage_lint() {
	local name
	# A tree that cannot be set up or built still has a format, layers and words.
	record_program lint ground-gcc lint_ground build gcc
	record_program lint ground-clang lint_ground build-clang clang
	for name in "${lint_names[@]}"; do
		if [[ -n ${only:-} && $only != "$name" ]]; then continue; fi
		case $name in
		layers-self-test) record_program lint "$name" "$root/tests/lint/layers" --self-test ;;
		*) record_program lint "$name" "$root/tests/lint/$name" ;;
		esac
	done
}

stage_build() {
	configured build gcc
	compiled build all meson-test-prereq tests/sensor/gatehouse-sensor
	record build gcc passed
}

stage_unit() {
	local names
	mapfile -t names < <(chosen_tests build --not fuzz)
	meson_tests unit build "${names[@]}"
}

stage_fuzz() {
	local names
	mapfile -t names < <(chosen_tests build --suite fuzz)
	meson_tests fuzz build "${names[@]}"
}

stage_clang() {
	local names
	configured build-clang clang
	compiled build-clang all meson-test-prereq
	record clang build passed
	mapfile -t names < <(chosen_tests build-clang --not fuzz)
	meson_tests clang build-clang "${names[@]}"
}

# What crosses threads, under the thread sanitizer, which cannot share a build with the others.
stage_tsan() {
	local names targets
	configured build-tsan gcc -Db_sanitize=thread
	mapfile -t names < <(chosen_tests build-tsan --any-suite store,uplink --any-name mailbox,job,discovery-thread)
	if ((${#names[@]} == 0)); then return 0; fi
	mapfile -t targets < <(results targets "$root/build-tsan" "${names[@]}")
	compiled build-tsan "${targets[@]}"
	meson_tests tsan build-tsan "${names[@]}"
}

coverage_floor=90

# Branches of core/ that its own tests take. Without optimisation, so that a branch of the source
# is a branch of the program.
stage_coverage() {
	local names targets verdict directory=$root/build-coverage
	configured build-coverage gcc -Db_coverage=true -Db_sanitize=none -Dbuildtype=debug
	mapfile -t names < <(results tests "$directory" --any-suite core,machines)
	if ((${#names[@]} == 0)); then
		warn "there are no tests of core"
		return 1
	fi
	mapfile -t targets < <(results targets "$directory" "${names[@]}")
	compiled build-coverage "${targets[@]}"
	find "$directory" -name '*.gcda' -delete
	meson_tests coverage build-coverage "${names[@]}"
	gcovr --root "$root" --filter 'daemon/core/' --exclude-unreachable-branches \
		--branches --print-summary \
		--json-summary "$directory/core.json" --txt "$directory/core.txt" "$directory"
	cat "$directory/core.txt"
	if verdict=$(results coverage "$directory/core.json" "$coverage_floor"); then
		record coverage core-branches passed
	else
		record coverage core-branches failed "$verdict"
	fi
	note "$verdict"
}

# The tests in tests/STAGE, with the real programs in a namespace of their own. The words after the
# report go in front of the command.
bed_tests() { # stage report word...
	local stage=$1 report=$root/build/logs/$2.xml arguments=() code=0
	shift 2
	if [[ -n ${only:-} ]]; then arguments+=(-k "$only"); fi
	if [[ -z ${long:-} ]]; then arguments+=(-m 'not long'); fi
	rm -f "$report"
	"$@" "$python" "$root/tests/system/bed/enter.py" -- "$python" -B -m pytest -p no:cacheprovider \
		-raP --junitxml="$report" "${arguments[@]}" "$root/tests/$stage" || code=$?
	# 1: tests failed, which the report says; 5: none was left, by --only or by the other lanes.
	if ((code != 0 && code != 1 && code != 5)); then return "$code"; fi
	results junit "$report" "$stage" >>"${rows:?}"
}

# These tests wait more than they compute: three namespaces get through them together.
system_lanes=3

stage_system() {
	local lane lanes=$system_lanes code=0 at_work=()
	sanitizers
	# Without namespaces they would be in each other's way.
	if [[ -n ${only:-} ]] || ! { unshare -n true || unshare -Urn true; } 2>/dev/null; then lanes=1; fi
	GATEHOUSE_LANES=$(mktemp -d)
	export GATEHOUSE_LANES
	for ((lane = 1; lane <= lanes; lane++)); do
		bed_tests system "system-$lane" >"$root/build/logs/system-$lane.log" 2>&1 &
		at_work+=($!)
	done
	for lane in "${at_work[@]}"; do wait "$lane" || code=$?; done
	for ((lane = 1; lane <= lanes; lane++)); do cat "$root/build/logs/system-$lane.log"; done
	rm -r "$GATEHOUSE_LANES"
	unset GATEHOUSE_LANES
	return "$code"
}

release_options=(-Db_sanitize=none -Dbuildtype=release -Dtests=disabled --prefix=/usr --sysconfdir=/etc)

# The invariants of the road under faults, on a release build: what is preloaded into it has no
# place beside a sanitizer. Six minutes on an idle machine; the limit is for one that hangs. What was
# random is replayed by the GATEHOUSE_SEED in the log.
stage_fault() {
	local limit=1800
	configured build-release gcc "${release_options[@]}"
	compiled build-release daemon/gatehoused daemon/ctl/gatehousectl
	export GATEHOUSE_BUILD=$root/build-release
	if [[ -n ${long:-} || -n ${GATEHOUSE_KILLS:-} ]]; then limit=3h; fi
	if [[ -n ${long:-} ]]; then
		export GATEHOUSE_KILLS=${GATEHOUSE_KILLS:-1000}
	fi
	bed_tests fault fault timeout --signal=INT --kill-after=30 "$limit"
	unset GATEHOUSE_BUILD
	if [[ -n ${long:-} && -z ${only:-} ]]; then
		unset GATEHOUSE_KILLS
		record_program fault mutants "$root/tests/mutants/run"
	fi
}

# An installed tree of a release build: each file where systemd, the shell and a person look.
stage_package() {
	local stage=$root/build-release/stage
	configured build-release gcc "${release_options[@]}"
	compiled build-release
	rm -rf "$stage"
	DESTDIR=$stage meson install -C "$root/build-release" --no-rebuild --quiet
	local file
	for file in usr/sbin/gatehoused usr/bin/gatehousectl etc/gatehouse/gatehouse.conf \
		usr/lib/systemd/system/gatehoused.service usr/lib/sysusers.d/gatehouse.conf \
		usr/lib/sysctl.d/60-gatehouse.conf; do
		record_program package "installs-${file##*/}" test -s "$stage/$file"
	done
	record_program package configuration-is-valid \
		"$stage/usr/sbin/gatehoused" --config "$stage/etc/gatehouse/gatehouse.conf" --check-config
	stage_packages
}

package_checks=(contents lintian size hardening reproducible manual configuration sbom)
package_steps=(install confined tool stranger onboard page key restore completion completion_zsh stop watchdog reload examples reboot upgrade downgrade remove purge again smoke)

# The Debian packages of both releases: built twice and as the next release, looked at, and lived
# with on a booted system. Those of the other release are built and looked at in a root of it.
stage_packages() {
	local own other
	own=$(debian_release)
	other=$((own == 12 ? 13 : 12))
	packages_made "$own" "$root/build/packages"
	if [[ $EUID -ne 0 ]]; then
		record package site skipped "needs root for systemd-nspawn"
		record package "site-$other" skipped "needs root for debootstrap"
		return 0
	fi
	# shellcheck source=tests/lib/debian-root.sh
	. "$root/tests/lib/debian-root.sh"
	# shellcheck source=tests/package/site.sh
	. "$root/tests/package/site.sh"
	# shellcheck source=tests/package/other.sh
	. "$root/tests/package/other.sh"
	apart package "$own-site" site_life "$own" "$root/build/packages" "${package_steps[@]}"
	apart package "$other-site" other_release "$other" "$root/build/packages-other"
}

other_release() { # release directory
	local inside=/var/tmp/packages
	other_begin "$1"
	packages_made "$1" "$inside" other_run
	other_take "$inside" "$2"
	other_end
	site_life "$1" "$2" "${package_steps[@]}"
}

# Runs a function in a shell of its own that ends with the first failure and cleans up after itself.
# Not as a condition: in one the shell would go on.
apart() { # stage name function word...
	local code=0
	("${@:3}") &
	wait $! || code=$?
	if ((code != 0)); then record "$1" "$2" failed "ended by exit code $code: see build/logs/$1.log"; fi
}

# Builds and checks; $3..., if there is one, goes in front of each command.
packages_made() { # release directory [word...]
	local release=$1 built=$2 name
	shift 2
	"$@" rm -rf "$built"
	"$@" mkdir -p "$built"
	record_program package "$release-build" "$@" tests/package/build "$built/one"
	record_program package "$release-build-elsewhere" "$@" tests/package/build --elsewhere "$built/two"
	record_program package "$release-build-next" "$@" tests/package/build "$built/next" "$(project_version).1"
	for name in "${package_checks[@]}"; do
		record_program package "$release-$name" "$@" tests/package/inspect "$name" "$built/one" "$built/two"
	done
}

project_version() { sed -n "s/^  version : '\(.*\)',/\1/p" "$root/meson.build"; }

# Both commands in a new root of the other Debian release.
stage_fresh13() {
	if [[ $EUID -ne 0 ]]; then
		record fresh13 fresh13 skipped "needs root for debootstrap"
		return 0
	fi
	record_program fresh13 fresh13 "$root/tests/fresh" 13
}
