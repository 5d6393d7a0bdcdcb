# SPDX-License-Identifier: MIT
. /minutes
. /test/device.sh
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up
baseline /tmp/before
. /test/ten.sh
