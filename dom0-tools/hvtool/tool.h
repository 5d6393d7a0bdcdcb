/* SPDX-License-Identifier: MIT */
/* What hvtool's commands share. Each command is one function in a cmd_*.c file. */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "dom/domain.h"

struct tool {
    const char *command;
    bool dry_run; /* -N before the command: nothing is to be done */
    struct dom_host host;
    struct dom_error err;
};

/* A command's exit status: 0, or 1 with the reason in t->err or printed by itself. */
typedef int tool_run_t(struct tool *t, int argc, char **argv);

tool_run_t cmd_create, cmd_list, cmd_destroy, cmd_shutdown, cmd_reboot, cmd_pause,
    cmd_unpause, cmd_console, cmd_info, cmd_dmesg, cmd_domid, cmd_domname, cmd_rename,
    cmd_vcpu_list, cmd_vcpu_pin, cmd_sched, cmd_debug_keys, cmd_uptime, cmd_help,
    cmd_block_attach, cmd_block_detach, cmd_block_list, cmd_cd_insert, cmd_cd_eject,
    cmd_network_attach, cmd_network_detach, cmd_network_list, cmd_top, cmd_stats,
    cmd_channel_list, cmd_vcpu_set, cmd_sysrq, cmd_vm_list, cmd_mem_set, cmd_mem_max;

/* Opens the hypervisor and XenStore. Returns 0, or 1 with t->err set. */
int tool_open(struct tool *t);
/* Wrong arguments: says how it is done. Returns 1. */
int tool_usage(struct tool *t);
/* The domain that an argument names. Returns 0, or 1 with t->err set. */
int tool_domain(struct tool *t, const char *what, hv_domid_t *out);

/* The domains given as arguments, or all of them if there are none. Free *out. */
int tool_domains(struct tool *t, int argc, char **argv,
                 struct hv_domctl_getdomaininfo **out, unsigned int *nr);

/* xl takes the parts of a device as one word or as several: all in one. Free it. */
char *tool_join(int nr, char **words);

/* The same for every kind of split device: detaching one (`host ... force` as
 * dom_disk_detach()), and listing those of domains: `list` prints a domain's, or adds
 * them to `all` if that is not NULL. */
typedef int tool_detach_t(struct dom_host *host, hv_domid_t domid, const char *which,
                          bool force, struct dom_error *err);
typedef int tool_device_list_t(struct tool *t, hv_domid_t domid, struct json_object *all);
int tool_device_detach(struct tool *t, int argc, char **argv, tool_detach_t *detach);
int tool_device_list(struct tool *t, int argc, char **argv, const char *heading,
                     tool_device_list_t *list);

/* Prints and frees a document. Returns the exit status. */
int tool_print_json(struct json_object *doc);
struct json_object *tool_json_domain(struct tool *t, hv_domid_t domid);

/* For getopt_long: just --json, as 'j'. */
extern const struct option tool_json_option[];

#define PAGES_PER_MIB 256

/* As xl's column: a letter or '-' for each of running, blocked, paused, shutdown, crashed
 * and dying. */
void tool_state_letters(const struct hv_domctl_getdomaininfo *info, char out[7]);
const char *tool_scheduler_name(unsigned int id);
/* "poweroff", "reboot", ... for HV_SHUTDOWN_*; "-" when it is none. */
const char *tool_reason_name(const struct hv_domctl_getdomaininfo *info);

/* Joins the user to one of a domain's consoles until the escape key or its end. */
enum console_end { CONSOLE_ESCAPED, CONSOLE_CLOSED, CONSOLE_FAILED };
enum console_end console_attach(struct tool *t, hv_domid_t domid, unsigned int console,
                                bool only_output);

/*
 * Leaves a process behind that destroys or restarts the domain when it ends, and exits
 * when there is nothing left to do. Takes nothing over; the caller goes on. Returns its
 * number, or a negative errno value.
 */
pid_t monitor_start(struct tool *t, const struct dom_config *cfg, hv_domid_t domid);

#endif
