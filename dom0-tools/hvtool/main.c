/* SPDX-License-Identifier: MIT */
/* hvtool: the command table, and what every command needs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/sched.h"
#include "tool.h"

struct command {
    const char *name;
    tool_run_t *run;
    const char *args, *help;
};

static const struct command commands[] = {
    {"create", cmd_create,
     "[-c] [-p] [-n] [-q] [-e] [-F] [-f FILE] [--json] [FILE] [KEY=VALUE...]",
     "build a domain as FILE says and start it"},
    {"list", cmd_list, "[-v] [-l] [-Z] [-c] [-n] [--json] [DOMAIN...]", "show domains"},
    {"destroy", cmd_destroy, "[-f] DOMAIN...", "end domains at once"},
    {"shutdown", cmd_shutdown, "[-a] [-w] [-F] [DOMAIN...]", "ask guests to power off"},
    {"reboot", cmd_reboot, "[-a] [-w] [-F] [DOMAIN...]", "ask guests to reboot"},
    {"pause", cmd_pause, "DOMAIN...", "stop domains where they are"},
    {"unpause", cmd_unpause, "DOMAIN...", "let paused domains go on"},
    {"console", cmd_console, "[-o] [-n NUMBER] [-t pv] DOMAIN",
     "talk to a guest (leave with Ctrl-])"},
    {"channel-list", cmd_channel_list, "[--json] DOMAIN...",
     "show guests' named consoles"},
    {"info", cmd_info, "[-n] [--json]", "show the machine and the hypervisor"},
    {"dmesg", cmd_dmesg, "[-c] [--json]", "show the hypervisor's log"},
    {"domid", cmd_domid, "[--json] NAME", "a domain's number"},
    {"domname", cmd_domname, "[--json] DOMID", "a domain's name"},
    {"rename", cmd_rename, "DOMAIN NAME", "give a domain another name"},
    {"vcpu-list", cmd_vcpu_list, "[--json] [DOMAIN...]", "show virtual CPUs"},
    {"vcpu-pin", cmd_vcpu_pin, "[-f] DOMAIN VCPU|all HARD [SOFT]",
     "say on which CPUs a vCPU may and should run"},
    {"vcpu-set", cmd_vcpu_set, "[-i] DOMAIN NUMBER",
     "say how many of its virtual CPUs a guest shall use"},
    {"mem-set", cmd_mem_set, "DOMAIN MEMORY",
     "ask a guest to give memory back, or to take it again"},
    {"mem-max", cmd_mem_max, "DOMAIN MEMORY", "say how much memory a domain may have"},
    {"vm-list", cmd_vm_list, "[--json]", "show guests by their UUIDs"},
    {"sysrq", cmd_sysrq, "DOMAIN LETTER", "press a SysRq key of a guest's kernel"},
    {"sched", cmd_sched, "[--json] [-d DOMAIN [-w WEIGHT] [-c CAP]]",
     "show or set scheduling weights and caps"},
    {"block-attach", cmd_block_attach, "DOMAIN DISK", "give a running guest a disk"},
    {"block-detach", cmd_block_detach, "[--force] DOMAIN VDEV",
     "take a disk away from a guest"},
    {"block-list", cmd_block_list, "[--json] DOMAIN...", "show guests' disks"},
    {"cd-insert", cmd_cd_insert, "DOMAIN VDEV TARGET", "put a CD into a guest's drive"},
    {"cd-eject", cmd_cd_eject, "DOMAIN VDEV", "take the CD out of a guest's drive"},
    {"network-attach", cmd_network_attach, "DOMAIN [KEY=VALUE...]",
     "give a running guest a network interface"},
    {"network-detach", cmd_network_detach, "[--force] DOMAIN NUMBER|MAC",
     "take a network interface away from a guest"},
    {"network-list", cmd_network_list, "[--json] DOMAIN...",
     "show guests' network interfaces"},
    {"debug-keys", cmd_debug_keys, "KEYS", "press keys of the hypervisor's debugger"},
    {"uptime", cmd_uptime, "[-s] [--json] [DOMAIN...]",
     "how long domains have been running"},
    {"top", cmd_top, "[-b] [-n ROUNDS] [-d SECONDS] [-o cpu|memory|disk|network|number]",
     "show what domains use, again and again (leave with q)"},
    {"stats", cmd_stats, "[--json | --prometheus] [DOMAIN...]",
     "print every counter of domains, for programs"},
    {"help", cmd_help, "[COMMAND]", "show commands"},
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct option tool_json_option[] = {{"json", no_argument, NULL, 'j'}, {0}};

static const struct command *find(const char *name)
{
    /* xl's names of the same thing. */
    if (!strcmp(name, "sched-credit2") || !strcmp(name, "sched-credit"))
        name = "sched";
    for (size_t i = 0; i < NR_COMMANDS; i++)
        if (!strcmp(name, commands[i].name))
            return &commands[i];
    return NULL;
}

int cmd_help(struct tool *t, int argc, char **argv)
{
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && !c)
        return dom_fail(&t->err, 1, "there is no command '%s'", argv[1]);
    if (c) {
        printf("Usage: hvtool %s %s\n  %s\n", c->name, c->args, c->help);
        return 0;
    }
    printf("Usage: hvtool COMMAND [ARGUMENTS]\n\nCommands (hvtool(8) tells all):\n");
    for (size_t i = 0; i < NR_COMMANDS; i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].help);
    return 0;
}

int tool_usage(struct tool *t)
{
    const struct command *c = find(t->command);

    fprintf(stderr, "Usage: hvtool %s %s\n", c->name, c->args);
    return 1;
}

int tool_open(struct tool *t)
{
    return dom_host_open(&t->host, &t->err) ? 1 : 0;
}

int tool_domain(struct tool *t, const char *what, hv_domid_t *out)
{
    return dom_find(&t->host, what, out, &t->err) ? 1 : 0;
}

int tool_domains(struct tool *t, int argc, char **argv,
                 struct hv_domctl_getdomaininfo **out, unsigned int *nr)
{
    struct hv_domctl_getdomaininfo *list;

    if (!argc)
        return dom_list(&t->host, 0, out, nr, &t->err) ? 1 : 0;
    list = malloc((size_t)argc * sizeof(*list));
    if (!list)
        return dom_fail(&t->err, 1, "out of memory");
    for (int i = 0; i < argc; i++) {
        hv_domid_t domid;

        if (tool_domain(t, argv[i], &domid) ||
            dom_info(&t->host, domid, &list[i], &t->err)) {
            free(list);
            return 1;
        }
    }
    *out = list;
    *nr = (unsigned int)argc;
    return 0;
}

char *tool_join(int nr, char **words)
{
    size_t len = 1;
    char *text;

    for (int i = 0; i < nr; i++)
        len += strlen(words[i]) + 1;
    text = calloc(1, len);
    for (int i = 0; text && i < nr; i++) {
        if (i)
            strcat(text, ",");
        strcat(text, words[i]);
    }
    return text;
}

int tool_print_json(struct json_object *doc)
{
    int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                JSON_C_TO_STRING_NOSLASHESCAPE;

    printf("%s\n", json_object_to_json_string_ext(doc, flags));
    json_object_put(doc);
    return 0;
}

struct json_object *tool_json_domain(struct tool *t, hv_domid_t domid)
{
    struct json_object *doc = json_object_new_object();
    char *name = dom_name(&t->host, domid);

    json_object_object_add(doc, "domid", json_object_new_int(domid));
    json_object_object_add(doc, "name", name ? json_object_new_string(name) : NULL);
    free(name);
    return doc;
}

const char *tool_scheduler_name(unsigned int id)
{
    static const char *const names[] = {[HV_SCHEDULER_CREDIT] = "credit",
                                        [HV_SCHEDULER_CREDIT2] = "credit2",
                                        [HV_SCHEDULER_ARINC653] = "arinc653",
                                        [HV_SCHEDULER_RTDS] = "rtds",
                                        [HV_SCHEDULER_NULL] = "null"};

    return id < sizeof(names) / sizeof(names[0]) && names[id] ? names[id] : "unknown";
}

const char *tool_reason_name(const struct hv_domctl_getdomaininfo *info)
{
    static const char *const names[] = {
        [HV_SHUTDOWN_POWEROFF] = "poweroff", [HV_SHUTDOWN_REBOOT] = "reboot",
        [HV_SHUTDOWN_SUSPEND] = "suspend",   [HV_SHUTDOWN_CRASH] = "crash",
        [HV_SHUTDOWN_WATCHDOG] = "watchdog", [HV_SHUTDOWN_SOFT_RESET] = "soft_reset"};
    unsigned int reason = info->flags >> HV_DOMINF_SHUTDOWNSHIFT & HV_DOMINF_SHUTDOWNMASK;

    if (!(info->flags & (HV_DOMINF_SHUTDOWN | HV_DOMINF_DYING)))
        return "-";
    return reason <= HV_SHUTDOWN_MAX ? names[reason] : "unknown";
}

void tool_state_letters(const struct hv_domctl_getdomaininfo *info, char out[7])
{
    unsigned int f = info->flags;
    bool crashed = !strcmp(tool_reason_name(info), "crash");

    snprintf(out, 7, "%c%c%c%c%c%c", f & HV_DOMINF_RUNNING ? 'r' : '-',
             f & HV_DOMINF_BLOCKED ? 'b' : '-', f & HV_DOMINF_PAUSED ? 'p' : '-',
             f & HV_DOMINF_SHUTDOWN ? 's' : '-', crashed ? 'c' : '-',
             f & HV_DOMINF_DYING ? 'd' : '-');
}

static int unknown(const char *word)
{
    const char *names[NR_COMMANDS + 1] = {NULL}, *near;

    for (size_t i = 0; i < NR_COMMANDS; i++)
        names[i] = commands[i].name;
    near = dom_nearest(word, names);
    fprintf(stderr, "hvtool: there is no command '%s'%s%s%s\n", word,
            near ? ", did you mean '" : "; 'hvtool help' lists them", near ? near : "",
            near ? "'?" : "");
    return 1;
}

/* Options of xl's before the command. What is not done with them needs no doing here. */
static int global_options(struct tool *t, int *argc, char ***argv)
{
    for (; *argc > 1 && (*argv)[1][0] == '-'; ++*argv, --*argc) {
        const char *word = (*argv)[1];

        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            (*argv)[1] = "help";
            return 0;
        }
        if (!strcmp(word, "-N"))
            t->dry_run = true;
        else if (strlen(word) != 2 || !strchr("vftT", word[1])) {
            fprintf(stderr,
                    "hvtool: there is no option '%s' before a command; 'hvtool help'\n",
                    word);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct tool t = {0};
    const struct command *c;
    int status;

    if (global_options(&t, &argc, &argv))
        return 1;
    if (argc < 2) {
        cmd_help(&t, 1, argv);
        return 1;
    }
    c = find(argv[1]);
    if (!c)
        return unknown(argv[1]);
    if (argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
        argv[2] = argv[1];
        return cmd_help(&t, 2, argv + 1);
    }
    t.command = c->name;
    if (t.dry_run && c->run != cmd_create) {
        fprintf(stderr, "hvtool -N: create only can be tried without doing it\n");
        return 1;
    }
    status = c->run(&t, argc - 1, argv + 1);
    if (t.err.text[0])
        fprintf(stderr, "hvtool %s: %s\n", c->name, t.err.text);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "hvtool %s: cannot write the output\n", c->name);
        return 1;
    }
    return status ? 1 : 0;
}
