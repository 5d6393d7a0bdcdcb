#!/bin/bash
# SPDX-License-Identifier: MIT
# Kernels as guests: plain ELF, compressed ELF, the newer kernel of the security archive; that
# kernel as dom0, too.
# Debian's bzImage with its xz payload is in every other test.
. "$(dirname "$0")/lib.sh"
mkdir -p "$scratch/kernels"
image=$O/cache/linux/vmlinuz
"$here/../lab/fetch" linux >/dev/null
# The payload of a bzImage is found by the xz stream's magic number.
offset=$(LC_ALL=C grep -obUaP -m1 '\xfd7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream >"$scratch/elf" 2>/dev/null
strip -o "$scratch/kernels/elf" "$scratch/elf"
gzip -1 <"$scratch/kernels/elf" >"$scratch/kernels/elf-gz"
new=$("$here/../lab/fetch" linux-new 2>"$scratch/why")
if [ -n "$new" ]; then
    cp -L "$new/vmlinuz" "$scratch/kernels/newer"
    in_dom0 'kernels' kernels.sh --add "$scratch/kernels:/kernels"
    rm "$scratch"/kernels/elf*
    in_dom0 'the newer kernel as dom0' kernels.sh --kernel "$(echo "$new"/boot/vmlinuz-*)" \
        --add "$scratch/kernels:/kernels"
else
    in_dom0 'kernels' kernels.sh --add "$scratch/kernels:/kernels"
    skip 'the newer kernel' "$(tail -n 1 "$scratch/why")"
fi
finish
