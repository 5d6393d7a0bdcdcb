# SPDX-License-Identifier: MIT
# Ten reference guests on a bridge, each to each: packets of every size, with checksums and
# segments, and each byte of what comes back is compared (tests/guest/reference/net.c). For as
# many minutes as MINUTES says; without, until each has talked to each. Sourced.
ten='2 3 4 5 6 7 8 9 10 11'
create_ten() {
    local n
    for n in $ten; do
        printf '%s\n' "name = \"ten$n\"" 'type = "pv"' 'kernel = "/guest/reference.elf"' \
            'memory = 16' 'vcpus = 1' "extra = \"device/vif/0 $n 10 1\"" \
            'vif = ["bridge=xenbr0"]' >"/tmp/ten$n.cfg"
        $T create -p "/tmp/ten$n.cfg" || return 1
        console "ten$n"
    done
    for n in $ten; do $T unpause "ten$n"; done
}
all_heard() {
    local n
    for n in $ten; do heard "ten$n" 'round 0 ' || { last_words "ten$n"; return 1; }; done
}
# counts: of all guests, what they say of their rounds.
counts() {
    cat /tmp/ten*.out | tr -d '\r,' | awk '
        /^round [0-9]+ ok/ { good++ }
        /^round [0-9]+ failed/ || /not ok/ { bad++ }
        END { print good + 0, "rounds ok,", bad + 0, "failed" }'
    for n in $ten; do
        tail -n 1 "/tmp/ten$n.out" | tr -d '\r' | sed "s/^/# guest $n: /"
    done
}
all_well() { ! grep -E 'not ok|failed' /tmp/ten*.out; }
# Two queues each, chosen by a table of theirs.
spread() {
    [ "$(cat /tmp/ten*.out | grep -c '^hashes: agreed, [1-9][0-9]* right, 0 wrong, 0 w')" = 10 ] ||
        { grep '^hashes:' /tmp/ten*.out; return 1; }
}
check "ten guests on a bridge are created" create_ten
check "each has talked to each" wait_for 200 all_heard
if [ "${MINUTES:-0}" != 0 ]; then
    end=$(($(cut -d. -f1 /proc/uptime) + MINUTES * 60))
    while [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; do sleep 5; done
    all_go_on() { for n in $ten; do goes_on "ten$n" || return 1; done; }
    check "after $MINUTES minutes all of them go on" all_go_on
    echo "# $(counts)"
fi
forged() { [ "$(cat /tmp/ten*.out | grep -c '^forged: 4 of 4 refused')" = 10 ]; }
each_in_group() {
    for n in $ten; do grep -q 'group [1-9]' "/tmp/ten$n.out" || return 1; done
}
check "each gets its multicast group's packets, and no other's" wait_for 100 each_in_group
check "no packet with a forged length has come through" forged
check "packets came by the queues that their hashes say" spread
check "and no byte was wrong" all_well
for n in $ten; do
    $T destroy "ten$n"
    console_end "ten$n"
done
unchanged "nothing is left of them" /tmp/before 100
