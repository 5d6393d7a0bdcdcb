# SPDX-License-Identifier: MIT
# Many a creation and destruction; then ten guests at once. /expect sets cycles, and how many
# of them at_once.
. /expect
for n in 0 1 2 3 4 5 6 7 8 9; do config "many$n" 'memory = 96'; done
# round: so many guests are created, none of them starts, and all are destroyed.
round() {
    local n
    for n in $(seq 0 $((at_once - 1))); do $T create -p "/tmp/many$n.cfg" || return; done
    for n in $(seq 0 $((at_once - 1))); do $T destroy "many$n" || return; done
}
done=0
while [ $done -lt "$cycles" ]; do
    round >/tmp/out 2>&1 || break
    done=$((done + at_once))
    # The first may leave what later ones find: a cache, pages of dom0's tables.
    [ $done != "$at_once" ] || settled /tmp/before
done
if [ $done = "$cycles" ]; then
    ok "a guest is created and destroyed $cycles times, $at_once at once"
else
    not_ok "a guest is created and destroyed $cycles times" "$done: $(cat /tmp/out)"
fi
unchanged "memory and the store are exactly what they were" /tmp/before

for n in 0 1 2 3 4 5 6 7 8 9; do
    $T create "/tmp/many$n.cfg" >/tmp/out 2>&1 ||
        not_ok "guest $n of ten is created" "$(cat /tmp/out)"
    console "many$n"
done
for n in 0 1 2 3 4 5 6 7 8 9; do
    if wait_for 240 heard "many$n" 'The demo guest is up'; then
        check "guest $n of ten is up and answers" answers "many$n"
    else
        not_ok "guest $n of ten is up and answers" "$(last_words "many$n")"
    fi
done
says "list shows all ten" '^11$' sh -c "$T list | grep -cE '^(many[0-9]|Domain-0) '"
for n in 0 1 2 3 4 5 6 7 8 9; do
    $T destroy "many$n"
    console_end "many$n"
done
unchanged "ten guests leave nothing behind" /tmp/before
