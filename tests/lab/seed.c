/* SPDX-License-Identifier: MIT */
/*
 * Seeds the kernel's random pool from a file, with credit: an emulated machine has no
 * source of its own worth waiting for, and the lab is no place for secrets.
 * Usage: seed FILE. Reference: random(4), RNDADDENTROPY.
 */
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct {
        struct rand_pool_info info;
        unsigned char bytes[256];
    } pool;
    int in = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    int random = open("/dev/random", O_WRONLY);
    ssize_t n = in < 0 ? -1 : read(in, pool.info.buf, sizeof(pool.bytes));

    if (n <= 0 || random < 0) {
        perror("seed");
        return 1;
    }
    pool.info.buf_size = n;
    pool.info.entropy_count = n * 8;
    if (ioctl(random, RNDADDENTROPY, &pool) < 0) {
        perror("seed: RNDADDENTROPY");
        return 1;
    }
    return 0;
}
