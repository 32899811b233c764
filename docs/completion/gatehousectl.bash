# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion of gatehousectl for bash. The rows follow from the tool's tables and are made by
# "test-documents --write".
# begin: rows
_gatehousectl_always=' --json --socket=PATH --help --version'
_gatehousectl_rows='
setup|| --config=FILE --interfaces=NAMES
status|| --limits
heard||
devices export|ID FILE| --for=KEY
devices import|FILE|
devices|| --stage=S --search=TEXT
show|ID|
add|ADDRESS [EP]|
window open|| --minutes=N
window close||
admit|ID| --code=C --name=TEXT --place=TEXT --owner=TEXT --platform=NAME
approve|ID| --code=C --name=TEXT --place=TEXT --owner=TEXT --platform=NAME
show-code|ID|
reject|ID|
suspend|ID|
resume|ID|
revoke|ID|
release|ID|
forget|ID|
block|ID|
unblock|ID|
unlock|ID|
rename|ID| --name=TEXT --place=TEXT --owner=TEXT
identify|ID| --seconds=N
command|ID NAME [ARGS]|
replace|ID NEW-ID|
users list||
users add|NAME| --role=R --password-file=FILE
users role|NAME| --role=R
users drop|NAME|
tokens import|FILE|
tokens replace|EP| --platform=NAME --password-file=FILE --username=NAME --certificate=FILE --key=FILE
tokens list||
tokens drop|EP|
tokens operator|| --password-file=FILE
tokens operator-drop||
key show||
key rotate||
key reseal|| --to=HOW
backup|FILE| --config=FILE --phrase-file=FILE
restore|FILE| --config=FILE --to=HOW --phrase-file=FILE --replace
codes import|FILE|
codes scan|FILE| --name=TEXT --place=TEXT --owner=TEXT
codes cancel|EP|
codes list||
codes make|NAMES FILE|
qr|FILE| --svg=FILE --page=URL
codes drop|EP|
device-ca list||
device-ca add|FILE| --name=TEXT --admit=POLICY
device-ca withdraw|FINGERPRINT|
site-ca show||
site-ca make|| --name=TEXT --replace
site-ca import|FILE| --replace
site-ca certificate|FILE|
site-ca prove|CODE FILE|
queue dead|| --before=N --limit=N
queue|| --limit=N
journal export|| --who=NAME --action=A --object=O --csv
journal verify||
journal|| --before=N --limit=N --who=NAME --action=A --object=O --follow
alarms clear|ID [SUBJECT]|
alarms||
doctor|| --config=FILE
profiles check|[FILE]| --config=FILE
check-config|FILE|
'
# end: rows

# The ids of the devices, as far as this user may see them. Only plain characters are let through:
# compgen expands what it gets.
_gatehousectl_ids() { # socket
	gatehousectl ${1:+--socket "$1"} devices --json 2>/dev/null |
		sed -n 's/^ \{6\}"id": "\([A-Za-z0-9][A-Za-z0-9._:-]*\)",\{0,1\}$/\1/p'
}

# "words|arguments|options" of the command that $1 and $2 begin, or nothing.
_gatehousectl_row() {
	local row alone=
	while IFS= read -r row; do
		if [[ -n ${2:-} && ${row%%|*} == "$1 $2" ]]; then
			printf '%s\n' "$row"
			return
		fi
		if [[ ${row%%|*} == "$1" ]]; then alone=$row; fi
	done <<<"$_gatehousectl_rows"
	printf '%s\n' "$alone"
}

# What may stand behind the option $1: "" for one without a value.
_gatehousectl_value() {
	local row=$2 option
	for option in $_gatehousectl_always ${row##*|}; do
		if [[ $option == "$1="* ]]; then
			printf '%s\n' "${option#*=}"
			return
		fi
	done
}

_gatehousectl_option_names() {
	local option
	for option in "$@"; do printf '%s\n' "${option%%=*}"; done
}

_gatehousectl_fill() { # word candidates
	mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
}

_gatehousectl_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_gatehousectl() {
	local word=${COMP_WORDS[COMP_CWORD]} typed=() socket='' value='' row='' command arguments first=1 i
	# All options that there are, so that a value is never taken for a command.
	local everything=${_gatehousectl_rows//$'\n'/ }
	everything="||${everything//|/ }"
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--*)
			value=$(_gatehousectl_value "${COMP_WORDS[i]}" "$everything")
			if [[ -n $value ]]; then
				# '--name=value' reaches us as three words.
				if [[ ${COMP_WORDS[i + 1]:-} == = ]]; then i=$((i + 1)); fi
				if ((i + 1 >= COMP_CWORD)); then break; fi
				i=$((i + 1))
				if [[ ${COMP_WORDS[i - 1]} == --socket || ${COMP_WORDS[i - 2]} == --socket ]]; then
					socket=${COMP_WORDS[i]}
				fi
				value=
			fi
			;;
		*) typed+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ $word == = ]]; then word=; fi
	case $value in
	'') ;;
	R)
		_gatehousectl_fill "$word" 'viewer technician admin'
		return
		;;
	FILE | PATH)
		_gatehousectl_files "$word"
		return
		;;
	*) return ;;
	esac
	if ((${#typed[@]})); then row=$(_gatehousectl_row "${typed[@]:0:2}"); fi
	if [[ $word == -* ]]; then
		# shellcheck disable=SC2086 # words
		_gatehousectl_fill "$word" "$(_gatehousectl_option_names $_gatehousectl_always ${row##*|})"
		return
	fi
	if ((${#typed[@]} == 0)); then
		_gatehousectl_fill "$word" "$(awk -F '[ |]' '{ print $1 }' <<<"$_gatehousectl_rows" | sort -u)"
		return
	fi
	if ((${#typed[@]} == 1)); then
		_gatehousectl_fill "$word" "$(sed -n "s/^${typed[0]//[^a-z-]/} \([a-z-]*\)|.*/\1/p" <<<"$_gatehousectl_rows")"
		if ((${#COMPREPLY[@]})); then return; fi
	fi
	# Only the first argument can be told from others.
	command=${row%%|*}
	arguments=${row#*|}
	if [[ $command == *' '* ]]; then first=2; fi
	if ((${#typed[@]} != first)); then return; fi
	case $command:${arguments%%|*} in
	alarms*) ;;
	*:FILE) _gatehousectl_files "$word" ;;
	*:ID) _gatehousectl_fill "$word" "$(_gatehousectl_ids "$socket")" ;;
	esac
}

complete -F _gatehousectl gatehousectl
