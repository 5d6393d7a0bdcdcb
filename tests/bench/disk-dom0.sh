# SPDX-License-Identifier: MIT
# What the disk benchmark does in dom0: a RAM disk is measured there, then as a guest's disk, by
# each back end of the arguments. Nothing here runs while the guest measures: the shell waits
# for its lines. busybox's shell.
modprobe brd rd_nr=1 rd_size=16384
/disk/disk /dev/ram0 dom0
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /disk/guest.cpio >/tmp/disk-initrd
# until_line PATTERN: prints the guest's results up to the line.
until_line() {
    while read -r line <&4; do
        # shellcheck disable=SC2254
        case $line in
        $1) return ;;
        '{'*) echo "$line" | tr -d '\r' ;;
        esac
    done
}
for backend; do
    sed 's|^ramdisk.*|ramdisk = "/tmp/disk-initrd"|' /guest/demo.cfg >/tmp/disk.cfg
    type=''
    [ "$backend" = hvblkd ] || type=",backendtype=$backend"
    echo "disk = [\"/dev/ram0,raw,xvda,w$type\"]" >>/tmp/disk.cfg
    hvtool create -q /tmp/disk.cfg || exit 1
    tty=$(xenstore-read "/local/domain/$(hvtool domid demo)/console/tty")
    exec 4<"$tty"
    until_line '*guest is up*'
    echo "for m in /blk/*; do insmod \$m; done; sleep 1; /disk /dev/xvda $backend;" \
        'echo end$((1))' >"$tty"
    until_line 'end1*'
    exec 4<&-
    hvtool destroy demo
done
