# SPDX-License-Identifier: MIT
# Where Debian's XenStore programs are: installed, or unpacked by tests/lab/fetch. To be sourced
# with `here` set to build/tests/xenstore; sets debian (daemons, test-xenstore), debian_bin
# (clients) and debian_lib (libxenstore), each empty if it is not there.
root=
[ -x /usr/lib/xen-4.17/bin/xenstored ] || root=$here/../../cache/xen
debian=$root/usr/lib/xen-4.17/bin
[ -x "$debian/xenstored" ] || debian=
debian_bin=/usr/bin
[ -x /usr/bin/xenstore-ls ] || debian_bin=$here/../../cache/xen/usr/bin
[ -x "$debian_bin/xenstore-ls" ] || debian_bin=
debian_lib=
for root in '' "$here/../../cache/xen"; do
    for lib in "$root"/usr/lib/*/libxenstore.so.4; do
        [ -e "$lib" ] && [ -z "$debian_lib" ] && debian_lib=$lib
    done
done
