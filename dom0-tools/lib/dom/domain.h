/* SPDX-License-Identifier: MIT */
/*
 * Domains as a user knows them: with names, states and a life cycle. Joins the
 * hypervisor's view with XenStore's; the layout of XenStore is libxl's, so that Xen's
 * own tools can look at our domains and we at theirs.
 */
#ifndef DOM_DOMAIN_H
#define DOM_DOMAIN_H

#include "dom/build.h"
#include "dom/config.h"
#include "hv/door.h"

struct xs_handle;

struct dom_host {
    struct door *door;
    struct xs_handle *xs;
};

/*
 * err names the door that is closed and what to do about it. There is no closing: a
 * process that ends drops its mappings for less than it could undo them.
 */
int dom_host_open(struct dom_host *host, struct dom_error *err);

/* All domains from the first one at or after `first`. Free *out. */
int dom_list(struct dom_host *host, hv_domid_t first,
             struct hv_domctl_getdomaininfo **out, unsigned int *nr,
             struct dom_error *err);
/* -ESRCH: no such domain. */
int dom_info(struct dom_host *host, hv_domid_t domid, struct hv_domctl_getdomaininfo *out,
             struct dom_error *err);
/* Free the result; NULL if the domain has no name. */
char *dom_name(struct dom_host *host, hv_domid_t domid);
/* A number is a domid, anything else a name. -ESRCH: there is none. */
int dom_find(struct dom_host *host, const char *what, hv_domid_t *out,
             struct dom_error *err);
int dom_find_name(struct dom_host *host, const char *name, hv_domid_t *out,
                  struct dom_error *err);

/* Creates, builds and introduces a domain, and leaves it paused. */
int dom_create(struct dom_host *host, const struct dom_config *cfg,
               const struct dom_progress *progress, hv_domid_t *out,
               struct dom_error *err);
/* What the hypervisor gives it at most, beside the little that libxl allows on top. */
int dom_set_max_memory(struct dom_host *host, hv_domid_t domid, uint64_t kib,
                       struct dom_error *err);
int dom_pause(struct dom_host *host, hv_domid_t domid, struct dom_error *err);
int dom_unpause(struct dom_host *host, hv_domid_t domid, struct dom_error *err);
/* Ends a domain at once and removes all that is known of it. */
int dom_destroy(struct dom_host *host, hv_domid_t domid, struct dom_error *err);
/* Asks the guest: "poweroff", "reboot", ... Waits until it has seen the request. */
int dom_ask(struct dom_host *host, hv_domid_t domid, const char *request,
            struct dom_error *err);
int dom_rename(struct dom_host *host, hv_domid_t domid, const char *name,
               struct dom_error *err);

/*
 * Waits until a domain has ended or is gone. *reason is HV_SHUTDOWN_*, or -1 when it
 * was destroyed by somebody else. Compares the UUID, as domids are used again.
 */
int dom_wait_end(struct dom_host *host, hv_domid_t domid, const uint8_t uuid[16],
                 int *reason, struct dom_error *err);
/*
 * Waits until a domain has ended and is gone, so that its name is free again; or has
 * ended, if its configuration has it kept then. -ETIMEDOUT: nobody clears it away.
 */
int dom_wait_gone(struct dom_host *host, hv_domid_t domid, const uint8_t uuid[16],
                  struct dom_error *err);

#endif
