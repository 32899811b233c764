#compdef gatehousectl
# SPDX-License-Identifier: Apache-2.0
# Completion of gatehousectl for zsh. The rows follow from the tool's tables and are made by
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

local -a rows typed names everything
local row option value='' socket='' i first
rows=(${(f)_gatehousectl_rows})
# All options that there are, so that a value is never taken for a command.
everything=(${=_gatehousectl_always} ${=${rows##*|}})

for ((i = 2; i < CURRENT; i++)); do
	if [[ $words[i] != --* ]]; then
		typed+=($words[i])
		continue
	fi
	for option in $everything; do
		if [[ $option == $words[i]=* ]]; then value=${option#*=}; fi
	done
	if [[ -n $value ]]; then
		if ((i + 1 == CURRENT)); then break; fi
		if [[ $words[i] == --socket ]]; then socket=$words[i+1]; fi
		value=
		((i++))
	fi
done

case $value in
'') ;;
R)
	compadd viewer technician admin
	return
	;;
FILE | PATH)
	_files
	return
	;;
*) return 1 ;;
esac

for option in $rows; do
	if [[ ${option%%\|*} == "$typed[1]" && -z $row || ${option%%\|*} == "$typed[1] $typed[2]" ]]; then
		row=$option
	fi
done

if [[ $words[CURRENT] == -* ]]; then
	names=(${=_gatehousectl_always} ${=row##*|})
	compadd -- ${names%%=*}
	return
fi

case $#typed in
0)
	names=(${rows%%[ |]*})
	compadd -- ${(u)names}
	return
	;;
1)
	names=(${${(M)rows:#$typed[1] *}%%\|*})
	if ((${#names})); then
		compadd -- ${names#* }
		return
	fi
	;;
esac

# Only the first argument can be told from others.
first=1
if [[ ${row%%\|*} == *' '* ]]; then first=2; fi
if (($#typed != first)); then return 1; fi
case ${row#*|} in
FILE\|*) _files ;;
ID\|*)
	# Only plain characters are let through: what a device calls itself is foreign.
	names=(${(f)"$(gatehousectl ${socket:+--socket} ${socket:+$socket} devices --json 2>/dev/null |
		sed -n 's/^ \{6\}"id": "\([A-Za-z0-9][A-Za-z0-9._:-]*\)",\{0,1\}$/\1/p')"})
	compadd -- $names
	;;
esac
