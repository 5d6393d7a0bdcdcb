/* SPDX-License-Identifier: MIT */
/*
 * The filter lets a system call through by its number; of ioctl only the requests of
 * gntdev ('G') and evtchn ('E'). io_uring passes filters by, so its user restricts the
 * ring itself (blkback/disk.c).
 *
 * A daemon's filter is the other way round: it has a list of what is refused.
 *
 * Reference: Linux Documentation/userspace-api/seccomp_filter.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sandbox.h"

#define NOBODY 65534

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

void sandbox_keep_files(int *fds, unsigned int nr)
{
    unsigned int from = STDERR_FILENO + 1;

    qsort(fds, nr, sizeof(*fds), by_number);
    for (unsigned int i = 0; i < nr; i++) {
        if (fds[i] < (int)from)
            continue;
        if (fds[i] > (int)from)
            close_range(from, (unsigned int)fds[i] - 1, 0);
        from = (unsigned int)fds[i] + 1;
    }
    close_range(from, ~0U, 0);
}

uid_t sandbox_user(const char *name)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    uid_t user = NOBODY;

    /* Not getpwnam(): it would load libraries into a program that is linked statically.
     */
    while (file && (entry = fgetpwent(file)) && strcmp(entry->pw_name, name))
        ;
    if (entry)
        user = entry->pw_uid;
    if (file)
        fclose(file);
    return user;
}

#define LOAD(field)                                                                      \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
/* Goes on with the next statement if equal, else skips `skip` of them. */
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ALLOW_CALL(number)  UNLESS(number, 1), ALLOW

static int set_filter(const struct sock_fprog *program)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program))
        return -errno;
    return 0;
}

#define REFUSE_CALL(number)                                                              \
    UNLESS(number, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static int refuse_calls(void)
{
    static struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        DENY,
        LOAD(nr),
        REFUSE_CALL(SYS_execve),
        REFUSE_CALL(SYS_execveat),
        REFUSE_CALL(SYS_ptrace),
        REFUSE_CALL(SYS_process_vm_readv),
        REFUSE_CALL(SYS_process_vm_writev),
        REFUSE_CALL(SYS_pidfd_getfd),
        REFUSE_CALL(SYS_mount),
        REFUSE_CALL(SYS_umount2),
        REFUSE_CALL(SYS_pivot_root),
        REFUSE_CALL(SYS_unshare),
        REFUSE_CALL(SYS_setns),
        REFUSE_CALL(SYS_init_module),
        REFUSE_CALL(SYS_finit_module),
        REFUSE_CALL(SYS_delete_module),
        REFUSE_CALL(SYS_kexec_load),
        REFUSE_CALL(SYS_kexec_file_load),
        REFUSE_CALL(SYS_bpf),
        REFUSE_CALL(SYS_perf_event_open),
        REFUSE_CALL(SYS_userfaultfd),
        REFUSE_CALL(SYS_open_by_handle_at),
        REFUSE_CALL(SYS_reboot),
        REFUSE_CALL(SYS_swapon),
        REFUSE_CALL(SYS_iopl),
        REFUSE_CALL(SYS_ioperm),
        ALLOW,
    };
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]),
                                       .filter = filter};

    return set_filter(&program);
}

int sandbox_daemon(uint64_t capabilities)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    if (getuid())
        return 0; /* started by somebody who has none */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
        if (!(capabilities >> cap & 1) && prctl(PR_CAPBSET_DROP, cap))
            return -errno;
    for (int i = 0; i < 2; i++)
        data[i].permitted = data[i].effective = (uint32_t)(capabilities >> 32 * i);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
        syscall(SYS_capset, &head, data))
        return -errno;
    return refuse_calls();
}

static int filter_calls(void)
{
    static struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        DENY,
        LOAD(nr),
        /* First what is asked each time: of the others the kernel knows the answer. */
        UNLESS(SYS_ioctl, 6),
        LOAD(args[1]),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'G' << 8, 1, 0),
        UNLESS('E' << 8, 1),
        ALLOW,
        DENY,
        ALLOW_CALL(SYS_io_uring_enter),
        ALLOW_CALL(SYS_read),
        ALLOW_CALL(SYS_write),
        ALLOW_CALL(SYS_readv),
        ALLOW_CALL(SYS_writev),
        ALLOW_CALL(SYS_poll),
        ALLOW_CALL(SYS_epoll_wait),
        ALLOW_CALL(SYS_clock_gettime),
        ALLOW_CALL(SYS_fstat),
        ALLOW_CALL(SYS_lseek),
        ALLOW_CALL(SYS_pread64),
        ALLOW_CALL(SYS_pwrite64),
        ALLOW_CALL(SYS_ftruncate),
        ALLOW_CALL(SYS_preadv),
        ALLOW_CALL(SYS_preadv2),
        ALLOW_CALL(SYS_pwritev),
        ALLOW_CALL(SYS_fdatasync),
        ALLOW_CALL(SYS_fallocate),
        ALLOW_CALL(SYS_munmap),
        ALLOW_CALL(SYS_madvise),
        ALLOW_CALL(SYS_mremap),
        ALLOW_CALL(SYS_brk),
        ALLOW_CALL(SYS_close),
        ALLOW_CALL(SYS_restart_syscall),
        ALLOW_CALL(SYS_rt_sigreturn),
        UNLESS(SYS_fcntl, 4), /* to wait or not to wait */
        LOAD(args[1]),
        UNLESS(F_SETFL, 1),
        ALLOW,
        DENY,
        ALLOW_CALL(SYS_exit_group),
        UNLESS(SYS_mmap, 4),
        LOAD(args[2]), /* protection: nothing executable */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
        DENY,
        ALLOW,
        DENY,
    };
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]),
                                       .filter = filter};

    return set_filter(&program);
}

int sandbox_enter(uid_t user)
{
    if (!getuid() && (setgroups(0, NULL) || setresgid(user, user, user) ||
                      setresuid(user, user, user)))
        return -errno;
    return filter_calls();
}
