/* SPDX-License-Identifier: MIT */
/* The boot CPU's way from head.S to hv_main(): information, memory, tables, its own
 * stack, then the core. */
#include "hw/boot/boot.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/features.h"
#include "hw/cpu/msr.h"
#include "lib/string.h"
#include "port/cpu.h"

#define MB2_LOADER_MAGIC 0x36d76289
#define COM1             0x3f8

extern char __image_start[], __image_end[];
struct boot_info boot_info;

const struct boot_info *boot_info_get(void)
{
    return &boot_info;
}

static void early_put(char c)
{
    __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)COM1));
}

void boot_die(const char *why)
{
    static const char head[] = "Ostler cannot start: ";
    const char *s;

    for (s = head; *s; s++)
        early_put(*s);
    for (s = why; *s; s++)
        early_put(*s);
    early_put('\r');
    early_put('\n');
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* On the boot CPU's final stack. */
static _Noreturn void boot_continue(void)
{
    desc_load();
    memory_hand_over();
    paging_late();
    hv_main(&boot_info);
}

void boot_main(uint32_t magic, paddr_t mbi)
{
    if (magic != MB2_LOADER_MAGIC)
        boot_die("the boot loader does not speak Multiboot2 (GRUB: multiboot2 command)");
    features_probe();
    if (!cpu_features.nx)
        boot_die("the processor has no NX");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    multiboot_parse(mbi, &boot_info);
    boot_info.image_start = image_pa((uint64_t)__image_start);
    boot_info.image_end = image_pa((uint64_t)__image_end);
    memory_init(&boot_info, mbi);
    paging_build();
    paging_build_frames();
    desc_create(0);
    stack_jump(desc_cpu_info(0), boot_continue);
}
