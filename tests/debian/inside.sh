# SPDX-License-Identifier: MIT
# libvirt, xl and qemu-system-xen in a Debian in dom0. busybox's shell.
export LD_LIBRARY_PATH=/ours PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/xen-4.17/bin
export HOME=/root
. /test/lib.sh
mkdir -p /run/xen /run/libvirt /var/log/xen /var/lib/xen
# Building a domain keeps libvirtd busy for longer than virsh would wait for a sign of life.
V="virsh -k 0 -c xen:///system"

# uses_ours PROGRAM: it runs, with our library.
uses_ours() { grep -q /ours/libxenstore.so.4 "/proc/$(pidof "$1" | cut -d' ' -f1)/maps"; }
virsh_state() { $V domstate "$1" | grep -q "^$2\$"; }
answers_virsh() { $V version; }

says "it is our daemon" 'rings' xenstore-control help
check "xen-init-dom0 sets dom0 up" xen-init-dom0
says "... which xl sees" '^Domain-0 +0 .* Pool-0$' xl list -c
xl list >/tmp/domains
# What is in the store. libxl leaves the folder in which its device models were.
nodes() { xenstore-ls -f / | sed 's/ = .*//' | grep -v '/device-model$' | sort; }
nodes >/tmp/nodes
libvirtd >/tmp/libvirtd.log 2>&1 &
check "libvirt's driver for Xen comes up" wait_for 90 answers_virsh || cat /tmp/libvirtd.log
check "it runs with our library" uses_ours libvirtd
says "virsh version names the hypervisor" '^Running hypervisor: Xen 4\.17' $V version
says "virsh list shows dom0" '^ 0 +Domain-0 +running$' $V list --all
says "virsh nodeinfo shows the machine's CPUs" '^CPU\(s\): +2$' $V nodeinfo
says "virsh freecell shows its memory" '^Total: [1-9][0-9]+ KiB$' $V freecell
says "virsh dominfo shows dom0" '^State: +running$' $V dominfo Domain-0

$V domxml-from-native xen-xl /guest/demo.cfg >/tmp/demo.xml 2>/tmp/error
says "virsh reads xl's configuration" "<kernel>/guest/vmlinuz</kernel>" cat /tmp/demo.xml /tmp/error
check "virsh define takes it" $V define /tmp/demo.xml
says "... which it lists as not running" '^ - +demo +shut off$' $V list --all
check "virsh start starts the guest" $V start demo
says "it is in XenStore" '^/vm/' xenstore-read "/local/domain/$(xl domid demo)/vm"
says "virsh dominfo shows its memory" '^Max memory: +262144 KiB$' $V dominfo demo
says "virsh vcpuinfo shows where it runs" '^CPU Affinity: +yy$' $V vcpuinfo demo
says "virsh ttyconsole names its console" "^$(tty_of demo)\$" $V ttyconsole demo
says "xl shows it" '^demo +[1-9][0-9]* +256 +1 ' xl list
console demo
check "its console shows its banner" wait_for 150 heard demo 'The demo guest is up'
check "it answers there" answers demo
check "virsh suspend pauses it" $V suspend demo
check "... which virsh sees" virsh_state demo paused
says "... and xl" '^demo .* --p---' xl list
check "virsh resume lets it go on" $V resume demo
check "... which virsh sees" virsh_state demo running
check "it answers again" answers demo
check "virsh vcpupin pins it" $V vcpupin demo 0 1
says "... which xl sees" '^demo .* 1 / all$' xl vcpu-list demo
check "virsh shutdown ends it" $V shutdown demo
check "... which libvirt notices" wait_for 60 virsh_state demo 'shut off'
console_end demo
check "virsh start starts it again" $V start demo
check "the daemon is updated beside it" xenstore-control live-update /usr/sbin/xenstored
check "virsh destroy ends it" $V destroy demo
check "... which virsh sees" virsh_state demo 'shut off'
check "xl create starts a guest behind libvirt's back" xl create -q /guest/demo.cfg
check "virsh destroy leaves it alone" sh -c "! $V destroy demo"
check "xl destroy ends it" xl destroy demo
check "virsh undefine forgets the guest" $V undefine demo
refuses "... which is gone" 'failed to get domain' $V dominfo demo

# A guest whose disks QEMU serves. It copies the one to the other.
over() { xl list disks | grep -q -- '---s'; }
no_qemu() { ! pidof xen-qemu-system-i386; }
mkdir -p /tmp/guest/blk
cp /blk/* /tmp/guest/blk/
cat >/tmp/guest/init <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for m in /blk/*; do insmod $m; done
until [ -b /dev/xvda ] && [ -b /dev/xvdb ]; do usleep 100000; done
dd if=/dev/xvda of=/dev/xvdb bs=64k count=16 conv=fsync
poweroff -f
END
chmod +x /tmp/guest/init
(cd /tmp/guest && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >/tmp/more.gz
cat /guest/initrd.gz /tmp/more.gz >/tmp/disks-initrd.gz
dd if=/dev/urandom of=/root/one.raw bs=64k count=16 2>/dev/null
qemu-img create -q -f qcow2 /root/two.qcow2 32M
config disks 'ramdisk = "/tmp/disks-initrd.gz"' 'on_poweroff = "preserve"' \
    'disk = ["/root/one.raw,raw,xvda,rw,backendtype=qdisk",
             "/root/two.qcow2,qcow2,xvdb,rw,backendtype=qdisk"]'
check "xl create starts a guest with disks of QEMU's" xl create -q /tmp/disks.cfg
check "QEMU runs with our library" uses_ours xen-qemu-system-i386
check "the guest copies a raw image to a qcow2 one and ends" wait_for 180 over
check "xl destroy ends it" xl destroy disks
check "... and QEMU" wait_for 30 no_qemu
qemu-img convert -O raw /root/two.qcow2 /tmp/two.raw
head -c 1048576 /tmp/two.raw >/tmp/copied.raw
check "what it wrote is in the image" cmp /tmp/copied.raw /root/one.raw

as_before() {
    [ "$(xl list | wc -l)" = "$(wc -l </tmp/domains)" ] &&
        nodes | cmp -s - /tmp/nodes
}
check "nothing is left of the guests" wait_for 30 as_before || nodes | diff /tmp/nodes -
check "libvirtd has lived through all of it" uses_ours libvirtd
kill %1
wait
