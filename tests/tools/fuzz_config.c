/* SPDX-License-Identifier: MIT */
/* Any bytes as a domain.cfg: read or refused with a line, never more. */
#include <stdint.h>
#include <stdlib.h>

#include "dom/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dom_error err = {{0}};
    struct dom_config cfg;
    int rc =
        dom_config_parse(&cfg, "fuzz", (const char *)data, size, NULL, 0, NULL, &err);

    if (rc && !err.text[0])
        abort();
    if (!rc && (!cfg.name || !cfg.kernel || !cfg.cmdline || !cfg.vcpus ||
                cfg.maxvcpus < cfg.vcpus || cfg.maxmem_kib < cfg.memory_kib))
        abort();
    dom_config_free(&cfg);
    return 0;
}
