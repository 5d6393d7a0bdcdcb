#!/bin/bash
# SPDX-License-Identifier: MIT
# Every command of hvtool is in its manual and its completion, with the options it names itself.
set -u
top=@TOP@
hvtool=${O:-$top/build}/dom0-tools/hvtool/hvtool
n=0

result() { # STATUS NAME [WHY]
    n=$((n + 1))
    echo "$1 $n - $2${3:+: $3}"
}
# all NAME MISSING
all() {
    if [ -z "$2" ]; then result ok "$1"; else result 'not ok' "$1" "not:$2"; fi
}

# shellcheck source=/dev/null
. "$top/dom0-tools/hvtool/hvtool.bash"
compopt() { :; } # only where readline completes
# offered WORDS...: what is offered as the last of them.
offered() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _hvtool
    printf '%s\n' "${COMPREPLY[@]}"
}

manual=$(sed 's/\\-/-/g; s/\\f.//g; s/"//g' "$top/dom0-tools/hvtool/hvtool.8")
commands=$("$hvtool" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
no_usage='' no_entry='' not_offered='' no_option='' option_not_offered=''
for command in $commands; do
    usage=$("$hvtool" help "$command" | head -n 1)
    case $usage in "Usage: hvtool $command"*) ;; *) no_usage+=" $command" ;; esac
    entry=$(grep -E "^\.BR? (.*, +)?$command( |$)" <<<"$manual")
    [ -n "$entry" ] || no_entry+=" $command"
    offered hvtool '' | grep -qx -- "$command" || not_offered+=" $command"
    for option in $(grep -oE -- '\[-[-a-z]+' <<<"$usage" | tr -d '['); do
        grep -qF -- "$option" <<<"$entry" || no_option+=" $command $option"
        offered hvtool "$command" - | grep -qx -- "$option" ||
            option_not_offered+=" $command $option"
    done
done
if [ "$(wc -w <<<"$commands")" -ge 18 ]; then
    result ok 'help lists the commands'
else
    result 'not ok' 'help lists the commands' "$commands"
fi
all 'each has its usage' "$no_usage"
all 'each is in the manual' "$no_entry"
all 'each is offered by the completion' "$not_offered"
all 'every option is in the manual' "$no_option"
all 'every option is offered by the completion' "$option_not_offered"
json=''
for command in block-list channel-list network-list stats vm-list \
    create list info dmesg domid domname vcpu-list sched uptime; do
    "$hvtool" help "$command" | grep -qF -- --json || json+=" $command"
done
all 'every command that reports takes --json' "$json"

# keys FILE: the settings that xl.cfg(5) explains, less those that stand within a list's strings.
within=' backend connection connectors controller display height hostaddr hostbus path pnode policy
    port ports security_model size strategy tag vdistances version width '
keys() {
    zcat "$1" | grep -oE '^\.IX Item "[a-z][a-z_0-9]* ?=' | sed 's/.*"//; s/ *=//' | sort -u |
        while read -r key; do
            case $within in *[[:space:]]"$key"[[:space:]]*) ;; *) echo "$key" ;; esac
        done
}
name='every key of xl.cfg(5) is served, or warned of by its name'
page=$(find "$top"/build/cache/xen/usr/share/man/man5 /usr/share/man/man5 -name 'xl.cfg.5.gz' \
    2>/dev/null | head -1)
if [ -n "$page" ]; then
    cfg=$(mktemp) unknown='' count=0
    for key in $(keys "$page"); do
        printf "name = 'g'\nkernel = '/k'\n%s = 'x'\n" "$key" >"$cfg"
        if "$hvtool" create -n "$cfg" 2>&1 | grep -q 'unknown key'; then unknown+=" $key"; fi
        count=$((count + 1))
    done
    rm -f "$cfg"
    [ "$count" -ge 130 ] || unknown+=" (the manual has only $count)"
    all "$name" "$unknown"
else
    result ok "$name # SKIP no such page here"
fi
echo "1..$n"
