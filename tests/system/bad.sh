#!/bin/bash
# SPDX-License-Identifier: MIT
# Bad input: each gets one clear line that says what to do.
. "$(dirname "$0")/lib.sh"

# dies NAME PATTERN HVLAB-OPTION...: the hypervisor stops with a line that matches; on the real
# Xen any panic will do.
dies() {
    local name=$1 pattern=$2 log status
    shift 2
    log=$logs/bad-boot-$results
    [ "$hypervisor" = ours ] || pattern='Panic on CPU'
    lab "$name" "$log" "$@" -- true
    if [ $status != 125 ]; then
        not_ok "$name" "hvlab ended with $status"
    elif grep -aqE "$pattern" "$log.console"; then
        ok "$name"
    else
        not_ok "$name" \
            "no '$pattern': $(grep -a -A1 'Panic on' "$log.console" | tr -d '\r' | tr '\n' ' ')"
    fi
}

echo 'int _start(void) { return 0; }' >"$scratch/nopv.c"
${CC:-gcc} -nostdlib -static -o "$scratch/nopv" "$scratch/nopv.c"
head -c 3000000 "$O/cache/linux/vmlinuz" >"$scratch/short"
head -c 100000 /dev/zero >"$scratch/zeroes"
dies 'no module: asks for one' 'no kernel for dom0.*module2' --no-modules
dies 'a module that is no kernel: says so' "dom0's kernel.*(not|no |neither)" \
    --kernel "$scratch/zeroes"
dies 'a truncated kernel: says so' "dom0's kernel.*(truncated|damaged|cut|short|corrupt)" \
    --kernel "$scratch/short"
dies 'a kernel without PV entry: says so' 'no Xen entry.*CONFIG_XEN_PV' --kernel "$scratch/nopv"
# Xen takes what there is.
[ "$hypervisor" = xen ] || dies 'dom0_mem beyond the machine: says how much there is' \
    'dom0_mem=.*more than' --hv-args dom0_mem=64G
dies 'too little dom0_mem for kernel and initrd: says so' 'dom0 needs .* but dom0_mem' \
    --hv-args dom0_mem=32M

log=$logs/bad-option.console
strict=1
[ "$tools" = ours ] || strict=
echo "strict=$strict" >"$scratch/expect"
in_dom0 'tools' bad.sh --add "$scratch/expect:/expect" --add "$scratch/nopv:/bad/nopv" \
    --hv-args dom0_memm=1
log=$logs/bad-tools.console
pattern='dom0_memm.*dom0_mem([^m]|$)'
[ "$hypervisor" = ours ] || pattern='dom0_memm'
if grep -aqE "^\(XEN\) .*$pattern" "$log"; then
    ok 'an unknown boot option: a warning names it and the nearest known one'
else
    not_ok 'an unknown boot option: a warning names it and the nearest known one' \
        "$(grep -am2 dom0_memm "$log" | tr -d '\r' | tr '\n' ' ')"
fi
finish
