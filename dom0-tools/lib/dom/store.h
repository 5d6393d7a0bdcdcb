/* SPDX-License-Identifier: MIT */
/* What XenStore holds of a domain: written on creation, removed at its end. */
#ifndef DOM_STORE_H
#define DOM_STORE_H

#include "dom/domain.h"

/* Everything in one transaction. -EEXIST: the name is taken. */
int dom_store_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                  const struct dom_built *built, struct dom_error *err);
void dom_store_remove(struct dom_host *host, hv_domid_t domid);

#endif
