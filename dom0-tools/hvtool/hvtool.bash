# SPDX-License-Identifier: MIT
# bash completion for hvtool(8)

_hvtool_domains()
{
    hvtool list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_hvtool()
{
    local cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]} words=
    local commands="create list destroy shutdown reboot pause unpause console info dmesg
        domid domname rename vcpu-list vcpu-pin vcpu-set mem-set mem-max vm-list sysrq sched block-attach block-detach
        block-list channel-list cd-insert cd-eject network-attach network-detach network-list debug-keys
        uptime top stats help"

    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
        return
    fi
    case $cmd in
    create)
        case $cur in
        -*) words="-c -p -n -q -e -F -f --json --dryrun --quiet" ;;
        *=*) return ;;
        *)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames
            return
            ;;
        esac
        ;;
    help) words=$commands ;;
    list) words="-v -l -Z -c -n --json $(_hvtool_domains)" ;;
    shutdown | reboot) words="-a -w -F $(_hvtool_domains)" ;;
    console) words="-o -n -t $(_hvtool_domains)" ;;
    sched) words="--json -d -w -c $(_hvtool_domains)" ;;
    info) words="-n --json" ;;
    dmesg) words="-c --json" ;;
    uptime) words="-s --json $(_hvtool_domains)" ;;
    top)
        case ${COMP_WORDS[COMP_CWORD - 1]} in
        -o) words="cpu memory disk network number" ;;
        *) words="-b -n -d -o" ;;
        esac
        ;;
    stats) words="--json --prometheus $(_hvtool_domains)" ;;
    domid | domname | vcpu-list | block-list | network-list | channel-list) words="--json $(_hvtool_domains)" ;;
    block-detach | network-detach) words="--force $(_hvtool_domains)" ;;
    vcpu-pin) words="-f all $(_hvtool_domains)" ;;
    destroy) words="-f $(_hvtool_domains)" ;;
    vcpu-set) words="-i $(_hvtool_domains)" ;;
    vm-list) words=--json ;;
    pause | unpause | rename | sysrq | mem-set | mem-max | block-attach | network-attach | cd-insert | cd-eject)
        words=$(_hvtool_domains)
        ;;
    debug-keys) words=h ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _hvtool hvtool
