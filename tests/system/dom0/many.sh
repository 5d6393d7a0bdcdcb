# SPDX-License-Identifier: MIT
# Ten guests at once; then many a creation and destruction. /expect sets cycles.
. /expect
state >/tmp/before
for n in 0 1 2 3 4 5 6 7 8 9; do
    config "many$n" 'memory = 96'
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

config small 'memory = 96'
cycle() { $T create -p /tmp/small.cfg && $T destroy small; }
done=0
while [ $done -lt "$cycles" ]; do
    cycle >/tmp/out 2>&1 || break
    done=$((done + 1))
    # The first creation may leave what every later one finds: a cache, an empty folder.
    [ $done != 1 ] || state >/tmp/before
done
if [ $done = "$cycles" ]; then
    ok "a guest is created and destroyed $cycles times"
else
    not_ok "a guest is created and destroyed $cycles times" "$done: $(cat /tmp/out)"
fi
unchanged "memory and the store are exactly what they were" /tmp/before
