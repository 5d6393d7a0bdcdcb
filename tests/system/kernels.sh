#!/bin/bash
# SPDX-License-Identifier: MIT
# Kernels as guests: plain ELF, compressed ELF, the newer kernel of the security archive.
# Debian's bzImage with its xz payload is in every other test.
. "$(dirname "$0")/lib.sh"
mkdir -p "$scratch/kernels"
image=$O/cache/linux/vmlinuz
"$here/../lab/fetch" linux >/dev/null
# The payload of a bzImage is found by the xz stream's magic number.
offset=$(grep -obUaP -m1 '\xfd7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream >"$scratch/elf" 2>/dev/null
strip -o "$scratch/kernels/elf" "$scratch/elf"
gzip -1 <"$scratch/kernels/elf" >"$scratch/kernels/elf-gz"
new=$("$here/../lab/fetch" linux-new 2>"$scratch/why")
if [ -n "$new" ]; then
    cp -L "$new/vmlinuz" "$scratch/kernels/newer"
    in_dom0 'kernels' kernels.sh --add "$scratch/kernels:/kernels" --timeout 400
    skip 'the newer kernel as dom0' \
        'Linux 6.12 powers off at once as dom0, before it prints; not understood yet'
else
    in_dom0 'kernels' kernels.sh --add "$scratch/kernels:/kernels" --timeout 400
    skip 'the newer kernel' "$(tail -n 1 "$scratch/why")"
fi
finish
