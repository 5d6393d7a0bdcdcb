/* SPDX-License-Identifier: MIT */
/* What the parts of the network front end call of each other. */
#ifndef PV_FRONT_NETFRONT_PRIV_H
#define PV_FRONT_NETFRONT_PRIV_H

#include "front/netfront.h"

/* ---- netfront_tx.c ---- */
void netfront_tx_open(struct netfront_queue *q);
/* Takes what is answered. 0, or -EPROTO: nothing the back end says can be relied on. */
int netfront_tx_run(struct netfront_queue *q);
/* The connection has ended: what was not answered is lost, and to be reclaimed. */
void netfront_tx_close(struct netfront_queue *q);
/* Takes back what the back ends of ended connections have let go of by now. */
void netfront_tx_reclaim(struct netfront_queue *q);

/* ---- netfront_rx.c ---- */
/* Gives pages to a ring that is new. 0, or -ENOMEM. */
int netfront_rx_open(struct netfront_queue *q);
int netfront_rx_run(struct netfront_queue *q);
/* Takes the pages back but those that are still mapped: may be called again for them. */
void netfront_rx_close(struct netfront_queue *q);

/* ---- netfront_ctrl.c ---- */
/* Offers a control ring if both ends want one; event is called with f when it is
 * answered.
 */
int netfront_ctrl_open(struct netfront *f, void (*event)(void *net));
/* The connection is there. */
void netfront_ctrl_start(struct netfront *f);
int netfront_ctrl_run(struct netfront *f);
void netfront_ctrl_close(struct netfront *f);

#endif
