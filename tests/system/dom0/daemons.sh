# SPDX-License-Identifier: MIT
# Every daemon is killed and started again beside a running guest. Our daemons only: Debian's
# xenstored forgets everything when it is killed.
config demo
check "a guest is up" up demo
check "it answers" answers demo

kill -9 "$(pidof hvconsoled)"
sleep 1
check "the console daemon starts again after kill -9" hvconsoled
console_end demo
console demo
check "the guest answers through it" answers demo

kill -9 "$(pidof xenstored)"
sleep 1
check "the store's daemon starts again after kill -9" \
    xenstored --pid-file /run/xenstored.pid
wait_for 10 xenstore-exists /
says "list still knows the guest" '^demo +[0-9]+ +256 ' $T list
check "the guest's console still answers" answers demo
check "it can be shut down" down demo
check "another guest can be created" up demo
check "it shuts down, too" down demo
