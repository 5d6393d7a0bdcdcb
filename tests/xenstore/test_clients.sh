#!/bin/bash
# SPDX-License-Identifier: MIT
# Both ways round: our clients and library against Debian's daemons, Debian's clients against
# ours; the same commands must print the same. And the library's ABI is that of libxenstore4.
set -u
here=$(cd "$(dirname "$0")" && pwd)
xs=$here/../../xenstore
. "$here/debian.sh"
work=$(mktemp -d)
daemon=
stop() {
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    daemon=
}
trap 'stop; rm -rf "$work"' EXIT

number=0
report() { # STATUS NAME [WHY]
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else
        echo "not ok $number - $2: ${3-}"
        [ -e "$work/diff" ] && sed 's/^/# /' "$work/diff" | head -30
    fi
    rm -f "$work/diff"
}
skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# serve ours|xenstored|oxenstored: starts that daemon on an empty store.
serve() {
    local dir=$work/dir
    stop
    rm -rf "$dir"
    mkdir "$dir"
    export XENSTORED_RUNDIR=$dir XENSTORED_PATH=$dir/socket XS_FAKE_DIR=$dir
    case $1 in
    ours) "$xs/xenstored" --no-domains -N 2>"$work/messages" & ;;
    *)
        LD_PRELOAD=$here/shim_xen.so "$debian/$1" --no-fork --pid-file "$dir/pid" \
            >"$work/messages" 2>&1 &
        ;;
    esac
    daemon=$!
    for _ in $(seq 600); do
        [ -S "$dir/socket" ] && return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.05
    done
    daemon=
    return 1
}

# Our clients under all their names.
mkdir "$work/bin"
for name in read write ls list rm exists chmod watch; do
    ln -s "$xs/xenstore" "$work/bin/xenstore-$name"
done

# session CLIENTS-FOLDER: a list of commands, with what they print and their status.
session() {
    local clients=$1 long i
    long=$(printf 'x%.0s' $(seq 100))
    t() {
        echo "\$ $*"
        "$clients/$1" "${@:2}" 2>&1 | sed "s|$clients/||g"
        echo "status ${PIPESTATUS[0]}"
    }
    t xenstore-write /l/a "$long" /l/a/b short /l/c 'tab\tnl\nq"b\\s\x01z' /l/d 'sp ace'
    t xenstore-ls /l
    t xenstore-ls -p /l
    t xenstore-ls -fp /l
    t xenstore-read -p /l/c /l/d
    t xenstore-read -R /l/c
    for i in $(seq 62 74); do t xenstore-write "/w/$i" "${long:1:$i}"; done
    t xenstore-ls -p /w
    t xenstore-ls -f /w
    t xenstore-write -R /l/e 'a\x01'
    t xenstore-read /l/e
    t xenstore-list -p /l /l/a
    t xenstore-ls /nope
    t xenstore-ls /l /l/a
    t xenstore-rm /nope/x
    t xenstore-rm /l/nope
    t xenstore-rm -t /l/a/b
    t xenstore-chmod /l/c w3 b4
    t xenstore-chmod -r /l n1 r2
    t xenstore-chmod -u /l/d n7
    t xenstore-ls -fp /l
    t xenstore-exists /l /nope
    t xenstore-exists /l
    t xenstore-write 'bad path' x
    t xenstore-list /nope
    t xenstore-chmod /l
    t xenstore-chmod /l/c x9
    t xenstore-chmod /nope n0
    for i in 'a\' '\x' '\xg' '\x123' '\8' '\777' '\1a' '\"' '\t\r\n' '\0' 'a\101\0b\q\'; do
        t xenstore-write /s "$i"
        t xenstore-read /s
    done
    for i in $(seq 1 37 255); do
        t xenstore-write "/b/$i" "$(printf '\\x%02x' "$i")"
        t xenstore-read "/b/$i"
    done
    t xenstore-write /tidy/a/b/c x /tidy/v v /tidy/v/w/x z
    t xenstore-rm -t /tidy/a/b/c /tidy/v/w/x
    t xenstore-ls /tidy
    for i in $(seq 900); do echo "/big/child-number-$i v"; done |
        xargs -n 300 "$clients/xenstore-write"
    t xenstore-list /big
    t timeout_watch
}
# A watch that ends by itself, should the events not come. Its first line says that it stands:
# then comes what it is to see.
cat >"$work/bin/timeout_watch" <<'END'
#!/bin/bash
timeout 60 "${0%/*}/xenstore-watch" -n 3 /watched | {
    IFS= read -r line
    echo "$line"
    "${0%/*}/xenstore-write" /watched/x 1
    "${0%/*}/xenstore-rm" /watched
    cat
}
exit "${PIPESTATUS[0]}"
END
chmod +x "$work/bin/timeout_watch"

if command -v abidiff >/dev/null && [ -n "$debian_lib" ]; then
    abidiff --no-added-syms "$debian_lib" "$xs/libxenstore.so.4.0" >"$work/diff" 2>&1
    report $? "abidiff finds our libxenstore the same as Debian's" "it does not"
else
    skip "abidiff finds our libxenstore the same as Debian's" "no abidiff or no libxenstore4"
fi

serve ours
session "$work/bin" >"$work/ours.ours"

# json CODE COMMAND...: prints what Python's expression CODE makes of j, the command's JSON.
json() {
    local code=$1
    shift
    "$xs/xenstore" "$@" | python3 -c "import json, sys; j = json.load(sys.stdin); print($code)"
}
"$xs/xenstore" write /j/a 'q\"\\b\xff' /j/b '' /j/b/c x
"$xs/xenstore" chmod /j/b n0 r5
{
    json '[ord(c) for c in j["/j/a"]], j["/j/b"]' read --json /j/a /j/b
    json 'j' list --json /j /j/b
    json 'j' exists --json /j/a /j/nope
    json 'j["b"]["perms"], j["b"]["children"]["c"]["value"]' ls --json /j
    json 'j' watch --json -n 1 /j/b
    json '"check" in j' control --json help
} >"$work/json" 2>&1
cat >"$work/expected" <<'END'
[113, 34, 92, 98, 255] 
{'/j': ['a', 'b'], '/j/b': ['c']}
{'/j/a': True, '/j/nope': False}
['n0', 'r5'] x
{'path': '/j/b', 'watch': '/j/b'}
True
END
diff "$work/expected" "$work/json" >"$work/diff"
report $? "every client that prints something prints JSON with --json" "other answers"
stop
if [ -z "$debian_bin" ]; then
    skip "Debian's clients print the same from our daemon" "no xenstore-utils"
    skip "Debian's clients run with our library" "no xenstore-utils"
else
    mkdir "$work/debian"
    for name in read write ls list rm exists chmod watch; do
        ln -s "$debian_bin/xenstore-$name" "$work/debian/xenstore-$name"
    done
    cp "$work/bin/timeout_watch" "$work/debian"
    serve ours
    session "$work/debian" >"$work/debian.ours"
    diff "$work/debian.ours" "$work/ours.ours" >"$work/diff"
    report $? "Debian's clients print the same from our daemon" "they differ"
    serve ours
    LD_LIBRARY_PATH=$xs session "$work/debian" >"$work/debian-lib.ours"
    diff "$work/debian-lib.ours" "$work/ours.ours" >"$work/diff"
    report $? "Debian's clients run with our library" "they print something else"
fi

ln -s "$xs/xenstore" "$work/bin/xenstore-control"
for control in "$work/bin" "$debian"; do
    what="$([ "$control" = "$debian" ] && echo "Debian's" || echo our) control live-update"
    if [ ! -x "$control/xenstore-control" ]; then
        skip "$what makes the daemon a new one" "xen-utils-4.17 is not installed"
        continue
    fi
    serve ours
    "$work/bin/xenstore-write" /kept yes
    "$control/xenstore-control" live-update -F -t 5 "$(realpath "$xs/xenstored")" \
        >"$work/diff" 2>&1 &&
        [ "$("$work/bin/xenstore-read" /kept)" = yes ] && kill -0 "$daemon"
    report $? "$what makes the daemon a new one" "it does not"
    ! "$control/xenstore-control" live-update /bin/true >"$work/diff" 2>&1 &&
        [ "$("$work/bin/xenstore-read" /kept)" = yes ]
    report $? "$what of a program that cannot take over fails" "it does not"
done

for lib in '' "$xs"; do
    what="Debian's test-xenstore passes on our daemon${lib:+ with our library}"
    if [ -n "$debian" ]; then
        serve ours
        LD_LIBRARY_PATH=$lib timeout 60 "$debian/test-xenstore" -i 20 >"$work/diff" 2>&1
        report $? "$what" "it does not"
    else
        skip "$what" "xen-utils-4.17 is not installed"
    fi
done

for name in xenstored oxenstored; do
    what="our clients print the same from Debian's $name"
    if [ -z "$debian" ] || [ ! -e "$here/shim_xen.so" ]; then
        skip "$what" "xen-utils-4.17 or libxen-dev is not installed"
    elif ! serve $name; then
        skip "$what" "it does not run here: $(tail -n 1 "$work/messages")"
    else
        session "$work/bin" >"$work/ours.$name"
        # oxenstored lists children in another order, and cannot list very many.
        if [ $name = oxenstored ]; then
            for f in "$name" ours; do
                sed '/xenstore-list \/big/,/^status/d' "$work/ours.$f" | sort >"$work/sorted.$f"
            done
            diff "$work/sorted.$name" "$work/sorted.ours" >"$work/diff"
        else
            diff "$work/ours.$name" "$work/ours.ours" >"$work/diff"
        fi
        report $? "$what" "they differ"
    fi
done
echo "1..$number"
