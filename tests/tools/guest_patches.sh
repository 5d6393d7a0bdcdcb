#!/bin/bash
# SPDX-License-Identifier: MIT
# guest-patches: the configuration fragments and the patch series, against Debian's own kernel
# configuration and its linux-source-6.1 (fetched; LINUX_SOURCE may name another copy).
set -u
top=@TOP@
here=$top/guest-patches
fragment=$here/linux-6.1.config
config=$(find "$top"/build/cache/linux/boot /boot -maxdepth 1 -name "config-6.1*" \
    2>/dev/null | head -1)
source=${LINUX_SOURCE:-$("$top/tests/lab/fetch" linux-source)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

result() { # STATUS NAME [WHY]
    n=$((n + 1))
    echo "$1 $n - $2${3:+: $3}"
}

# none NAME LIST: it is well if there is nothing in the list.
none() {
    if [ -z "$2" ]; then result ok "$1"; else result 'not ok' "$1" "$2"; fi
}

# missing FRAGMENT CONFIG: its settings that CONFIG does not have, m being served by y.
missing() {
    {
        grep -E '^CONFIG_' "$1" | while IFS='=' read -r key value; do
            if [ "$value" = m ]; then
                grep -qE "^$key=[ym]$" "$2" || echo "$key"
            else
                grep -qx "$key=$value" "$2" || echo "$key"
            fi
        done
        sed -n 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1/p' "$1" | while read -r key; do
            if grep -q "^$key=" "$2"; then echo "no $key"; fi
        done
    } | tr '\n' ' '
}

# merged FRAGMENT: the smallest configuration of the source with the fragment over it, modules
# as built-in (it has none); prints what got lost.
merged() {
    local out=$work/out
    rm -rf "$out"
    sed 's/=m$/=y/' "$1" >"$work/fragment"
    (cd "$source" && make -s O="$out" ARCH=x86_64 tinyconfig &&
        KCONFIG_CONFIG=$out/.config scripts/kconfig/merge_config.sh -m -O "$out" \
            "$out/.config" "$work/fragment" &&
        make -s O="$out" ARCH=x86_64 olddefconfig) >"$work/log" 2>&1 || cat "$work/log" >&2
    missing "$work/fragment" "$out/.config"
}

# applied: patches the files that the series names, and prints what does not fit at once.
applied() {
    local name file
    while read -r name; do
        sed -n 's|^--- a/\([^ ]*\).*|\1|p' "$here/linux-6.1/$name" | while read -r file; do
            mkdir -p "$work/tree/${file%/*}"
            [ -e "$work/tree/$file" ] || cp "$source/$file" "$work/tree/$file"
        done
        patch -d "$work/tree" -p1 --fuzz=0 <"$here/linux-6.1/$name" >"$work/patch" 2>&1 &&
            ! grep -qE 'fuzz|offset' "$work/patch" || echo "$name"
    done <"$work/series" | tr '\n' ' '
}

grep -vE '^(#|$)' "$here/linux-6.1/series" >"$work/series"
name="Debian's kernel has all that the list asks for"
if [ -z "$config" ]; then
    result ok "$name # SKIP no configuration of linux-image-6.1 here"
else
    none "$name" "$(missing "$fragment" "$config")"
fi
none "each setting is listed once" \
    "$(cat "$here"/*.config | grep -oE '^(# )?CONFIG_[A-Z0-9_]+' | tr -d '# ' | sort |
        uniq -d | tr '\n' ' ')"
none "the series names each patch in the folder, and no other" \
    "$(cd "$here/linux-6.1" && ls ./*.patch | sed 's|^./||' | sort |
        diff - <(sort "$work/series") | sed -n 's/^[<>] //p' | tr '\n' ' ')"
none "each patch says what it is for, and its licence" \
    "$(while read -r name; do
        sed '/^---$/q' "$here/linux-6.1/$name" | grep -qz 'Subject: .*Licence: GPL-2.0' ||
            echo "$name"
    done <"$work/series" | tr '\n' ' ')"

if [ ! -e "$source/scripts/kconfig/merge_config.sh" ]; then
    for name in "the list is enough over the smallest configuration of linux-source-6.1" \
        "so is that of the guest kernel" "the series applies without fuzz or offset"; do
        result ok "$name # SKIP no source of linux-source-6.1 to be had"
    done
else
    none "the list is enough over the smallest configuration of linux-source-6.1" \
        "$(merged "$fragment")"
    sed '/^# --- Guests that are also/,$d' "$fragment" | cat - "$here/guest-kernel-6.1.config" \
        >"$work/guest"
    none "so is that of the guest kernel" "$(merged "$work/guest")"
    none "the series applies without fuzz or offset" "$(applied)"
fi
echo "1..$n"
