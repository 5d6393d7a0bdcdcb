# SPDX-License-Identifier: MIT
# Every daemon is killed and started again beside a running guest. Our daemons only: Debian's
# xenstored forgets everything when it is killed.
config demo 'channel = ["connection=pty, name=org.lab.pty.1",' \
    '"connection=socket, name=org.lab.socket.1, path=/tmp/channel"]'
check "a guest with two channels is up" up demo
check "it answers" answers demo
says "channel-list shows the terminal of the first" '^1 +0 +4 .* pty +/dev/pts/[0-9]+$' \
    hvtool channel-list demo
says "and the socket of the second" '^2 +0 +4 .* socket +/tmp/channel$' hvtool channel-list demo
check "the socket is there" test -S /tmp/channel
# heard_on N TEXT [GUEST]: console N says it.
heard_on() {
    local reader status
    hvtool console -o -n "$1" "${3:-demo}" </dev/null >/tmp/heard.out 2>&1 &
    reader=$!
    wait_for 60 grep -qF "$2" /tmp/heard.out
    status=$?
    kill $reader
    wait $reader
    [ $status = 0 ] || cat /tmp/heard.out
    return $status
}
check "the guest writes on its second console" in_guest demo 60 'echo over-the-channel >/dev/hvc1'
check "hvtool console -n 1 shows it" heard_on 1 over-the-channel
refuses "the third is no terminal" 'console 2 of domain .* is the socket /tmp/channel' \
    hvtool console -n 2 demo
refuses "there is no fourth" 'has no console 3; .*channel-list' hvtool console -n 3 demo

# Front ends for any kernel (pv-drivers/front): the reference guest echoes what it hears.
printf '%s\n' 'name = "echo"' 'type = "pv"' 'kernel = "/guest/reference.elf"' 'memory = 16' \
    'extra = "device/console/1"' 'channel = ["connection=pty, name=org.lab.echo"]' >/tmp/echo.cfg
check "a guest with the portable console front end is made" hvtool create -q /tmp/echo.cfg
connected() { hvtool channel-list echo | grep -q '^1 \+0 \+4 '; }
check "its second console connects" wait_for 60 connected
echo heard-and-said >"$(xenstore-read "/local/domain/$(hvtool domid echo)/device/console/1/tty")"
check "it answers what is written to it" heard_on 1 heard-and-said echo
check "its own console tells of it" heard_on 0 'reference guest is up' echo
check "it is destroyed" hvtool destroy echo

check "the guest writes what nobody reads yet" in_guest demo 60 'echo kept-unread >/dev/hvc1'
slay "$(pidof hvconsoled)"
check "the console daemon starts again after kill -9" hvconsoled
console_end demo
console demo
check "the guest answers through it" answers demo
check "what nobody had read is there" heard_on 1 kept-unread
check "the channel goes on" in_guest demo 60 'echo after-kill >/dev/hvc1'
check "and is heard" heard_on 1 after-kill

slay "$(pidof xenstored)"
check "the store's daemon starts again after kill -9" \
    xenstored --pid-file /run/xenstored.pid
wait_for 60 xenstore-exists /
says "list still knows the guest" '^demo +[0-9]+ +256 ' $T list
check "the guest's console still answers" answers demo
check "it can be shut down" down demo
check "another guest can be created" up demo
check "it shuts down, too" down demo
