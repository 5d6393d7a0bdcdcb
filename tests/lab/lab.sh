# SPDX-License-Identifier: MIT
# What hvlab and the demonstration share: making a boot image, and the emulator's command
# line. Sourced; the caller has set -eu. Options arrive in the variables below.
# shellcheck shell=bash disable=SC2034

lab_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_top=$(cd "$lab_here/../.." && pwd)
O=${O:-$lab_top/build}
export O

hypervisor=ours tools= kernel= emulator=qemu machine=q35 cpu= cpus=1 memory=2048
efi= hv_args= hv_args_set= dom0_args= icount= adds=() disks=() disk_bus=virtio nics=()
emulator_args=() modules=() hv_image= boot_menu=0 dom0_module=1
job='' work=''

lab_die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

# lab_newest OUT INPUT...: whether OUT exists and is newer than every file under INPUT...
lab_newest() {
    local out=$1
    shift
    [ -e "$out" ] && [ -z "$(find "$@" -newer "$out" -print -quit 2>/dev/null)" ]
}

# The GRUB images of the boot medium, made once: BIOS (El Torito) and UEFI (a FAT image).
lab_grub() {
    local dir=$O/lab/grub common
    lab_newest "$dir/done" "$lab_here/lab.sh" && return
    rm -rf "$dir"
    mkdir -p "$dir"
    common='normal configfile iso9660 multiboot2 serial terminal gzio xzio echo test search
        search_fs_file sleep halt reboot ls cat minicmd'
    cat >"$dir/early.cfg" <<'END'
search --no-floppy --set=root --file /boot/grub/lab.cfg
set prefix=($root)/boot/grub
configfile /boot/grub/lab.cfg
END
    # shellcheck disable=SC2086
    grub-mkimage -O i386-pc-eltorito -c "$dir/early.cfg" -p /boot/grub \
        -o "$dir/bios.img" biosdisk vga_text $common
    # shellcheck disable=SC2086
    grub-mkimage -O x86_64-efi -c "$dir/early.cfg" -p /boot/grub \
        -o "$dir/bootx64.efi" fat part_gpt part_msdos efi_gop $common
    mformat -C -f 2880 -i "$dir/efi.img" ::
    mmd -i "$dir/efi.img" ::/EFI ::/EFI/BOOT
    mcopy -i "$dir/efi.img" "$dir/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
    : >"$dir/done"
}

# The dom0 archive for $tools and the kernel folder $1; prints its name. Made anew when the
# tools in build/root or the lab's own files have changed.
lab_dom0() {
    local out inputs=("$lab_here")
    out=$O/lab/dom0-$tools-$(basename "$(echo "$1"/lib/modules/*)").cpio
    [ "$tools" = ours ] && [ -d "$O/root" ] && inputs+=("$O/root")
    lab_newest "$out" "${inputs[@]}" || "$lab_here/mkdom0" "$tools" "$1" "$out" >&2
    echo "$out"
}

# lab_append DIR ARCHIVE: appends DIR's files to the cpio archive.
lab_append() {
    (cd "$1" && find . -mindepth 1 -print0 | cpio -0 -o -H newc -R 0:0 --quiet) >>"$2"
}

# The folder that has $1's modules: a kernel in DIR/boot/vmlinuz-V goes with DIR/lib/modules/V.
lab_kernel_dir() {
    local real version
    real=$(readlink -f "$1")
    version=${real##*/vmlinuz-}
    real=${real%/boot/*}
    if [ -d "$real/lib/modules/$version" ]; then echo "$real"; else echo "$O/cache/linux"; fi
}

lab_hypervisor() {
    if [ -n "$hv_image" ]; then
        echo "$hv_image"
    elif [ "$hypervisor" = xen ]; then
        echo "$O/cache/xen/xen.gz"
    else
        echo "$O/root/boot/ostler.gz"
    fi
}

# lab_image: makes $work/boot.iso. The job is the text $job, sourced by dom0's /init.
lab_image() {
    local hv kernel_dir overlay=$work/overlay add src dest
    : "${tools:=$hypervisor}"
    mkdir -p "$O/lab" "$overlay/lab"
    (
        flock 8
        "$lab_here/fetch" linux >/dev/null
        [ "$hypervisor$tools" = oursours ] || "$lab_here/fetch" xen >/dev/null
        lab_grub
        : "${kernel:=$O/cache/linux/vmlinuz}"
        [ -r "$kernel" ] || lab_die "no kernel $kernel"
        lab_dom0 "$(lab_kernel_dir "$kernel")" >"$work/dom0-base"
    ) 8>"$O/lab/lock" || return
    : "${kernel:=$O/cache/linux/vmlinuz}"
    hv=$(lab_hypervisor)
    [ -r "$hv" ] || lab_die "no hypervisor $hv (run make first)"

    printf '%s\n' "$job" >"$overlay/lab/job"
    printf "LAB_MODULES='%s'\nLAB_COLDPLUG=%s\n" "${modules[*]}" \
        "${disks[*]:+1}${nics[*]:+1}" >"$overlay/lab/config"
    head -c 256 /dev/urandom >"$overlay/lab/seed"
    for add in "${adds[@]}"; do
        src=${add%%:*} dest=${add#*:}
        [ -e "$src" ] || lab_die "--add: no file $src"
        mkdir -p "$overlay/$(dirname "$dest")"
        cp -aL "$src" "$overlay/$dest"
    done
    cp "$(cat "$work/dom0-base")" "$work/dom0.cpio"
    lab_append "$overlay" "$work/dom0.cpio"
    lab_grub_config >"$work/lab.cfg"
    rm -f "$work/boot.iso"
    xorriso -as mkisofs -quiet -o "$work/boot.iso" -r \
        -b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table \
        --grub2-boot-info -eltorito-alt-boot -e boot/grub/efi.img -no-emul-boot \
        -graft-points boot/grub/bios.img="$O/lab/grub/bios.img" \
        boot/grub/efi.img="$O/lab/grub/efi.img" boot/grub/lab.cfg="$work/lab.cfg" \
        boot/hypervisor.gz="$(readlink -f "$hv")" boot/vmlinuz="$(readlink -f "$kernel")" \
        boot/dom0.gz="$work/dom0.cpio" >"$work/xorriso.log" 2>&1 || {
        cat "$work/xorriso.log" >&2
        return 1
    }
}

lab_grub_config() {
    local name='Ostler, with Debian GNU/Linux' dom0_mem=512M
    [ "$hypervisor" = xen ] && name='Xen 4.17, with Debian GNU/Linux'
    [ "$memory" -lt 1024 ] && dom0_mem=$((memory / 2))M
    if [ -z "$hv_args_set" ]; then
        hv_args="console=com1,vga com1=115200,8n1 loglvl=all guest_loglvl=all \
dom0_mem=$dom0_mem${hv_args:+ $hv_args}"
    fi
    cat <<END
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial$([ "$boot_menu" = 0 ] || echo ' console')
set timeout=$boot_menu
menuentry '$name' {
    multiboot2 /boot/hypervisor.gz $hv_args
    if [ "\$grub_platform" = pc ]; then set gfxpayload=text; fi
END
    if [ "$dom0_module" = 1 ]; then
        cat <<END
    module2 /boot/vmlinuz console=hvc0${dom0_args:+ $dom0_args}
    module2 --nounzip /boot/dom0.gz
END
    fi
    echo '}'
}

# lab_qemu: fills the array `command` with QEMU's command line, serial ports left out.
lab_qemu() {
    local i
    command=(qemu-system-x86_64 -machine "$machine" -cpu "${cpu:-qemu64}" -accel tcg
        -smp "$cpus" -m "$memory" -display none -no-reboot
        -drive "file=$work/boot.iso,format=raw,media=cdrom,readonly=on,if=none,id=boot"
        -device "$([ "$machine" = pc ] && echo ide-cd || echo ide-cd),drive=boot,bootindex=0")
    if [ -n "$icount" ]; then command+=(-icount shift=0,sleep=off -rtc clock=vm); fi
    if [ -n "$efi" ]; then
        cp /usr/share/OVMF/OVMF_VARS.fd "$work/vars.fd"
        command+=(-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd
            -drive "if=pflash,format=raw,file=$work/vars.fd")
    fi
    for i in "${!disks[@]}"; do
        command+=(-drive "file=${disks[i]},format=raw,if=none,id=disk$i")
        case $disk_bus in
        virtio) command+=(-device "virtio-blk-pci,drive=disk$i") ;;
        ahci) command+=(-device "ich9-ahci,id=ahci$i" -device "ide-hd,drive=disk$i,bus=ahci$i.0") ;;
        *) lab_die "--disk-bus: virtio or ahci" ;;
        esac
    done
    if [ ${#nics[@]} = 0 ]; then command+=(-nic none); fi
    for i in "${!nics[@]}"; do
        case ${nics[i]} in virtio) i=virtio-net-pci ;; *) i=${nics[i]} ;; esac
        command+=(-nic "user,model=$i")
    done
    command+=("${emulator_args[@]}")
}

# lab_bochs CONSOLE OUTPUT: writes a bochsrc and fills `command`.
lab_bochs() {
    cat >"$work/bochsrc" <<END
cpu: model=${cpu:-corei7_skylake_x}, count=$cpus, ips=100000000, reset_on_triple_fault=0, \
ignore_bad_msrs=1
megs: $memory
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$1
com2: enabled=1, mode=file, dev=$2
clock: sync=none
display_library: sdl2
log: $work/bochs.log
panic: action=fatal
END
    echo c >"$work/bochsrc.commands"
    command=(env SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy
        bochs -f "$work/bochsrc" -q -rc "$work/bochsrc.commands")
}
