# SPDX-License-Identifier: MIT
# What the system tests share. A test is a script that boots machines with tests/lab/hvlab and
# prints TAP. What happens in dom0 is a script in dom0/, which prints its results itself, so
# that one boot serves many. HYPERVISOR and TOOLS (ours, xen) say what is under test: on the
# real Xen the same script shows what is right. Sourced.
# shellcheck shell=bash
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hvlab=$here/../lab/hvlab
O=${O:-$(cd "$here/../.." && pwd)/build}
export O
hypervisor=${HYPERVISOR:-ours}
tools=${TOOLS:-$hypervisor}
results=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
logs=${TEST_LOG:-$O/tests/log}
mkdir -p "$logs"

result() {
    results=$((results + 1))
    echo "$1 $results - $2"
}
ok() { result ok "$1"; }
not_ok() { result 'not ok' "$1: $2"; }
skip() { result ok "$1 # SKIP $2"; }
finish() { echo "1..$results"; }

# Builds the reference guest; "${reference[@]}" are the options that give it to dom0.
reference_guest() {
    make -s -C "$here/../guest" "$O/tests/guest/reference.elf" >"$scratch/make" 2>&1 ||
        sed 's/^/# /' "$scratch/make"
    reference=(--add "$O/tests/guest/reference.elf:/guest/reference.elf")
}

# in_dom0 TITLE SCRIPT HVLAB-OPTION...: boots a machine and runs dom0/SCRIPT there. Its results
# become ours, with the title before them; a machine that does not live to its end is a failure.
in_dom0() {
    local title=$1 script=$2 status log
    shift 2
    log=$logs/$(basename "$0" .sh)-$(echo "$title" | tr -c 'A-Za-z0-9\n' -)
    lab "$title" "$log" --add "$here/dom0:/test" "$@" -- ". /test/lib.sh; . /test/$script"
    while IFS= read -r line; do
        case $line in
        'ok - '*) result ok "$title: ${line#ok - }" ;;
        'not ok - '*) result 'not ok' "$title: ${line#not ok - }" ;;
        *) echo "# $line" ;;
        esac
    done < <(sed '$a\' "$log.out")
    case $status in
    0) ok "$title: the machine did all of it" ;;
    124 | 125)
        not_ok "$title: the machine did all of it" "$(grep -am1 '^hvlab:' "$log.err")"
        sed 's/^/# /' "$log.err"
        ;;
    *)
        not_ok "$title: the machine did all of it" "status $status"
        tail -n 5 "$log.err" | sed 's/^/# /'
        ;;
    esac
}

# lab TITLE LOG HVLAB-ARGUMENT...: runs hvlab; sets status, and leaves LOG.out, LOG.err and
# LOG.console. An emulator that a signal ended says nothing about the machine in it: that is
# told, and the machine started once more, never twice.
lab() {
    local title=$1 log=$2
    shift 2
    lab_once "$log" "$@"
    [ $status = 124 ] || return 0
    echo "# $title: $(grep -am1 '^hvlab:' "$log.err" | cut -d';' -f1); started once more"
    cp "$log.console" "$log.crashed.console"
    lab_once "$log" "$@"
}
lab_once() {
    local log=$1
    shift
    "$hvlab" --hypervisor "$hypervisor" --tools "$tools" --log "$log.console" --timeout 900 \
        "$@" >"$log.out" 2>"$log.err"
    status=$?
}

# guest_modules MODULE...: an archive with what guests' kernel has as modules, in /blk there,
# to be loaded in the order of its names: prints its path.
guest_modules() {
    local kernel
    kernel=$("$here/../lab/fetch" linux)
    "$here/../lab/guest-modules" "$kernel" "$scratch/modules" "$@"
    (cd "$scratch/modules" && find . -mindepth 1 -print0 | cpio -0 -o -H newc -R 0:0 --quiet) \
        >"$scratch/blk.cpio"
    echo "$scratch/blk.cpio"
}
