#!/bin/bash
# SPDX-License-Identifier: MIT
# guest-patches/linux-6.1.config says what a kernel must switch on: Debian's own does, and
# nothing in the list gets lost when it is merged over the smallest configuration.
set -u
top=@TOP@
fragment=$top/guest-patches/linux-6.1.config
config=$(find "$top"/build/cache/linux/boot /boot -maxdepth 1 -name "config-6.1*" \
    2>/dev/null | head -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

result() { # STATUS NAME [WHY]
    n=$((n + 1))
    echo "$1 $n - $2${3:+: $3}"
}

# missing CONFIG: settings of the fragment that CONFIG does not have, m being served by y.
missing() {
    grep -E '^CONFIG_' "$fragment" | while IFS='=' read -r key value; do
        if [ "$value" = m ]; then
            grep -qE "^$key=[ym]$" "$1" || echo "$key"
        else
            grep -qx "$key=$value" "$1" || echo "$key"
        fi
    done | tr '\n' ' '
}

name="Debian's kernel has all that the list asks for"
if [ -z "$config" ]; then
    result ok "$name # SKIP no configuration of linux-image-6.1 here"
else
    lost=$(missing "$config")
    if [ -z "$lost" ]; then result ok "$name"; else result 'not ok' "$name" "$lost"; fi
fi

name="each setting is listed once"
twice=$(grep -oE '^CONFIG_[A-Z0-9_]+' "$fragment" | sort | uniq -d | tr '\n' ' ')
if [ -z "$twice" ]; then result ok "$name"; else result 'not ok' "$name" "$twice"; fi

name="the list is enough over the smallest configuration of linux-source-6.1"
source=${LINUX_SOURCE:-}
if [ ! -e "$source/scripts/kconfig/merge_config.sh" ]; then
    result ok "$name # SKIP LINUX_SOURCE does not name the unpacked source"
else
    # Modules as built-in: the smallest configuration has no modules.
    sed 's/=m$/=y/' "$fragment" >"$work/fragment"
    (cd "$source" && make -s O="$work/out" ARCH=x86_64 tinyconfig &&
        KCONFIG_CONFIG=$work/out/.config scripts/kconfig/merge_config.sh -m -O "$work/out" \
            "$work/out/.config" "$work/fragment" &&
        make -s O="$work/out" ARCH=x86_64 olddefconfig) >"$work/log" 2>&1 || cat "$work/log" >&2
    lost=$(missing "$work/out/.config")
    if [ -z "$lost" ]; then result ok "$name"; else result 'not ok' "$name" "$lost"; fi
fi
echo "1..$n"
