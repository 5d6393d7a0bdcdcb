/* SPDX-License-Identifier: MIT */
/*
 * EFI for the control domain: runtime services by platform_op, and what the firmware says
 * of itself. What goes to firmware lies in buffers of our own, filled before the call;
 * what comes back is cut to the room that the caller gave, whatever firmware says.
 *
 * Reference: Xen public interface, platform.h; UEFI Specification 2.10, "Variable
 * Services", "Time Services".
 */
#include "call/call.h"
#include "call/platform.h"
#include "kern/heap.h"
#include "port/platform.h"

#define NAME_MAX 1024       /* characters, with the terminator */
#define DATA_MAX (1u << 20) /* bytes of a variable */
#define BYTES(p) ((uint64_t)(uintptr_t)(p))

static bool failed(uint64_t status)
{
    return status & EFI_ERROR;
}

/* A name of at most max characters into a buffer for NAME_MAX of them. */
static int read_name(uint16_t *name, vaddr_t from, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (guest_read(&name[i], from + 2 * i, sizeof(*name)))
            return -EFAULT;
        if (!name[i])
            return 0;
    }
    return -E2BIG;
}

static int call_name_and_data(unsigned function, struct hv_pf_efi_runtime_call *op,
                              uint16_t *name, void *data)
{
    struct hv_pf_efi_variable *v = &op->u.get_variable;
    struct hv_pf_efi_guid guid = v->vendor_guid;
    uint32_t attr = op->misc;
    uint64_t size = v->size;
    bool get = function == HV_EFI_GET_VARIABLE;
    const uint64_t arg[EFI_ARGS] = {BYTES(name), BYTES(&guid), get ? BYTES(&attr) : attr,
                                    get ? BYTES(&size) : size, BYTES(data)};
    int rc = platform_efi_call(function, arg, &op->status);

    if (rc || !get)
        return rc;
    if (!failed(op->status) && size <= v->size && guest_write(v->data, data, size))
        return -EFAULT;
    op->misc = attr;
    v->size = size;
    return 0;
}

/* GetVariable and SetVariable have the same arguments here. */
static int variable(unsigned function, struct hv_pf_efi_runtime_call *op)
{
    const struct hv_pf_efi_variable *v = &op->u.get_variable;
    uint16_t *name;
    void *data = NULL;
    int rc = -ENOMEM;

    if (function == HV_EFI_GET_VARIABLE && op->misc)
        return -EINVAL;
    if (v->size > DATA_MAX)
        return -ENOMEM;
    name = heap_alloc(NAME_MAX * sizeof(*name));
    if (v->size)
        data = heap_alloc(v->size);
    if (name && (data || !v->size))
        rc = read_name(name, v->name, NAME_MAX);
    if (!rc && function == HV_EFI_SET_VARIABLE && guest_read(data, v->data, v->size))
        rc = -EFAULT;
    if (!rc)
        rc = call_name_and_data(function, op, name, data);
    heap_free(data);
    heap_free(name);
    return rc;
}

static int next_name(struct hv_pf_efi_runtime_call *op)
{
    uint64_t room = MIN(op->u.get_next_variable_name.size, NAME_MAX * 2ul), size = room;
    struct hv_pf_efi_guid guid = op->u.get_next_variable_name.vendor_guid;
    uint16_t *name;
    int rc;

    if (op->misc)
        return -EINVAL;
    name = heap_alloc(NAME_MAX * sizeof(*name));
    if (!name)
        return -ENOMEM;
    rc = read_name(name, op->u.get_next_variable_name.name, room / 2);
    if (!rc) {
        const uint64_t arg[EFI_ARGS] = {BYTES(&size), BYTES(name), BYTES(&guid)};

        rc = platform_efi_call(HV_EFI_GET_NEXT_VARIABLE_NAME, arg, &op->status);
    }
    if (!rc) {
        op->u.get_next_variable_name.size = size;
        op->u.get_next_variable_name.vendor_guid = guid;
        if (!failed(op->status) && size <= room &&
            guest_write(op->u.get_next_variable_name.name, name, size))
            rc = -EFAULT;
    }
    heap_free(name);
    return rc;
}

static int query_info(struct hv_pf_efi_runtime_call *op)
{
    uint64_t out[3] = {0};
    const uint64_t arg[EFI_ARGS] = {op->u.query_variable_info.attr, BYTES(&out[0]),
                                    BYTES(&out[1]), BYTES(&out[2])};
    struct platform_efi efi;
    int rc;

    /* Nobody asked while boot services could still answer. */
    if (op->misc & ~HV_EFI_VARINFO_BOOT_SNAPSHOT)
        return -EINVAL;
    if (!platform_efi_info(&efi) || efi.runtime_revision >> 16 < 2 || op->misc)
        return -EOPNOTSUPP;
    rc = platform_efi_call(HV_EFI_QUERY_VARIABLE_INFO, arg, &op->status);
    if (rc)
        return rc;
    op->u.query_variable_info.max_store_size = out[0];
    op->u.query_variable_info.remain_store_size = out[1];
    op->u.query_variable_info.max_size = out[2];
    return 0;
}

static int get_time(struct hv_pf_efi_runtime_call *op)
{
    struct hv_pf_efi_time time = {0};
    struct {
        uint32_t resolution, accuracy;
        uint8_t clears_ns;
    } cap = {0};
    const uint64_t arg[EFI_ARGS] = {BYTES(&time), BYTES(&cap)};
    int rc;

    if (op->misc)
        return -EINVAL;
    rc = platform_efi_call(HV_EFI_GET_TIME, arg, &op->status);
    if (rc)
        return rc;
    op->misc = cap.clears_ns ? HV_EFI_GET_TIME_SET_CLEARS_NS : 0;
    op->u.get_time.time = time;
    op->u.get_time.resolution = cap.resolution;
    op->u.get_time.accuracy = cap.accuracy;
    return 0;
}

static int set_time(struct hv_pf_efi_runtime_call *op)
{
    struct hv_pf_efi_time time = op->u.set_time;
    const uint64_t arg[EFI_ARGS] = {BYTES(&time)};

    if (op->misc)
        return -EINVAL;
    return platform_efi_call(HV_EFI_SET_TIME, arg, &op->status);
}

static int get_wakeup(struct hv_pf_efi_runtime_call *op)
{
    struct hv_pf_efi_time time = {0};
    uint8_t enabled = 0, pending = 0;
    const uint64_t arg[EFI_ARGS] = {BYTES(&enabled), BYTES(&pending), BYTES(&time)};
    int rc;

    if (op->misc)
        return -EINVAL;
    rc = platform_efi_call(HV_EFI_GET_WAKEUP_TIME, arg, &op->status);
    if (rc)
        return rc;
    op->misc = (enabled ? HV_EFI_GET_WAKEUP_TIME_ENABLED : 0) |
               (pending ? HV_EFI_GET_WAKEUP_TIME_PENDING : 0);
    op->u.get_wakeup_time = time;
    return 0;
}

static int set_wakeup(struct hv_pf_efi_runtime_call *op)
{
    struct hv_pf_efi_time time = op->u.set_wakeup_time;
    const uint64_t arg[EFI_ARGS] = {
        op->misc & HV_EFI_SET_WAKEUP_TIME_ENABLE ? 1 : 0,
        op->misc & HV_EFI_SET_WAKEUP_TIME_ENABLE_ONLY ? 0 : BYTES(&time)};

    if (op->misc & ~(HV_EFI_SET_WAKEUP_TIME_ENABLE | HV_EFI_SET_WAKEUP_TIME_ENABLE_ONLY))
        return -EINVAL;
    return platform_efi_call(HV_EFI_SET_WAKEUP_TIME, arg, &op->status);
}

static int next_count(struct hv_pf_efi_runtime_call *op)
{
    uint32_t count = 0;
    const uint64_t arg[EFI_ARGS] = {BYTES(&count)};
    int rc;

    if (op->misc)
        return -EINVAL;
    rc = platform_efi_call(HV_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT, arg, &op->status);
    if (rc)
        return rc;
    op->misc = count;
    return 0;
}

int platform_efi_op(struct hv_pf_efi_runtime_call *op)
{
    struct platform_efi efi;

    if (!platform_efi_info(&efi))
        return -ENOSYS;
    switch (op->function) {
    case HV_EFI_GET_TIME:
        return get_time(op);
    case HV_EFI_SET_TIME:
        return set_time(op);
    case HV_EFI_GET_WAKEUP_TIME:
        return get_wakeup(op);
    case HV_EFI_SET_WAKEUP_TIME:
        return set_wakeup(op);
    case HV_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT:
        return next_count(op);
    case HV_EFI_GET_VARIABLE:
    case HV_EFI_SET_VARIABLE:
        return variable(op->function, op);
    case HV_EFI_GET_NEXT_VARIABLE_NAME:
        return next_name(op);
    case HV_EFI_QUERY_VARIABLE_INFO:
        return query_info(op);
    default:
        return -ENOSYS; /* capsules need memory that nobody changes until the reset */
    }
}

/* ---- what firmware says of itself ---- */

static int write_vendor(union hv_pf_efi_info *out, const struct platform_efi *efi)
{
    unsigned units = 0, room = out->vendor.bufsz / 2, n;
    uint16_t end = 0;

    while (efi->vendor[units])
        units++;
    out->vendor.revision = efi->vendor_revision;
    if (!room)
        return out->vendor.bufsz ? -EINVAL : 0;
    n = MIN(units, room - 1);
    if (guest_write(out->vendor.name, efi->vendor, n * 2) ||
        guest_write(out->vendor.name + n * 2, &end, sizeof(end)))
        return -EFAULT;
    return 0;
}

static int memory_info(union hv_pf_efi_info *out)
{
    struct platform_efi_range r;

    if (!platform_efi_memory(out->mem.addr, &r))
        return -ESRCH;
    out->mem.type = r.type;
    out->mem.attr = r.attr;
    out->mem.size = MIN(out->mem.size, r.end - out->mem.addr);
    return 0;
}

int platform_efi_firmware(struct hv_pf_firmware_info *f)
{
    union hv_pf_efi_info *out = &f->u.efi_info;
    struct platform_efi efi;

    if (!platform_efi_info(&efi))
        return -ENOSYS;
    switch (f->index) {
    case HV_FW_EFI_VERSION:
        out->version = efi.revision;
        return 0;
    case HV_FW_EFI_RT_VERSION:
        if (!efi.runtime_revision)
            return -EOPNOTSUPP;
        out->version = efi.runtime_revision;
        return 0;
    case HV_FW_EFI_CONFIG_TABLE:
        out->cfg.addr = efi.config_table;
        out->cfg.nent = efi.config_entries;
        return 0;
    case HV_FW_EFI_VENDOR:
        return write_vendor(out, &efi);
    case HV_FW_EFI_MEM_INFO:
        return memory_info(out);
    default:
        return -EINVAL;
    }
}
