# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The npm packages of tests/package.json, as the lock file has them, in tests/node_modules. Needs
# common.sh. Nothing is fetched while what is installed came from this very lock file.

npm_install() {
	local tests=${root:?}/tests stamp=${root:?}/tests/node_modules/.installed-from
	if cmp -s "$tests/package-lock.json" "$stamp"; then return 0; fi
	if ! command -v npm >/dev/null 2>&1; then
		warn "npm is missing: the tests with node-coap and a browser will be skipped"
		return 0
	fi
	say "installing: npm packages of tests/package.json"
	(cd "$tests" && npm ci --no-audit --no-fund --ignore-scripts --no-update-notifier --loglevel=error </dev/null) || return 1
	cp "$tests/package-lock.json" "$stamp"
}
