# SPDX-License-Identifier: MIT
# Our XenStore beside a running guest: its kernel's rings and watches, live update. busybox's
# shell; sourced. With Debian's tools it is xl that talks to our daemon.
[ -d /ours ] && export LD_LIBRARY_PATH=/ours
says "it is our daemon" 'rings' xenstore-control help
config demo
check "create starts the demo guest" up demo
check "it answers on its console" answers demo
[ -d /ours ] && says "xl runs with our library" 'calling init: /ours/libxenstore' \
    env LD_DEBUG=libs xl list
says "its kernel has a ring of its own" 'domain 1: port .*watches [1-9]' xenstore-control rings
check "the daemon is updated beside it" xenstore-control live-update /usr/sbin/xenstored
says "it is the same process" "^$(cat /run/xenstored.pid)\$" pidof xenstored
says "the guest's watches are still there" 'domain 1: port .*watches [1-9]' \
    xenstore-control rings
check "it answers again" answers demo
check "shutdown, which comes through its watch, ends it" down demo
check "another one starts on the updated daemon" up demo
check "it ends, too" down demo
no_ring() { xenstore-control rings >/tmp/rings && ! grep "domain [1-9]" /tmp/rings; }
check "none of them has left a ring" wait_for 60 no_ring
