/* SPDX-License-Identifier: MIT */
/* Building dom0: a PV kernel straight from the boot loader's modules.
 *
 * Layout, from the kernel's VIRT_BASE (public xen.h, "Start-of-day memory layout"):
 * kernel image, initrd unless the kernel takes it unmapped, p2m list unless it has its
 * own place, start_info, page tables, stack, then padding of at least 512 KiB to a
 * multiple of 4 MiB. pfn n lies at VIRT_BASE + n pages. */
#include "guest/pv/dom0.h"
#include "abi/domctl.h"
#include "guest/pv/domain.h"
#include "guest/pv/dom0_layout.h"
#include "guest/pv/hypercall_page.h"
#include "guest/time.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "lib/string.h"
#include "mm/mmu.h"
#include "port/map.h"
#include "port/platform.h"
#include "port/unpack.h"

#define MIB         (1ull << 20)
#define PAD         (512 * 1024ull)
#define CHUNK_ORDER 9u

static uint64_t page_up(uint64_t x)
{
    return ROUND_UP(x, PAGE_SIZE);
}

static uint64_t choose_pages(void)
{
    uint64_t free = page_alloc_usable_count(), reserve = free / 16,
             want = boot_params.dom0_mem >> PAGE_SHIFT;

    /* What stays for the hypervisor's own needs and page tables of guests. */
    reserve = MAX(MIN(reserve, (128 * MIB) >> PAGE_SHIFT), (16 * MIB) >> PAGE_SHIFT);
    if (!want)
        return free > reserve ? free - reserve : 0;
    if (want > free)
        panic("dom0_mem=%luM is more than the %luM that are free: ask for less",
              (unsigned long)(boot_params.dom0_mem / MIB), (unsigned long)(free >> 8));
    return want;
}

static void allocate(struct dom0_image *i)
{
    uint64_t pfn = 0, max = boot_params.dom0_mem_max >> PAGE_SHIFT;

    i->mfn_of = page_alloc_buffer(i->nr_pages * sizeof(mfn_t));
    if (!i->mfn_of)
        panic("no memory for dom0's list of frames");
    if (dom_set_max_pages(i->d, max ? MAX(i->nr_pages, max) : UINT32_MAX))
        panic("dom0's memory limit was refused");
    while (pfn < i->nr_pages) {
        unsigned o = i->nr_pages - pfn >= 1ull << CHUNK_ORDER ? CHUNK_ORDER : 0;
        struct page *pg;

        while (dom_page_alloc(i->d, o, 0, &pg)) {
            if (o == 0)
                panic("out of memory after %lu of dom0's %lu pages", (unsigned long)pfn,
                      (unsigned long)i->nr_pages);
            o = 0;
        }
        for (uint64_t n = 0; n < 1ull << o; n++, pfn++) {
            i->mfn_of[pfn] = mfn_add(page_mfn(pg), n);
            m2p_set(i->mfn_of[pfn], mk_gfn(pfn));
        }
    }
}

static void lay_out(struct dom0_image *i, uint64_t initrd_len)
{
    uint64_t va = page_up(i->elf.end), pages = page_up(initrd_len) >> PAGE_SHIFT;

    i->v_start = i->elf.virt_base;
    i->initrd_len = initrd_len;
    if (initrd_len && !i->elf.mod_start_pfn) {
        i->initrd_va = va;
        i->initrd_pfn = (va - i->v_start) >> PAGE_SHIFT;
        va += page_up(initrd_len);
    }
    i->p2m_frames = page_up(i->nr_pages * 8) >> PAGE_SHIFT;
    i->p2m_va = va;
    i->p2m_pfn = (va - i->v_start) >> PAGE_SHIFT;
    if (i->elf.init_p2m == ~0ull)
        va += i->p2m_frames * PAGE_SIZE;
    else
        i->p2m_va = i->elf.init_p2m;
    i->start_info_va = va;
    va += PAGE_SIZE;
    i->pt_va = va;
    i->pt_pfn = (va - i->v_start) >> PAGE_SHIFT;
    /* The tables map themselves: more of them may need more, until it holds. */
    for (i->nr_pt = 1;;) {
        uint64_t n;

        i->stack_va = i->pt_va + i->nr_pt * PAGE_SIZE;
        i->v_end = ROUND_UP(i->stack_va + PAGE_SIZE + PAD, 4 * MIB);
        n = dom0_count_tables(i);
        if (n <= i->nr_pt)
            break;
        i->nr_pt = n;
    }
    /* Behind the initial mapping: an unmapped p2m list, then an unmapped initrd. */
    va = i->v_end;
    if (i->elf.init_p2m != ~0ull) {
        i->p2m_pfn = (va - i->v_start) >> PAGE_SHIFT;
        va += i->p2m_frames * PAGE_SIZE;
    }
    if (initrd_len && i->elf.mod_start_pfn) {
        i->initrd_pfn = (va - i->v_start) >> PAGE_SHIFT;
        va += pages * PAGE_SIZE;
    }
    if ((va - i->v_start) >> PAGE_SHIFT > i->nr_pages)
        panic("dom0 needs %luM for its kernel and initrd alone, but dom0_mem gives it "
              "%luM: give it more",
              (unsigned long)((va - i->v_start) / MIB),
              (unsigned long)(i->nr_pages >> 8));
}

static int put_segment(void *arg, uint64_t va, const void *src, uint64_t filesz,
                       uint64_t memsz)
{
    struct dom0_image *i = arg;

    for (uint64_t done = 0; done < memsz;) {
        uint64_t room = PAGE_SIZE - ((va + done) & (PAGE_SIZE - 1)),
                 n = MIN(room, memsz - done);
        uint64_t copy = done < filesz ? MIN(n, filesz - done) : 0;
        char *to = dom0_ptr(i, va + done);

        memcpy(to, (const char *)src + done, copy);
        memset(to + copy, 0, n - copy);
        done += n;
    }
    return 0;
}

static void copy_pages(const struct dom0_image *i, uint64_t pfn, const void *src,
                       uint64_t len)
{
    for (uint64_t done = 0; done < len; done += PAGE_SIZE, pfn++)
        memcpy(map_mfn(i->mfn_of[pfn]), (const char *)src + done,
               MIN(len - done, PAGE_SIZE));
}

static void fill_start_info(const struct dom0_image *i, const char *cmdline)
{
    struct hv_start_info *s = dom0_ptr(i, i->start_info_va);
    struct hv_dom0_vga_console_info *vga = (void *)(s + 1);

    memset(s, 0, PAGE_SIZE);
    snprintf(s->magic, sizeof(s->magic), "xen-3.0-x86_64");
    s->nr_pages = i->nr_pages;
    s->shared_info = mfn_to_paddr(i->d->shared_mfn);
    s->flags = HV_SIF_PRIVILEGED | HV_SIF_INITDOMAIN;
    if (i->initrd_len && !i->initrd_va)
        s->flags |= HV_SIF_MOD_START_PFN;
    s->pt_base = i->pt_va;
    s->nr_pt_frames = i->nr_pt;
    s->mfn_list = i->p2m_va;
    if (i->elf.init_p2m != ~0ull) {
        s->first_p2m_pfn = i->p2m_pfn;
        s->nr_p2m_frames = i->p2m_frames;
    }
    s->mod_start = i->initrd_va ? i->initrd_va : i->initrd_pfn;
    s->mod_len = i->initrd_len;
    snprintf((char *)s->cmd_line, sizeof(s->cmd_line), "%s", cmdline);
    if (!platform_vga_info(vga))
        return;
    s->console.dom0.info_off = sizeof(*s);
    s->console.dom0.info_size = sizeof(*vga);
}

static void fill_p2m(const struct dom0_image *i)
{
    for (uint64_t pfn = 0; pfn < i->nr_pages; pfn++) {
        uint64_t *page = map_mfn(i->mfn_of[i->p2m_pfn + pfn / 512]);

        page[pfn % 512] = i->mfn_of[pfn].n;
    }
}

static void start_vcpu(struct dom0_image *i, struct vcpu *v)
{
    struct hv_cpu_user_regs *r = &v->hw.regs;
    mfn_t l4 = i->mfn_of[i->pt_pfn];
    struct hv_mmuext_op pin = {.cmd = HV_MMUEXT_PIN_L4_TABLE, .arg1.mfn = l4.n};
    int rc;

    do /* a softirq that waits interrupts it */
        rc = mmu_ext(v, i->d, &pin);
    while (rc == -ERESTART);
    if (!rc)
        rc = mmu_set_base(v, l4, false);
    if (rc)
        panic("dom0's first page tables were refused: error %d", rc);
    memset(r, 0, sizeof(*r));
    r->rip = i->elf.entry;
    r->rsp = i->stack_va + PAGE_SIZE;
    r->rsi = i->start_info_va;
    r->cs = HV_FLAT_KERNEL_CS;
    r->ss = HV_FLAT_KERNEL_SS;
    r->rflags = 0x202;
    v->hw.kernel_mode = 1;
    pv_set_kernel_stack(v, HV_FLAT_KERNEL_SS, r->rsp);
    v->initialised = true;
    time_start_tick(v);
    time_update_vcpu(v);
    v->hw.info->evtchn_upcall_mask = 1;
}

static void hide_ports(void *arg, unsigned first, unsigned last)
{
    struct domain *d = arg;

    if (rangeset_remove(d->ioports, first, last))
        panic("no memory for dom0's permissions");
}

static void hide_frames(void *arg, uint64_t first, uint64_t last)
{
    struct domain *d = arg;

    if (rangeset_remove(d->iomem, first, last))
        panic("no memory for dom0's permissions");
}

/* Everything but what the hypervisor drives itself: interrupt controllers, timer, its
 * serial line. */
static void grant_hardware(struct domain *d)
{
    if (rangeset_add(d->ioports, 0, 0xffff) ||
        rangeset_add(d->iomem, 0, (1ull << 40) - 1) || rangeset_add(d->irqs, 0, 4095))
        panic("no memory for dom0's permissions");
    platform_hidden_ports(hide_ports, d);
    platform_hidden_frames(hide_frames, d);
}

static struct domain *create(void)
{
    struct hv_domctl_createdomain c = {
        .max_vcpus =
            boot_params.dom0_max_vcpus ? boot_params.dom0_max_vcpus : cpu_count(),
        .max_evtchn_port = -1,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = 2,
    };
    struct domain *d;
    int rc = domain_create(0, &c, &d);

    if (rc)
        panic("dom0 could not be created: error %d", rc);
    d->privileged = true;
    dom0 = d;
    for (unsigned n = 0; n < c.max_vcpus; n++) {
        struct vcpu *v;

        if (vcpu_create(d, n, &v))
            panic("no memory for dom0's vcpu %u", n);
    }
    return d;
}

static void load_modules(struct dom0_image *i, const struct boot_info *bi)
{
    const struct boot_module *initrd = bi->modules > 1 ? &bi->module[1] : NULL;

    if (elf_load(&i->elf, put_segment, i))
        panic("dom0's kernel could not be loaded");
    if (initrd)
        copy_pages(i, i->initrd_pfn, map_mfn(paddr_to_mfn(initrd->start)), i->initrd_len);
    if (i->elf.hypercall_page != ~0ull)
        pv_fill_hypercall_page(dom0_ptr(i, i->elf.hypercall_page));
}

static void parse_kernel(struct dom0_image *i, const struct boot_module *m,
                         struct unpacked *u)
{
    const char *why = "";

    if (unpack_kernel(map_mfn(paddr_to_mfn(m->start)), m->end - m->start, u, &why))
        panic("dom0's kernel (first module): %s", why);
    if (elf_parse(&i->elf, u->data, u->size, &why))
        panic("dom0's kernel (first module): %s", why);
    if (!i->elf.has_notes)
        panic("dom0's kernel has no Xen entry: it was built without CONFIG_XEN_PV; use "
              "Debian's linux-image");
}

struct domain *dom0_build(const struct boot_info *bi)
{
    struct dom0_image image = {0}, *i = &image;
    struct unpacked u;

    if (!bi->modules)
        panic("no kernel for dom0: add `module2 /boot/vmlinuz ...` to the boot entry");
    parse_kernel(i, &bi->module[0], &u);
    i->d = create();
    i->nr_pages = choose_pages();
    lay_out(i, bi->modules > 1 ? bi->module[1].end - bi->module[1].start : 0);
    allocate(i);
    load_modules(i, bi);
    fill_start_info(i, bi->module[0].cmdline);
    fill_p2m(i);
    dom0_build_tables(i);
    log_info("dom0: %s kernel at %#lx-%#lx, entry %#lx, %luM, %u vcpus", i->elf.guest_os,
             (unsigned long)i->elf.start, (unsigned long)i->elf.end,
             (unsigned long)i->elf.entry, (unsigned long)(i->nr_pages >> 8),
             i->d->max_vcpus);
    grant_hardware(i->d);
    time_domain_wallclock(i->d);
    start_vcpu(i, i->d->vcpu[0]);
    i->d->vcpu[0]->pause_flags &= ~VPF_DOWN;
    if (u.room)
        page_free_buffer(u.data, u.room);
    page_free_buffer(i->mfn_of, i->nr_pages * sizeof(mfn_t));
    return i->d;
}
