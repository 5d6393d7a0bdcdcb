/* SPDX-License-Identifier: MIT */
/*
 * A XenStore client: one request at a time over the shared page. Watch events that come
 * between are only counted: whoever watches looks at all it watches.
 *
 * Reference: Xen public interface, io/xs_wire.h.
 */
#include "abi/event_channel.h"
#include "abi/io/xs_wire.h"
#include "reference.h"

static struct hv_store_domain_interface *ring;
static uint32_t last_id;
static bool fired = true;

void store_init(void)
{
    ring = mfn_va(start_info->store_mfn);
    port_listen(start_info->store_evtchn, NULL, NULL);
}

static void notify(void)
{
    struct hv_evtchn_send send = {start_info->store_evtchn};

    evtchn_op(HV_EVTCHNOP_SEND, &send);
}

static void put(const void *data, uint32_t n)
{
    const char *p = data;

    for (; n; n--, p++) {
        while (ring->req_prod - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE) ==
               HV_STORE_RING_SIZE) {
            notify();
            port_wait();
        }
        ring->req[ring->req_prod % HV_STORE_RING_SIZE] = *p;
        __atomic_store_n(&ring->req_prod, ring->req_prod + 1, __ATOMIC_RELEASE);
    }
}

/* Takes n bytes, of which the first `size` are wanted. */
static void take(void *data, uint32_t size, uint32_t n)
{
    char *p = data;

    for (uint32_t i = 0; i < n; i++) {
        char c;

        while (__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) == ring->rsp_cons) {
            notify();
            port_wait();
        }
        c = ring->rsp[ring->rsp_cons % HV_STORE_RING_SIZE];
        __atomic_store_n(&ring->rsp_cons, ring->rsp_cons + 1, __ATOMIC_RELEASE);
        if (i < size)
            p[i] = c;
    }
}

/* One message; *len becomes what was kept of its payload. */
static uint32_t receive(struct hv_xsd_sockmsg *m, char *reply, uint32_t *len)
{
    take(m, sizeof(*m), sizeof(*m));
    take(reply, *len, m->len);
    if (m->len < *len)
        *len = m->len;
    notify();
    return m->type;
}

/* Sends two texts (the second without its end if `open`); the reply's length or an error.
 */
static int request(uint32_t type, const char *first, const char *second, bool open,
                   char *reply, uint32_t size)
{
    uint32_t n1 = (uint32_t)strlen(first) + 1,
             n2 = second ? (uint32_t)strlen(second) + !open : 0;
    struct hv_xsd_sockmsg m = {type, ++last_id, 0, n1 + n2};
    uint32_t len;

    put(&m, sizeof(m));
    put(first, n1);
    put(second, n2);
    notify();
    for (;;) {
        len = size;
        if (receive(&m, reply, &len) == HV_XS_WATCH_EVENT)
            fired = true;
        else if (m.req_id == last_id)
            return m.type == HV_XS_ERROR ? -ENOENT : (int)len;
    }
}

int front_read(const char *path, char *value, size_t size)
{
    int n = request(HV_XS_READ, path, NULL, false, value, (uint32_t)size - 1);

    if (n >= 0)
        value[n] = 0;
    return n;
}

int front_write(const char *path, const char *value)
{
    char reply[16];
    int n = request(HV_XS_WRITE, path, value, true, reply, sizeof(reply));

    return n < 0 ? n : 0;
}

void store_watch(const char *path)
{
    char reply[16];

    request(HV_XS_WATCH, path, "w", false, reply, sizeof(reply));
}

bool store_fired(void)
{
    bool was = fired;
    struct hv_xsd_sockmsg m;
    char skip[16];
    uint32_t len = sizeof(skip);

    fired = false;
    if (__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) != ring->rsp_cons) {
        receive(&m, skip, &len);
        return true;
    }
    return was;
}
