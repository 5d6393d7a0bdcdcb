# SPDX-License-Identifier: MIT
# The joints: one side's tools on the other side's hypervisor. busybox's shell; sourced.
says "info names the hypervisor's version" '^xen_version +: 4\.17' $T info
says "info names its pages" '^xen_pagesize +: 4096$' $T info
says "info -n names the one node and its memory" '^ +0: +[0-9]+ +[0-9]+ +10$' $T info -n
if [ $T = xl ]; then
    says "info -n finds no device nearer to a node" '^No device topology data available' xl info -n
    says "list -c names the pool" '^Domain-0 +0 .* Pool-0$' xl list -c
    says "list -Z has no labels" '^Domain-0 +0 .* -$' xl list -Z
    says "sched-credit2 tells weights and caps" '^Domain-0 +0 +256 +0$' xl sched-credit2
    says "cpupool-list shows the one pool" '^Pool-0 +[0-9]+ +credit2 +y +1$' xl cpupool-list
    says "uptime counts" '^Domain-0 +0 +[0-9]+:[0-9]+:[0-9]+$' xl uptime
    check "debug-keys" xl debug-keys h
    says "info knows the CPU's features as Xen does" '^hw_caps .*: 178bf3fd:80002001:20100800:' \
        xl info
    check "set-parameters" xl set-parameters gnttab_max_frames=40
    says "set-parameters knows no such one" 'No such file' xl set-parameters nothing=1
    says "xenhypfs reads it" '^40$' xenhypfs cat /params/gnttab_max_frames
    check "xenhypfs writes it" xenhypfs write /params/gnttab_max_frames 64
    says "xenhypfs lists what it is" '^<string> rw gnttab_max_frames$' xenhypfs ls /params
    says "xenhypfs shows the tree" '^      sched-gran$' xenhypfs tree
    says "the version is a file" '^17$' xenhypfs cat /buildinfo/version/minor
    says "a grant table's size is its limit" 'max_nr_frames=64$' xen-diag gnttab_query_size 0
    says "psr-cmt-attach says that there is no such thing" 'not supported in this system' \
        xl psr-cmt-attach 0
    says "psr-cat-set does, too" 'L3 CAT: is not supported' xl psr-cat-set 0 1
    says "xentop lists dom0" '^ *Domain-0 -----r ' xentop -b -i 1
fi
says "list shows dom0" '^Domain-0 +0 +[0-9]+ +[0-9]+ +r' $T list
says "dmesg shows dom0's making" 'Dom0|dom0' $T dmesg
says "vcpu-list shows dom0's CPUs" '^Domain-0 +0 +[01] +[0-9]+ +r' $T vcpu-list
says "xenstore-ls shows dom0" 'Domain-0' xenstore-ls -f /local/domain/0
baseline /tmp/before
config demo
check "create starts the demo guest" up demo
check "it answers on its console" answers demo
says "list shows it" '^demo +[0-9]+ +256 +1 ' $T list
if [ $T = xl ]; then
    says "trigger power is not for such guests" 'failed: Invalid argument' xl trigger demo power
    . /test/pools.sh
fi
check "pause" $T pause demo
check "unpause" $T unpause demo
check "it answers again" answers demo
check "shutdown ends it" down demo
unchanged "nothing is left of it" /tmp/before 100
