# SPDX-License-Identifier: MIT
# Guests' kernels in several wrappings; each is in /kernels/.
for kernel in /kernels/*; do
    name=$(basename "$kernel" | tr -c 'a-z0-9\n' -)
    config "$name" "kernel = \"$kernel\""
    if check "a guest with the kernel $name comes up" up "$name" 120; then
        check "it shuts down" down "$name"
    else
        $T destroy "$name" 2>/dev/null
        console_end "$name"
    fi
done
