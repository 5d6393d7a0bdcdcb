# SPDX-License-Identifier: MIT
# What the scripts that run in dom0 share. They print `ok - NAME` and `not ok - NAME: why`.
# busybox's shell; sourced.
if command -v hvtool >/dev/null; then T=hvtool; else T=xl; fi

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1: $(echo "$2" | tr '\n' ' ' | cut -c1-300)"; }
skip() { echo "ok - $1 # SKIP $2"; }

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1 out status
    shift
    out=$("$@" 2>&1)
    status=$?
    if [ $status = 0 ]; then ok "$name"; else not_ok "$name" "status $status, $out"; fi
    return $status
}

# says NAME PATTERN COMMAND...: the command's output has a line that matches.
says() {
    local name=$1 pattern=$2 out
    shift 2
    out=$("$@" 2>&1)
    if echo "$out" | grep -qE "$pattern"; then
        ok "$name"
    else
        not_ok "$name" "no '$pattern' in: $out"
        return 1
    fi
}

# refuses NAME PATTERN COMMAND...: the command fails, and says why in a line that matches.
refuses() {
    local name=$1 pattern=$2 out status
    shift 2
    out=$("$@" 2>&1)
    status=$?
    if [ $status = 0 ]; then
        not_ok "$name" "it succeeded: $out"
    elif [ $status -ge 126 ]; then
        not_ok "$name" "status $status: $out"
    elif echo "$out" | grep -qE "$pattern"; then
        ok "$name"
    else
        not_ok "$name" "no '$pattern' in: $out"
    fi
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$(($(cut -d. -f1 /proc/uptime) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || return 1
        usleep 300000
    done
}
# soon CONDITION: words for a guest's shell, which wait until the condition holds there (its
# driver takes its time), for half a minute at least; then what comes of it.
soon() {
    echo "tries=0; until { $1; } || [ \$((tries += 1)) -gt 300 ]; do usleep 100000; done; { $1; }"
}
# slay PID...: they are killed, and what they had is free: a daemon finds that nobody has its
# lock. What is left of one that nobody has waited for has nothing.
slay() {
    local p
    kill -9 "$@" 2>/dev/null || return 1
    for p; do
        while grep -q '^State:[[:space:]]*[A-WYt]' "/proc/$p/status" 2>/dev/null; do
            usleep 1000
        done
    done
}
# workers DAEMON: its processes but the first.
workers() { pidof "$1" | tr ' ' '\n' | grep -vx "$(cat "/run/$1/pid")"; }
gone() { ! $T domid "$1" >/dev/null 2>&1; }

# config NAME LINE...: writes /tmp/NAME.cfg, the demo guest with lines replaced or added.
config() {
    local name=$1 key
    shift
    sed "s/^name *=.*/name = \"$name\"/" /guest/demo.cfg >"/tmp/$name.cfg"
    for line in "$@"; do
        key=${line%%=*}
        sed -i "/^${key% } *=/d" "/tmp/$name.cfg"
        echo "$line" >>"/tmp/$name.cfg"
    done
}

# tty_of NAME: the terminal in dom0 that is the guest's console.
tty_of() { xenstore-read "/local/domain/$($T domid "$1")/console/tty" 2>/dev/null; }
has_tty() { [ -c "$(tty_of "$1")" ]; }

# console NAME: what the guest says on its console goes to /tmp/NAME.out. The terminal itself
# is read and typed on: neither xl console nor hvtool console takes its keys from a pipe.
# Nothing started here may hold the caller's output open.
console() {
    wait_for 60 has_tty "$1"
    cat "$(tty_of "$1")" >"/tmp/$1.out" 2>/dev/null &
    echo $! >"/tmp/$1.console"
}
console_end() { kill "$(cat "/tmp/$1.console")" 2>/dev/null || true; }
# heard NAME TEXT: whether the console has said it.
heard() { grep -qF "$2" "/tmp/$1.out"; }
last_words() { tail -n 2 "/tmp/$1.out" 2>/dev/null | tr -d '\r'; }

# up NAME SECONDS: the guest of /tmp/NAME.cfg is created and its console shows the banner.
up() {
    local out
    out=$($T create "/tmp/$1.cfg" 2>&1) || { echo "$out"; return 1; }
    console "$1"
    wait_for "${2:-300}" heard "$1" 'The demo guest is up' || { last_words "$1"; return 1; }
}
# answers NAME: the guest's shell computes something.
answers() {
    local n=$(($(cut -d. -f1 /proc/uptime) + 1000))
    echo "echo \$(($n * 2)) computed" >"$(tty_of "$1")"
    wait_for 60 heard "$1" "$((n * 2)) computed" || { last_words "$1"; return 1; }
}
# in_guest NAME SECONDS COMMAND: the guest's shell runs it and it succeeds. Each command has a
# number of its own, so that no answer is taken for another's. The count is in a file: check and
# the others run what they check in a shell of its own, which takes its variables with it.
in_guest() {
    local n=$(($(cat /tmp/steps 2>/dev/null) + 1))
    echo $n >/tmp/steps
    has_tty "$1" || { echo "no guest"; return 1; }
    echo "{ $3; }; echo \"step $n gives \$?\"" >"$(tty_of "$1")"
    wait_for "$2" grep -q "^step $n gives [0-9]" "/tmp/$1.out" || { last_words "$1"; return 1; }
    heard "$1" "step $n gives 0" || { tail -n 4 "/tmp/$1.out" | tr -d '\r'; return 1; }
}
# down NAME: shut down cleanly.
down() {
    local out
    out=$(timeout 300 $T shutdown -w "$1" 2>&1) || { echo "$out"; return 1; }
    # xl is back a moment before the guest is gone.
    if [ $T = xl ]; then wait_for 60 gone "$1"; fi
    gone "$1" || { echo "it is still there"; return 1; }
    console_end "$1"
}

# usable_frames: what is free, less what the frame table takes when all of it is used. Ostler's
# table grows with the memory that is used and gives back what it can: the count of free frames
# differs by that, this one by nothing.
usable_frames() {
    $T debug-keys m 2>/dev/null
    $T dmesg | sed -n 's/.*Frames: .* free of .*, \([0-9]*\) when .*/usable \1/p' | tail -n 1 |
        grep .
}

# What must not change: free memory (to the page where the tool tells), the store's tree, the
# domains. A domain that is still dying has a row in the list, too.
state() {
    usable_frames || $T info --json 2>/dev/null | grep '"free_pages"' ||
        $T info | grep '^free_memory'
    $T list | awk 'NR > 1 { print $1, substr($5, 6) }' | sort
    # The store's own counters and dom0's clock move.
    xenstore-ls -f / | grep -vE '^/(tool/xenstored|libxl)( |/)|^/vm = ""|/memory/' | sort
}
dying() { $T list | awk 'NR > 1 && $5 ~ /d/ { found = 1 } END { exit !found }'; }
# settled FILE: the state goes to FILE, once no domain is dying and it stands still: daemons
# let go of a dead guest's pages on their own time.
settled() {
    local end=$(($(cut -d. -f1 /proc/uptime) + 60))
    state >"$1"
    while :; do
        usleep 300000
        state >/tmp/state.now
        cmp -s "$1" /tmp/state.now && ! dying && return
        [ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || break
        cp /tmp/state.now "$1"
    done
    echo "# the state does not settle: $(diff "$1" /tmp/state.now | grep '^[-+][^-+]')"
}
# baseline FILE: the state goes to FILE after a first guest has come and gone: dom0's tables of
# event channels and grant mappings grow by a page for it, and stay.
baseline() {
    config warm
    $T create -p /tmp/warm.cfg >/dev/null 2>&1
    $T destroy warm
    settled "$1"
}
# same BEFORE FRAMES: the state now is the same; memory may differ by so many frames (or by a
# MiB, where that is all the tool tells).
same() {
    local was now spare=$2
    state >/tmp/state.now
    cmp -s "$1" /tmp/state.now && return
    was=$(sed -n '1s/[^0-9]//gp' "$1")
    now=$(sed -n '1s/[^0-9]//gp' /tmp/state.now)
    if [ "$2" != 0 ] && grep -q '^free_memory' "$1"; then spare=1; fi
    [ "$((was - now))" -le "$spare" ] && [ "$((now - was))" -le "$spare" ] &&
        [ "$(sed 1d "$1")" = "$(sed 1d /tmp/state.now)" ]
}
# unchanged NAME BEFORE [FRAMES]: the state is what it was, once it has settled. What dom0 did
# for the first time meanwhile may have made its tables (event channels, grant mappings) grow
# for good, by so many frames at the most.
unchanged() {
    local end=$(($(cut -d. -f1 /proc/uptime) + 60))
    until same "$2" "${3:-0}"; do
        if [ "$(cut -d. -f1 /proc/uptime)" -ge $end ]; then
            not_ok "$1" "$(diff "$2" /tmp/state.now | grep '^[-+][^-+]')"
            return
        fi
        usleep 300000
    done
    ok "$1"
}
