#!/bin/bash
# SPDX-License-Identifier: MIT
# `make run`, as a person sees it in a terminal, and by itself.
. "$(dirname "$0")/lib.sh"
demo="$here/../lab/demo --hypervisor $hypervisor --tools $tools"
tool=hvtool
[ "$tools" = ours ] || tool=xl

$demo --script </dev/null >"$scratch/out" 2>&1
status=$?
cp "$scratch/out" "$logs/demo-script.out"
if [ $status = 0 ]; then
    ok 'the demonstration runs by itself'
else
    not_ok 'the demonstration runs by itself' "$(grep -a '^demo:' "$scratch/out" | tail -n 1)"
fi

if ! command -v tmux >/dev/null; then
    skip 'in a terminal' 'no tmux here'
    finish
    exit
fi
export TMUX_TMPDIR=$scratch
screen() { tmux capture-pane -p -S - -t demo; }
trap 'tmux kill-server 2>/dev/null; rm -rf "$scratch"' EXIT
# sees TEXT SECONDS NAME
sees() {
    local end=$((SECONDS + $2))
    until screen | grep -qF -- "$1"; do
        if [ $SECONDS -ge $end ]; then
            not_ok "in a terminal: $3" "no '$1' after $2 seconds"
            return 1
        fi
        sleep 0.5
    done
    ok "in a terminal: $3"
}
all() {
    sees 'GNU GRUB' 300 "GRUB's menu is seen" || return
    sees 'The demo guest is up' 300 "the guest's kernel and banner are seen" || return
    sees 'guest#' 120 "the guest's prompt is seen" || return
    tmux send-keys -t demo 'echo $((6*7)) times' Enter
    sees '42 times' 120 "the guest's shell answers" || return
    tmux send-keys -t demo C-]
    sees 'dom0#' 120 'Ctrl-] leads to a shell in dom0' || return
    tmux send-keys -t demo "$tool list" Enter
    sees 'Domain-0 ' 120 'its list shows the domains' || return
    tmux send-keys -t demo poweroff Enter
    sees 'LEFT 0' 180 'poweroff ends the machine and the emulator'
}
tmux -f /dev/null new-session -d -s demo -x 100 -y 30 "$demo --guest small; echo LEFT \$?; sleep 30"
all
finish
