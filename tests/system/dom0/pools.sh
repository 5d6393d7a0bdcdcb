# SPDX-License-Identifier: MIT
# Pools of CPUs, as xl makes and shows them; the guest demo runs, the machine has two CPUs.
# busybox's shell; sourced.
pool_of() { xl list -c "$1" | awk 'NR == 2 { print $NF }'; }
cpus_of() { xl cpupool-list -c | awk -v name="$1" '$1 == name { print $NF }'; }
same_as() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

xl vcpu-pin demo 0 1
xl sched-credit2 -d demo -w 512
check "a CPU is taken out of its pool" xl cpupool-cpu-remove Pool-0 1
check "... which has the other one" same_as "$(cpus_of Pool-0)" 0
says "a guest that was pinned to it may run on all" '^demo +[0-9]+ +0 +0 .* all / all$' \
    xl vcpu-list demo
check "a pool is made of it" xl cpupool-create 'name="second"' 'sched="credit2"' 'cpus=[1]'
check "a domain is moved there" xl cpupool-migrate demo second
check "... and is there" same_as "$(pool_of demo)" second
says "... with the weight that all have at first" '^demo +[0-9]+ +256 +0$' \
    xl sched-credit2 -p second
check "... it still answers" answers demo
says "... on that CPU" '^demo +[0-9]+ +0 +1 ' xl vcpu-list demo
says "a pool in use stays" "Can't destroy" xl cpupool-destroy second
says "the files tell of it" '^    1/$' xenhypfs tree
check "it is given a name" xl cpupool-rename second third
says "the list has both" '^third +1 +credit2 +y +1$' xl cpupool-list
check "the domain goes back" xl cpupool-migrate demo Pool-0
check "an empty pool goes" xl cpupool-destroy third
check "its CPU goes back" xl cpupool-cpu-add Pool-0 1
check "... and is there" same_as "$(cpus_of Pool-0)" 0,1
