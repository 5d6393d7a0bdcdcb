/* SPDX-License-Identifier: MIT */
/* See runs.h. Segments ascend and do not overlap, but two may share a page. */
#include "dom/runs.h"

#define PAGE 4096U

/* Pages join the last run when they touch it, or when there is no room for another. */
static void add(struct dom_runs *runs, uint64_t first, uint64_t end)
{
    struct dom_run *last = &runs->run[runs->nr ? runs->nr - 1 : 0];

    if (runs->nr && (first <= last->end || runs->nr == DOM_MAX_RUNS))
        last->end = end > last->end ? end : last->end;
    else
        runs->run[runs->nr++] = (struct dom_run){.first = first, .end = end};
}

void dom_runs_find(struct dom_runs *out, const struct dom_elf *elf,
                   const struct dom_image *image)
{
    out->nr = 0;
    for (unsigned int i = 0; i < elf->nr_segments; i++) {
        const struct dom_elf_segment *s = &elf->segment[i];
        uint64_t from = s->offset, end = s->offset + s->filesz;

        while (from < end) {
            uint64_t to = dom_image_data(image, &from, end);

            if (from < to)
                add(out, (s->paddr + (from - s->offset)) / PAGE,
                    (s->paddr + (to - s->offset) + PAGE - 1) / PAGE);
            from = to;
        }
    }
}

static void add_edge(struct dom_runs *runs, uint64_t at)
{
    if (at % PAGE)
        add(runs, at / PAGE, at / PAGE + 1);
}

void dom_runs_edges(struct dom_runs *out, const struct dom_elf *elf)
{
    out->nr = 0;
    for (unsigned int i = 0; i < elf->nr_segments; i++) {
        add_edge(out, elf->segment[i].paddr);
        add_edge(out, elf->segment[i].paddr + elf->segment[i].filesz);
    }
}

uint64_t dom_runs_pages(const struct dom_runs *runs)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < runs->nr; i++)
        sum += runs->run[i].end - runs->run[i].first;
    return sum;
}

uint64_t dom_runs_gap(const struct dom_runs *runs, uint64_t *pfn, uint64_t end)
{
    for (unsigned int i = 0; i < runs->nr && *pfn < end; i++) {
        const struct dom_run *r = &runs->run[i];

        if (r->first > *pfn)
            return r->first < end ? r->first : end;
        if (r->end > *pfn)
            *pfn = r->end < end ? r->end : end;
    }
    return end;
}
