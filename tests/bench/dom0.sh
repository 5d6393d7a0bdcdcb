# SPDX-License-Identifier: MIT
# What the benchmark does in dom0, on either hypervisor. Prints JSON lines. busybox's shell.
# Stamps (icount.c): 1 before, 2 behind each step named in the line before.
cd /bench || exit 1
if command -v hvtool >/dev/null; then T=hvtool; else T=xl; fi
bench=/bench/bench

# timed NAME COMMAND...: one step between two stamps; its output is kept for the log.
timed() {
    local name=$1
    shift
    $bench -s 1
    "$@" >/tmp/step 2>&1
    local status=$?
    $bench -s 2
    echo "{\"step\":\"$name\",\"status\":$status}"
    [ $status = 0 ] || sed 's/^/# /' /tmp/step
    return $status
}

# config NAME MEMORY KERNEL LINE...
config() {
    printf 'name = "%s"\nmemory = %s\nkernel = "%s"\ntype = "pv"\nvcpus = 1\n' "$1" "$2" "$3"
    shift 3
    printf '%s\n' 'on_poweroff = "destroy"' 'on_crash = "destroy"' "$@"
}

# unused: MiB that no domain has.
unused() { $T info | awk -F: '/^free_memory/ { print $2 + 0 }'; }

# gone NAME UNUSED: waits until the guest has ended and its memory (but for what the heap may
# have kept) is back, so that the next step does not pay for its end; a minute of the
# machine's own time.
gone() {
    local n=0
    while $T domid "$1" >/dev/null 2>&1 || [ "$(unused)" -lt $(($2 - 8)) ]; do
        n=$((n + 1))
        [ $n -lt 300 ] || return 1
        usleep 200000
    done
}

# settle: half a second in which nobody wants anything. Both hypervisors zero what is free
# while a CPU is idle; a guest created in the same breath as another one's end would pay for
# that instead.
settle() { usleep 500000; }

# guest NAME LINE...: a Linux guest whose /init is the benchmark; prints what it prints.
guest() {
    local name=$1 before
    before=$(unused)
    shift
    config "$name" 256 /guest/vmlinuz 'ramdisk = "/bench/guest.cpio"' "$@" >"/tmp/$name.cfg"
    settle
    timed "create $name" $T create -p "/tmp/$name.cfg" || return 1
    $T console "$name" </dev/null >"/tmp/$name.out" 2>&1 &
    usleep 200000
    timed "start $name" $T unpause "$name"
    gone "$name" "$before" || echo "# guest $name did not end"
    tr -d '\r' <"/tmp/$name.out" | sed -n "s/^{\"in\":\"guest\"/{\"in\":\"$name\"/p"
    grep -q '^guest done' "/tmp/$name.out" || {
        echo "# guest $name did not finish"
        tail -n 20 "/tmp/$name.out" | tr -d '\r' | sed 's/^/# /'
        $T destroy "$name" 2>/dev/null
    }
}

# What some small guests take besides their own memory.
several() {
    local n names='a b c d e f g h'
    for n in $names; do
        config "$n" 16 /bench/tiny.elf >/tmp/several.cfg
        $T create -p /tmp/several.cfg >/dev/null 2>&1 || echo "# guest $n was not created"
    done
    [ -z "$1" ] || /bench/memory "$1"
    for n in $names; do $T destroy "$n"; done
}

/bench/memory boot
$bench
several '' # dom0's tables for the first are not theirs
usleep 500000
/bench/memory before
several guests

timed nothing true # what two stamps cost
config tiny 16 /bench/tiny.elf >/tmp/tiny.cfg
$T create -p /tmp/tiny.cfg >/dev/null 2>&1 && $T destroy tiny
settle
timed "create tiny" $T create -p /tmp/tiny.cfg && timed "destroy tiny" $T destroy tiny
timed list $T list

# A kernel as a plain ELF file. The disk may be longer than the file.
dd if=/dev/vda of=/tmp/vmlinux bs=1M 2>/dev/null
config elf 256 /tmp/vmlinux 'ramdisk = "/bench/guest.cpio"' >/tmp/elf.cfg
$T create -p /tmp/elf.cfg >/dev/null 2>&1 && $T destroy elf
settle
timed "create elf" $T create -p /tmp/elf.cfg && $T destroy elf
rm /tmp/vmlinux

guest native 'extra = "console=hvc0"' 'tsc_mode = "native"'
guest default 'extra = "console=hvc0 clock_gettime"'
$bench -s 0
