/* SPDX-License-Identifier: MIT */
/*
 * The builder of PV domains. Order matters in two places: page tables must be written
 * through ordinary mappings and these be gone before the hypervisor is told that they
 * are page tables; and everything that can be wrong with the user's files is found
 * before memory is given.
 *
 * All frames that must be written are mapped at once (a "window"): the boot pages and
 * page tables, the ramdisk, the p2m list, the parts of the kernel that are not zero, and
 * the shared-info page. Of a large kernel only the pages that are not whole are, and a
 * few unused ones, through which the others go (stage.h). Pages of the kernel that are
 * all zero are cleared by the hypervisor (runs.h). A large window is filled by a child
 * process: when a process of a PV dom0 ends, its page tables cease to be such before they
 * are emptied, and that costs a tenth of an munmap, where the hypervisor emulates the
 * write to each entry.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/grant_table.h"
#include "dom/build.h"
#include "dom/image.h"
#include "dom/layout.h"
#include "dom/runs.h"
#include "dom/stage.h"

#define STORE_DOMID   0
#define CONSOLE_DOMID 0

/* Pages from which on a child pays, and of a kernel a stage. */
#define LARGE_WINDOW 512
#define LARGE_KERNEL 512

struct build {
    struct door *door;
    hv_domid_t domid;
    const struct dom_config *cfg;
    const struct dom_progress *progress;
    struct dom_error *err;

    struct dom_image image;
    struct dom_elf elf;
    int ramdisk_fd;
    uint64_t ramdisk_size;
    struct pv_layout l;
    hv_pfn_t *frames; /* by pfn */
    uint64_t shared_info;

    hv_pfn_t *list; /* of the window */
    size_t window_nr;
    char *window;
    /* Where things begin in the window, in pages. */
    size_t boot, ramdisk, p2m, shared, stage;
    struct dom_runs data;   /* of the kernel */
    struct dom_runs kernel; /* what of it is in the window, `at` */
    bool staged;            /* the rest of the data goes through the stage */
};

static int open_ramdisk(struct build *b)
{
    struct stat st;

    if (!b->cfg->ramdisk)
        return 0;
    b->ramdisk_fd = open(b->cfg->ramdisk, O_RDONLY | O_CLOEXEC);
    if (b->ramdisk_fd < 0)
        return dom_fail(b->err, -errno, "cannot open ramdisk %.300s: %s", b->cfg->ramdisk,
                        strerror(errno));
    if (fstat(b->ramdisk_fd, &st) < 0 || !S_ISREG(st.st_mode))
        return dom_fail(b->err, -EINVAL, "ramdisk %.300s is no regular file",
                        b->cfg->ramdisk);
    b->ramdisk_size = (uint64_t)st.st_size;
    return 0;
}

static int open_files(struct build *b)
{
    uint64_t nr_pages = b->cfg->memory_kib / 4;
    struct dom_error why = {{0}};
    int rc = dom_image_open(&b->image, b->cfg->kernel, &why);

    if (!rc)
        rc = dom_elf_parse(&b->elf, b->image.data, b->image.size, &why);
    if (rc && !strncmp(why.text, "cannot", 6))
        return dom_fail(b->err, rc, "%s", why.text);
    if (rc)
        return dom_fail(b->err, rc, "kernel %.200s: %s", b->cfg->kernel, why.text);
    rc = open_ramdisk(b);
    if (rc)
        return rc;
    if (strlen(b->cfg->cmdline) >= HV_MAX_GUEST_CMDLINE)
        return dom_fail(b->err, -EINVAL, "the kernel command line is longer than %d",
                        HV_MAX_GUEST_CMDLINE - 1);
    return pv_layout_compute(&b->l, &b->elf, nr_pages, (b->ramdisk_size + 4095) / 4096,
                             b->err);
}

static void report_memory(void *ctx, size_t done, size_t all)
{
    const struct build *b = ctx;

    if (b->progress && b->progress->report)
        b->progress->report(b->progress->ctx, "memory", done, all);
}

/* Says how much there would have been: what is free, and what the domain got of it. */
static int too_little(struct build *b)
{
    struct hv_domctl info = {.cmd = HV_DOMCTL_GETDOMAININFO, .domain = b->domid};
    struct hv_sysctl machine = {.cmd = HV_SYSCTL_PHYSINFO};
    uint64_t pages = door_domctl(b->door, &info) ? 0 : info.u.getdomaininfo.tot_pages;

    if (!door_sysctl(b->door, &machine))
        pages += machine.u.physinfo.free_pages;
    return dom_fail(b->err, -ENOMEM,
                    "not enough free memory for %llu MiB: %llu MiB are free",
                    (unsigned long long)b->cfg->memory_kib >> 10,
                    (unsigned long long)(pages >> (20 - PAGE_SHIFT)));
}

static int give_memory(struct build *b)
{
    struct hv_domctl info = {.cmd = HV_DOMCTL_GETDOMAININFO, .domain = b->domid};
    int rc;

    b->frames = malloc(b->l.nr_pages * sizeof(*b->frames));
    if (!b->frames)
        return dom_fail(b->err, -ENOMEM, "out of memory");
    rc = door_populate(b->door, b->domid, b->frames, b->l.nr_pages, report_memory, b);
    if (rc == -ENOMEM)
        return too_little(b);
    if (!rc)
        rc = door_domctl(b->door, &info);
    if (rc)
        return dom_fail(b->err, rc, "cannot give the domain memory: %s", strerror(-rc));
    b->shared_info = info.u.getdomaininfo.shared_info_frame;
    return 0;
}

static size_t add_range(struct build *b, uint64_t first, uint64_t nr)
{
    size_t at = b->window_nr;

    memcpy(&b->list[at], &b->frames[first], nr * sizeof(*b->list));
    b->window_nr += nr;
    return at;
}

/* What of the kernel lies in the window. */
static void plan_kernel(struct build *b)
{
    dom_runs_find(&b->data, &b->elf, &b->image);
    b->staged = dom_runs_pages(&b->data) >= LARGE_KERNEL &&
                b->l.nr_pages - b->l.unused >= DOM_STAGE_PAGES;
    if (b->staged)
        dom_runs_edges(&b->kernel, &b->elf);
    else
        b->kernel = b->data;
}

/* Collects the frames of the window. */
static int plan_window(struct build *b)
{
    const struct pv_layout *l = &b->l;
    uint64_t boot = l->stack + 1 - l->start_info;
    /* Runs lie within the kernel's pages. */
    size_t room = boot + l->ramdisk.nr + l->p2m.nr + l->p2m_tables.nr + l->kernel.nr +
                  DOM_STAGE_PAGES + 1;

    b->list = malloc(room * sizeof(*b->list));
    if (!b->list)
        return dom_fail(b->err, -ENOMEM, "out of memory");
    plan_kernel(b);
    b->boot = add_range(b, l->start_info, boot);
    b->ramdisk = add_range(b, l->ramdisk.first, l->ramdisk.nr);
    /* The p2m list's own tables follow it directly. */
    b->p2m = add_range(b, l->p2m.first, l->p2m.nr + l->p2m_tables.nr);
    for (unsigned int i = 0; i < b->kernel.nr; i++) {
        struct dom_run *r = &b->kernel.run[i];

        r->at = add_range(b, r->first, r->end - r->first);
    }
    if (b->staged)
        b->stage = add_range(b, l->unused, DOM_STAGE_PAGES);
    b->shared = b->window_nr;
    b->list[b->window_nr++] = b->shared_info;
    return 0;
}

static char *page(const struct build *b, size_t nr)
{
    return b->window + nr * PAGE_SIZE;
}

static int clear(struct build *b, uint64_t pfn, uint64_t end)
{
    return pfn < end ? door_clear_pages(b->door, b->domid, &b->frames[pfn], end - pfn)
                     : 0;
}

/* Has the hypervisor clear what of a segment is in no run, and what follows its bytes of
 * the file: a run may go beyond them. */
static int clear_rest(struct build *b, const struct dom_elf_segment *s)
{
    uint64_t file_end = (s->paddr + s->filesz + PAGE_SIZE - 1) / PAGE_SIZE,
             end = (s->paddr + s->memsz + PAGE_SIZE - 1) / PAGE_SIZE;
    int rc = 0;

    for (uint64_t pfn = s->paddr / PAGE_SIZE, to; pfn < file_end && !rc; pfn = to) {
        to = dom_runs_gap(&b->data, &pfn, file_end);
        rc = clear(b, pfn, to);
    }
    return rc ? rc : clear(b, file_end, end);
}

/* A segment's first and last page need not be its own alone, or full. */
static void clear_ends(struct build *b, const struct dom_elf_segment *s)
{
    uint64_t ends[2] = {s->paddr / PAGE_SIZE, (s->paddr + s->filesz) / PAGE_SIZE};

    for (unsigned int i = 0; i < b->kernel.nr; i++) {
        const struct dom_run *r = &b->kernel.run[i];

        for (unsigned int k = 0; k < 2; k++)
            if (ends[k] >= r->first && ends[k] < r->end)
                memset(page(b, r->at + (ends[k] - r->first)), 0, PAGE_SIZE);
    }
}

/* Reads bytes of a segment, all of them in one run of the window. */
static int load_part(struct build *b, const struct dom_elf_segment *s, uint64_t from,
                     uint64_t to)
{
    const struct dom_run *r = b->kernel.run;

    if (from >= to)
        return 0;
    while (from / PAGE_SIZE >= r->end)
        r++;
    return dom_image_read(&b->image, s->offset + (from - s->paddr),
                          page(b, r->at) + (from - r->first * PAGE_SIZE), to - from);
}

/* The same by the stage, for whole pages. */
static int load_pages(struct build *b, const struct dom_elf_segment *s, uint64_t from,
                      uint64_t to)
{
    const struct dom_stage stage = {b->door, b->domid, page(b, b->stage),
                                    &b->frames[b->l.unused]};

    if (from >= to)
        return 0;
    return dom_stage_load(&stage, &b->image, s->offset + (from - s->paddr),
                          &b->frames[from / PAGE_SIZE], (to - from) / PAGE_SIZE);
}

/* Reads those bytes of a segment that lie in a run of data. */
static int load_run(struct build *b, const struct dom_elf_segment *s,
                    const struct dom_run *r)
{
    uint64_t first = r->first * PAGE_SIZE, end = r->end * PAGE_SIZE;
    uint64_t from = s->paddr > first ? s->paddr : first, head, tail;
    uint64_t to = s->paddr + s->filesz < end ? s->paddr + s->filesz : end;
    int rc;

    if (!b->staged || from >= to)
        return load_part(b, s, from, to);
    head = (from + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    head = head < to ? head : to;
    tail = to & ~(PAGE_SIZE - 1);
    tail = tail > head ? tail : head;
    rc = load_part(b, s, from, head);
    if (!rc)
        rc = load_pages(b, s, head, tail);
    return rc ? rc : load_part(b, s, tail, to);
}

static int load_segment(struct build *b, const struct dom_elf_segment *s)
{
    int rc = 0;

    for (unsigned int i = 0; i < b->data.nr && !rc; i++)
        rc = load_run(b, s, &b->data.run[i]);
    return rc;
}

/* Zeros come first: where a segment ends may be where the next begins. */
static int load_kernel(struct build *b)
{
    int rc = 0;

    for (unsigned int i = 0; i < b->elf.nr_segments; i++)
        clear_ends(b, &b->elf.segment[i]);
    for (unsigned int i = 0; i < b->elf.nr_segments && !rc; i++) {
        rc = clear_rest(b, &b->elf.segment[i]);
        if (!rc)
            rc = load_segment(b, &b->elf.segment[i]);
        if (b->progress && b->progress->report)
            b->progress->report(b->progress->ctx, "kernel", i + 1, b->elf.nr_segments);
    }
    if (b->staged && !rc)
        rc =
            door_clear_pages(b->door, b->domid, &b->frames[b->l.unused], DOM_STAGE_PAGES);
    if (rc)
        return dom_fail(b->err, rc, "cannot load the kernel: %s", strerror(-rc));
    return 0;
}

static int load_ramdisk(struct build *b)
{
    const struct dom_image file = {.fd = b->ramdisk_fd};
    int rc;

    if (!b->ramdisk_size)
        return 0;
    rc = dom_image_read(&file, 0, page(b, b->ramdisk), b->ramdisk_size);
    if (rc)
        return dom_fail(b->err, rc, "cannot read ramdisk %.300s: %s", b->cfg->ramdisk,
                        rc == -ENODATA ? "it shrank" : strerror(-rc));
    return 0;
}

static uint64_t virt(const struct build *b, uint64_t pfn)
{
    return b->l.virt_base + pfn * PAGE_SIZE;
}

static void write_start_info(struct build *b, const struct dom_built *built)
{
    struct hv_start_info *si = (void *)page(b, b->boot);
    int version = door_version(b->door);

    snprintf(si->magic, sizeof(si->magic), "xen-%d.%d-x86_64", version >> 16,
             version & 0xffff);
    si->nr_pages = b->l.nr_pages;
    si->shared_info = b->shared_info * PAGE_SIZE;
    si->flags = HV_SIF_VIRT_P2M_4TOOLS;
    si->store_mfn = built->store_mfn;
    si->store_evtchn = built->store_port;
    si->console.domU.mfn = built->console_mfn;
    si->console.domU.evtchn = built->console_port;
    si->pt_base = virt(b, b->l.tables.first);
    si->nr_pt_frames = b->l.tables.nr;
    si->mfn_list = b->l.p2m_virt;
    if (b->ramdisk_size) {
        si->mod_start = virt(b, b->l.ramdisk.first);
        if (b->elf.mod_start_pfn) {
            si->flags |= HV_SIF_MOD_START_PFN;
            si->mod_start = b->l.ramdisk.first;
        }
        si->mod_len = b->ramdisk_size;
    }
    if (b->elf.has_init_p2m) {
        si->first_p2m_pfn = b->l.p2m.first;
        si->nr_p2m_frames = b->l.p2m.nr + b->l.p2m_tables.nr;
    }
    strcpy((char *)si->cmd_line, b->cfg->cmdline);
}

static void fill_window(struct build *b, const struct dom_built *built)
{
    struct hv_shared_info *shared = (void *)page(b, b->shared);
    size_t tables = b->boot + (b->l.tables.first - b->l.start_info);

    memset(page(b, b->boot), 0, (b->l.stack + 1 - b->l.start_info) * PAGE_SIZE);
    memset(page(b, b->p2m + b->l.p2m.nr), 0, b->l.p2m_tables.nr * PAGE_SIZE);
    write_start_info(b, built);
    memcpy(page(b, b->p2m), b->frames, b->l.nr_pages * sizeof(*b->frames));
    pv_layout_fill(&b->l, b->frames, (void *)page(b, tables),
                   (void *)page(b, b->p2m + b->l.p2m.nr));
    /* No event may arrive before the guest has said where. */
    for (unsigned int i = 0; i < HV_LEGACY_MAX_VCPUS; i++)
        shared->vcpu_info[i].evtchn_upcall_mask = 1;
}

static int make_channels(struct build *b, struct dom_built *built)
{
    int rc = door_evtchn_alloc(b->door, b->domid, STORE_DOMID, &built->store_port);

    if (!rc)
        rc = door_evtchn_alloc(b->door, b->domid, CONSOLE_DOMID, &built->console_port);
    built->store_mfn = b->frames[b->l.store];
    built->console_mfn = b->frames[b->l.console];
    if (rc)
        return dom_fail(b->err, rc, "cannot make event channels: %s", strerror(-rc));
    return 0;
}

/* Lets dom0's daemons reach the two rings by their well-known grant references. */
static int grant_rings(struct build *b, const struct dom_built *built)
{
    struct hv_grant_entry_v1 *table;
    int rc =
        door_map_resource(b->door, b->domid, HV_MEM_RESOURCE_GRANT_TABLE,
                          HV_MEM_RESOURCE_GRANT_TABLE_ID_SHARED, 0, 1, (void **)&table);

    if (rc)
        return dom_fail(b->err, rc, "cannot map the grant table: %s", strerror(-rc));
    table[HV_GNTTAB_RESERVED_CONSOLE] = (struct hv_grant_entry_v1){
        HV_GTF_PERMIT_ACCESS, CONSOLE_DOMID, (uint32_t)built->console_mfn};
    table[HV_GNTTAB_RESERVED_XENSTORE] = (struct hv_grant_entry_v1){
        HV_GTF_PERMIT_ACCESS, STORE_DOMID, (uint32_t)built->store_mfn};
    door_unmap(table, 1);
    return 0;
}

static int hypercall_page(struct build *b)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_HYPERCALL_INIT, .domain = b->domid};

    if (!b->elf.has_hypercall_page)
        return 0;
    op.u.hypercall_init.gmfn = b->frames[b->elf.hypercall_page / PAGE_SIZE];
    return door_domctl(b->door, &op);
}

/* From here on the tables are page tables. */
static int start_vcpu(struct build *b)
{
    uint64_t cr3 = b->frames[b->l.tables.first];
    struct hv_mmuext_op pin = {.cmd = HV_MMUEXT_PIN_L4_TABLE, .arg1.mfn = cr3};
    struct hv_domctl op = {.cmd = HV_DOMCTL_SETVCPUCONTEXT, .domain = b->domid};
    struct hv_vcpu_guest_context *ctx = door_buf_get(b->door, sizeof(*ctx));
    int rc;

    if (!ctx)
        return -ENOMEM;
    ctx->flags = HV_VGCF_IN_KERNEL | HV_VGCF_ONLINE;
    ctx->user_regs.rip = b->elf.entry;
    ctx->user_regs.rsp = virt(b, b->l.stack + 1);
    ctx->user_regs.rsi = virt(b, b->l.start_info);
    ctx->user_regs.rflags = 1 << 9;
    ctx->user_regs.cs = HV_FLAT_KERNEL_CS;
    ctx->user_regs.ss = HV_FLAT_KERNEL_SS;
    ctx->kernel_ss = HV_FLAT_KERNEL_SS;
    ctx->kernel_sp = ctx->user_regs.rsp;
    ctx->ctrlreg[3] = hv_pfn_to_cr3(cr3);
    op.u.vcpucontext.ctxt = (uintptr_t)ctx;
    rc = door_mmuext(b->door, b->domid, &pin, 1);
    if (!rc)
        rc = door_domctl(b->door, &op);
    door_buf_put(b->door, ctx, sizeof(*ctx));
    return rc;
}

/* Maps the window and writes everything into it. The mapping is left to the caller. */
static int write_memory(struct build *b, const struct dom_built *built)
{
    int rc = door_map(b->door, b->domid, b->list, b->window_nr, (void **)&b->window);

    if (rc)
        return dom_fail(b->err, rc, "cannot map the domain's memory: %s", strerror(-rc));
    rc = load_kernel(b);
    if (!rc)
        rc = load_ramdisk(b);
    if (!rc)
        fill_window(b, built);
    return rc;
}

/* The child's part. Doors are not inherited whole, so it opens its own. */
static void write_and_exit(struct build *b, const struct dom_built *built,
                           struct dom_error *err)
{
    int rc = door_open(&b->door);

    b->err = err;
    if (rc)
        dom_fail(err, rc, "cannot open /dev/xen/privcmd: %s", strerror(-rc));
    else
        rc = write_memory(b, built);
    _exit(rc != 0);
}

static int write_in_child(struct build *b, const struct dom_built *built)
{
    struct dom_error *err = mmap(NULL, sizeof(*err), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t pid;

    if (err == MAP_FAILED)
        return dom_fail(b->err, -errno, "out of memory");
    pid = fork();
    if (!pid)
        write_and_exit(b, built, err);
    if (pid < 0)
        dom_fail(err, -errno, "cannot fork: %s", strerror(errno));
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status && !err->text[0])
        dom_fail(err, -EIO, "the process that loads the kernel died");
    status = err->text[0] ? dom_fail(b->err, -EIO, "%s", err->text) : 0;
    munmap(err, sizeof(*err));
    return status;
}

static int write_window(struct build *b, const struct dom_built *built)
{
    int rc = plan_window(b);

    if (rc)
        return rc;
    if (b->window_nr >= LARGE_WINDOW)
        return write_in_child(b, built);
    rc = write_memory(b, built);
    door_unmap(b->window, b->window_nr);
    b->window = NULL;
    return rc;
}

static int build(struct build *b, struct dom_built *built)
{
    int rc = open_files(b);

    if (!rc)
        rc = give_memory(b);
    if (!rc)
        rc = make_channels(b, built);
    if (!rc)
        rc = write_window(b, built);
    if (!rc)
        rc = grant_rings(b, built);
    if (rc)
        return rc;
    rc = hypercall_page(b);
    if (!rc)
        rc = start_vcpu(b);
    if (rc)
        return dom_fail(b->err, rc, "the hypervisor refuses the domain's first state: %s",
                        strerror(-rc));
    return 0;
}

int dom_build_pv(struct door *door, hv_domid_t domid, const struct dom_config *cfg,
                 const struct dom_progress *progress, struct dom_built *out,
                 struct dom_error *err)
{
    struct build b = {.door = door,
                      .domid = domid,
                      .cfg = cfg,
                      .progress = progress,
                      .err = err,
                      .image.fd = -1,
                      .ramdisk_fd = -1};
    int rc;

    memset(out, 0, sizeof(*out));
    rc = build(&b, out);
    memcpy(out->ostype, b.elf.guest_os, sizeof(out->ostype));
    free(b.list);
    free(b.frames);
    if (b.ramdisk_fd >= 0)
        close(b.ramdisk_fd);
    dom_image_close(&b.image);
    return rc;
}
