# SPDX-License-Identifier: MIT
# Guests of several sizes: memory and virtual CPUs.
baseline /tmp/before
size() {
    config "size$1" "memory = $1" "vcpus = $2"
    if check "a guest with $1 MiB and $2 CPUs comes up" up "size$1" 180; then
        says "it sees $2 CPUs" "up: Linux [^ ]*, $2 CPU" cat "/tmp/size$1.out"
        says "list shows $1 MiB and $2 CPUs" "^size$1 +[0-9]+ +$1 +$2 " $T list
        check "it answers" answers "size$1"
        check "it shuts down" down "size$1"
    else
        $T destroy "size$1"
        console_end "size$1"
    fi
}
size 96 1
size 128 2
size 512 4
size 1024 1
unchanged "nothing is left of them" /tmp/before 100
