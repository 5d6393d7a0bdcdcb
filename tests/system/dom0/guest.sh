# SPDX-License-Identifier: MIT
# A guest's life, from create to its several ends.
baseline /tmp/before
config demo 'maxmem = 512'
check "create starts the demo guest, and its banner comes" up demo
check "it answers on its console" answers demo
says "list shows it in xl's columns" '^demo +[0-9]+ +256 +1 +[-rb][-rb]---- +[0-9]+\.[0-9]$' \
    $T list
if [ $T = hvtool ]; then
    says "it may have up to maxmem" '"max_memory_kib": 525312' $T list --json demo
fi
id=$($T domid demo)
says "domid gives its number" '^[1-9][0-9]*$' $T domid demo
says "domname gives its name" '^demo$' $T domname "$id"
says "vcpu-list shows its CPU" "^demo +$id +0 +([01]|-) " $T vcpu-list demo
refuses "a second guest of that name is refused" 'demo' $T create /tmp/demo.cfg
check "pause stops it" $T pause demo
says "list says that it is paused" '^demo +[0-9]+ +256 +1 +[-r][-b]p' $T list
check "unpause lets it run" $T unpause demo
check "it answers again" answers demo
check "vcpu-pin ties it to a CPU" $T vcpu-pin demo 0 1
says "vcpu-list says so" "^demo +$id +0 +[01-] .* 1 / " $T vcpu-list demo
check "rename gives it another name" $T rename demo other
says "list shows the new name" '^other ' $T list
check "and back" $T rename other demo
check "shutdown ends it cleanly" down demo
unchanged "nothing is left of it" /tmp/before 100

# Its own power-off.
config off 'extra = "console=hvc0 lab.do=poweroff"'
timeout 300 $T create -c /tmp/off.cfg </dev/null >/tmp/off.out 2>&1
check "a guest that powers off is created, with its console and no input" test $? = 0
if wait_for 60 gone off; then ok "and goes away"; else not_ok "and goes away" "it stays"; fi
says "its console was shown to the end" 'The demo guest is up' cat /tmp/off.out
$T destroy off 2>/dev/null

# A panic, with on_crash = destroy.
config panic 'extra = "console=hvc0 lab.do=panic"' 'on_crash = "destroy"'
check "a guest that panics is created" $T create -p /tmp/panic.cfg
wait_for 60 has_tty panic
timeout 300 $T console panic </dev/null >/tmp/panic.out 2>&1 &
$T unpause panic
if wait_for 90 gone panic; then ok "and is destroyed"; else not_ok "and is destroyed" stays; fi
wait $!
says "its console showed its last words, without any input" 'Kernel panic' cat /tmp/panic.out
$T destroy panic 2>/dev/null

# A reboot: the same name, a new number.
config again
check "a guest is up" up again
old=$($T domid again)
check "reboot is taken" $T reboot again
renewed() { local new; new=$($T domid again 2>/dev/null) && [ "$new" != "$old" ]; }
if wait_for 60 renewed; then
    ok "it is back with a new number"
    console_end again
    console again
    if wait_for 90 heard again 'The demo guest is up'; then
        ok "and comes up again"
    else
        not_ok "and comes up again" "$(last_words again)"
    fi
else
    not_ok "it is back with a new number" "$($T list)"
fi
check "destroy ends it" $T destroy again
wait_for 60 gone again
console_end again

# Killed in mid-boot, and one that never yields.
config early
check "a guest is created" $T create /tmp/early.cfg
sleep 2
check "destroy in mid-boot ends it" $T destroy early
config spin 'extra = "console=hvc0 lab.do=spin"'
check "a guest that never yields is up" up spin
check "destroy ends it all the same" $T destroy spin
wait_for 60 gone spin
console_end spin
unchanged "nothing is left of any of them" /tmp/before 100
