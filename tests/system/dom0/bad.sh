# SPDX-License-Identifier: MIT
# Bad input to the tools: each gets one clear line that says what to do, and leaves nothing
# behind. Patterns hold for hvtool; /expect sets strict= where only a refusal is asked for.
. /expect
clear() { if [ -n "$strict" ]; then echo "$1"; else echo .; fi; }
config demo
baseline /tmp/before
head -c 3000000 /guest/vmlinuz >/tmp/short
config short 'kernel = "/tmp/short"'
refuses "a truncated kernel is refused" "$(clear '/tmp/short')" $T create /tmp/short.cfg
config text 'kernel = "/guest/demo.cfg"'
refuses "a kernel that is none is refused" "$(clear '/guest/demo.cfg')" $T create /tmp/text.cfg
config nopv 'kernel = "/bad/nopv"'
refuses "a kernel without PV entry is refused" "$(clear 'nopv.*(PV|Xen)')" $T create /tmp/nopv.cfg
config missing 'kernel = "/guest/nothing"'
refuses "a missing kernel is refused by name" '/guest/nothing' $T create /tmp/missing.cfg
config noinitrd 'ramdisk = "/guest/nothing"'
refuses "a missing ramdisk is refused by name" '/guest/nothing' $T create /tmp/noinitrd.cfg
refuses "a missing configuration is refused by name" '/tmp/no.cfg' $T create /tmp/no.cfg
config big 'memory = 100000'
refuses "more memory than there is is refused" "$(clear 'memory|MiB')" $T create /tmp/big.cfg
config zero 'vcpus = 0'
[ -z "$strict" ] || refuses "no CPU at all is refused" 'vcpus' $T create /tmp/zero.cfg
printf 'name = "x"\nkernel = [ "unclosed\n' >/tmp/syntax.cfg
refuses "a syntax error is refused with its line" "$(clear 'syntax.cfg:2')" \
    $T create /tmp/syntax.cfg
if [ -n "$strict" ]; then
    config typo 'memmory = 64'
    refuses "an unknown key is refused with its place and the nearest known one" \
        'typo.cfg:[0-9]+:[0-9]+.*memory' $T create /tmp/typo.cfg
    refuses "an unknown command is refused with the nearest known one" 'create' $T craete x
    refuses "an unknown domain is refused by name" 'nobody' $T destroy nobody
fi
check "a guest is created" $T create -p /tmp/demo.cfg
refuses "a second guest of the same name is refused" 'demo' $T create /tmp/demo.cfg
check "the first is still there" $T destroy demo
unchanged "nothing is left behind" /tmp/before 100

# A full disk: nothing can be kept, but a guest does not depend on it.
mount -t tmpfs -o size=4k full /var/cache 2>/dev/null ||
    { mkdir -p /var/cache; mount -t tmpfs -o size=4k full /var/cache; }
dd if=/dev/zero of=/var/cache/fill bs=4k 2>/dev/null
check "a guest is created with a full disk under the cache" $T create -p /tmp/demo.cfg
check "and destroyed" $T destroy demo
umount /var/cache
unchanged "nothing is left of that" /tmp/before 100
