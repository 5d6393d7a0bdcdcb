/* SPDX-License-Identifier: MIT */
/* Where the boot loader jumps to, and where other CPUs start.
 *
 * multiboot_entry: 32-bit protected mode without paging; eax = magic, ebx = Multiboot2
 * information. Builds tables that map the low 4 GiB one to one and the image at
 * IMAGE_START, turns long mode on and calls boot_main(eax, ebx) on the boot stack. Never
 * returns. trampoline: 16-bit real mode at the page smp.c copied it to; ends in
 * smp_entry with the final CR3's half of addresses mapped, on the CPU's own stack.
 *
 * Reference: Multiboot2 Specification, "OS image format", "Boot information format". */
#include "hw/boot/boot.h"
#include "hw/cpu/msr.h"
#include "port/layout.h"

#define PA(x) ((x) - IMAGE_START + IMAGE_PHYS)
#define MB2_MAGIC 0xe85250d6

    .section .head, "ax", @progbits
    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
    .balign 8                       /* information we can use; all optional */
    .short 1, 1
    .long 8 + 4 * 8
    .long 1, 2, 3, 6, 8, 14, 15, 17
    .balign 8                       /* a screen of pixels is welcome, in any mode */
    .short 5, 1
    .long 20, 0, 0, 0
    .balign 8                       /* modules on page boundaries */
    .short 6, 0
    .long 8
    .balign 8                       /* 32-bit entry, under EFI too (GRUB ends it) */
    .short 3, 0
    .long 12, PA(multiboot_entry)
    .balign 8
    .short 0, 0
    .long 8
mb2_end:

    .code32
    .globl multiboot_entry
multiboot_entry:
    cli
    cld
    mov $PA(boot_stack + BOOT_STACK_SIZE), %esp
    mov %eax, %esi
    mov %ebx, %edi

    mov $PA(boot_l3_low + 7), %eax
    mov %eax, PA(boot_l4)
    mov $PA(boot_l3_high + 7), %eax
    mov %eax, PA(boot_l4 + 8 * 261)
    mov $PA(boot_l2_high + 7), %eax
    mov %eax, PA(boot_l3_high + 8 * 321)
    mov $PA(boot_l2_low + 7), %eax
    xor %ecx, %ecx
1:  mov %eax, PA(boot_l3_low)(,%ecx,8)
    add $4096, %eax
    inc %ecx
    cmp $4, %ecx
    jne 1b
    mov $0x83, %eax                 /* present, writable, 2 MiB */
    xor %ecx, %ecx
1:  mov %eax, PA(boot_l2_low)(,%ecx,8)
    add $0x200000, %eax
    inc %ecx
    cmp $2048, %ecx
    jne 1b
    mov $(IMAGE_PHYS + 0x83), %eax
    xor %ecx, %ecx
1:  mov %eax, PA(boot_l2_high)(,%ecx,8)
    add $0x200000, %eax
    inc %ecx
    cmp $8, %ecx                    /* 16 MiB: link.lds asserts that it is enough */
    jne 1b

    mov $0x80000001, %eax           /* a CPU without long mode: nothing to be done here */
    cpuid
    bt $29, %edx
    jnc no_long_mode
    mov %cr4, %eax
    or $CR4_PAE, %eax
    mov %eax, %cr4
    mov $PA(boot_l4), %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov $CR0_HV, %eax
    mov %eax, %cr0
    lgdt PA(boot_gdtr)
    ljmp $8, $PA(start64)
no_long_mode:
    mov $'L', %al
    mov $0x3f8, %dx
    out %al, %dx
1:  hlt
    jmp 1b

    .code64
start64:
    movabs $high64, %rax
    jmp *%rax
high64:
    mov $16, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    lea boot_stack + BOOT_STACK_SIZE - 8(%rip), %rsp
    mov %edi, %eax
    mov %esi, %edi
    mov %eax, %esi
    xor %ebp, %ebp
    call boot_main
    ud2

    .balign 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
    .short boot_gdtr - boot_gdt - 1
    .long PA(boot_gdt)

/* The trampoline runs at any page below 1 MiB: addresses are relative to its start, cs
 * is its segment. */
    .balign 16
    .code16
    .globl trampoline_start, trampoline_end
    .globl trampoline_cr3, trampoline_efer, trampoline_stack
trampoline_start:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    xor %ebx, %ebx
    mov %ax, %bx
    shl $4, %ebx                    /* ebx: linear address of the trampoline */
    lea (trampoline_gdt - trampoline_start)(%ebx), %eax
    mov %eax, trampoline_gdtr + 2 - trampoline_start
    lea (trampoline32 - trampoline_start)(%ebx), %eax
    mov %eax, trampoline_far32 - trampoline_start
    lea (trampoline64 - trampoline_start)(%ebx), %eax
    mov %eax, trampoline_far64 - trampoline_start
    lgdtl trampoline_gdtr - trampoline_start
    mov $(CR0_PE | CR0_ET), %eax
    mov %eax, %cr0
    ljmpl *(trampoline_far32 - trampoline_start)
    .code32
trampoline32:
    mov $16, %eax
    mov %eax, %ds
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov (trampoline_cr3 - trampoline_start)(%ebx), %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    mov (trampoline_efer - trampoline_start)(%ebx), %eax
    xor %edx, %edx
    wrmsr
    mov $CR0_HV, %eax
    mov %eax, %cr0
    ljmp *(trampoline_far64 - trampoline_start)(%ebx)
    .code64
trampoline64:
    mov $24, %eax
    mov %eax, %ss
    mov (trampoline_stack - trampoline_start)(%rbx), %rsp
    movabs $smp_entry, %rax
    xor %ebp, %ebp
    jmp *%rax
    .balign 8
trampoline_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
    .quad 0x00cf93000000ffff, 0x00af9b000000ffff
trampoline_gdtr:
    .short trampoline_gdtr - trampoline_gdt - 1
    .long 0
    .short 0
trampoline_far32:
    .long 0
    .short 8
    .short 0
trampoline_far64:
    .long 0
    .short 32
    .short 0
    .balign 8
trampoline_cr3:
    .long 0
trampoline_efer:
    .long 0
trampoline_stack:
    .quad 0
trampoline_end:

    .section .bss.page, "aw", @nobits
    .balign 4096
    .globl boot_l4, boot_l3_low, boot_l2_low
boot_l4:
    .skip 4096
boot_l3_low:
    .skip 4096
boot_l2_low:
    .skip 4096 * 4
boot_l3_high:
    .skip 4096
boot_l2_high:
    .skip 4096
boot_stack:
    .skip BOOT_STACK_SIZE
    .section .note.GNU-stack, "", @progbits
