# SPDX-License-Identifier: MIT
# What the devices' benchmark does in dom0: a RAM disk and TCP are measured there, then as a
# guest's disk and network interface, then TCP between two guests. BACKEND is hvblk, or phy for
# the kernel's backends; the other interface's word for the former is hvnet. Nothing here runs
# while a guest measures: the shell waits for its lines. busybox's shell.
modprobe brd rd_nr=1 rd_size=16384
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up
vif=hvnet
if [ "$BACKEND" = phy ]; then
    vif=phy
    modprobe xen-blkback
    modprobe xen-netback
fi
/devices/disk /dev/ram0 dom0
/devices/net serve &
/devices/net ask 127.0.0.1 dom0
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /devices/guest.cpio >/tmp/devices-initrd
# guest NAME DEVICES: creates it, and waits until its shell is up.
guest() {
    sed "s|^ramdisk.*|ramdisk = '/tmp/devices-initrd'|; s|^name.*|name = '$1'|" \
        /guest/demo.cfg >"/tmp/$1.cfg"
    echo "$2" >>"/tmp/$1.cfg"
    hvtool create -q "/tmp/$1.cfg" || exit 1
    tty=$(xenstore-read "/local/domain/$(hvtool domid "$1")/console/tty")
    exec 4<"$tty"
    until_line '*guest is up*'
    echo 'for m in /blk/*; do insmod $m; done; until [ -e /sys/class/net/eth0 ]; do :; done;' \
        "ip addr add $3/24 dev eth0; ip link set eth0 up; ping -c 3 10.7.0.1;" \
        'echo end$((1))' >"$tty"
    until_line 'end1*'
}
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
interface="vif = ['bridge=xenbr0,backendtype=$vif']"
guest other "$interface" 10.7.0.3
echo '/net serve &' >"$tty"
exec 4<&-
cat "$tty" >/dev/null &
guest one "$interface
disk = ['/dev/ram0,raw,xvda,w,backendtype=$BACKEND']" 10.7.0.2
echo 'sleep 1; /disk /dev/xvda guest; /net ask 10.7.0.1 guest; /net ask 10.7.0.3 between;' \
    '/net end; echo end$((2))' >"$tty"
until_line 'end2*'
[ ! -e /devices/profile ] ||
    sed -n 's/^\(f[0-9a-f]*\) [tTwW] \([^\t]*\).*/#S \1 \2/p' /proc/kallsyms
