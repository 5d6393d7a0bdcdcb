# SPDX-License-Identifier: MIT
# EFI under dom0. busybox's shell; sourced.
# EFI: variables as efibootmgr reads and writes them.
efi_guid=8be4df61-93ca-11d2-aa0d-00e098032b8c vars=/sys/firmware/efi/efivars
boot_next() { od -An -tx1 "$vars/BootNext-$efi_guid" | tr -d ' \n'; }
set_boot_next() { printf "\\007\\000\\000\\000\\00$1\\000" >"$vars/BootNext-$efi_guid"; }
efi_works() {
    modprobe efivarfs || return
    mount -t efivarfs efivarfs $vars || return
    od -An -tx1 "$vars/BootCurrent-$efi_guid" | grep -q '06 00 00 00 0[0-9] 00' || return
    set_boot_next 1 && [ "$(boot_next)" = 070000000100 ] || return
    set_boot_next 2 && [ "$(boot_next)" = 070000000200 ] || return
    rm "$vars/BootNext-$efi_guid" && [ ! -e "$vars/BootNext-$efi_guid" ]
}

# break_firmware WORD: its table of services, found in its memory, names a function that answers
# how much room there is; these two bytes are put there. (As on Xen, dom0 may do that.)
undefined_instruction=0x0b0f jump_to_itself=0xfeeb
break_firmware() {
    local start end table function
    while read -r start end; do
        table=$(dd if=/dev/mem bs=4096 skip=$((start / 4096)) \
            count=$(((end + 1 - start) / 4096)) 2>/dev/null | strings -t d | grep -m 1 RUNTSERV)
        [ -z "$table" ] || break
    done <<END
$(sed -n 's/^\([0-9a-f]*\)-\([0-9a-f]*\) : Reserved$/0x\1 0x\2/p' /proc/iomem | grep ' 0x7')
END
    [ -n "$table" ] || { echo "no table of services"; return 1; }
    table=${table% *}
    function=$(devmem $((start + table + 24 + 13 * 8)) 64) || return
    devmem "$function" 16 "$1"
}
