/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: records of the journal as the recovering daemon reads them. The input is a
 * list of records, each behind two bytes of length; the reader's sums are taken as right.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void empty_store(void)
{
    while (store.root->child) {
        char path[HV_STORE_PAYLOAD_MAX + 2] = "/";

        if (!store_list(store.root, 0, path + 1, HV_STORE_PAYLOAD_MAX))
            abort();
        edit_remove(NULL, path, strlen(path));
    }
    while (store_reap(1000))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!store.root) {
        store_init();
        special_init();
        domain_no_hypervisor = true;
    }
    while (size >= 2) {
        uint32_t len = data[0] | (uint32_t)data[1] << 8;
        char *copy;

        if (len > size - 2)
            len = (uint32_t)size - 2;
        copy = malloc(len + 1);
        memcpy(copy, data + 2, len);
        recover_record(copy, len);
        free(copy);
        data += 2 + len;
        size -= 2 + len;
    }
    recover_done();
    recover_rings(false);
    empty_store();
    if (store.nodes != 1)
        abort();
    return 0;
}
