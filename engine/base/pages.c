/* pages.c - see pages.h. */
#include "engine/base/pages.h"
#include "engine/base/system.h"

enum { PIECE = 4 << 20 };

struct range {
    uintptr_t first, end; /* whole pages */
};

static void populate_piece(void *context, int64_t piece, int worker)
{
    (void)worker;
    const struct range *range = context;
    uintptr_t first = range->first + (uintptr_t)piece * PIECE, left = range->end - first;
    system_populate((void *)first, left < PIECE ? left : PIECE);
}

void pages_populate(struct pool *pool, void *block, size_t bytes)
{
    uintptr_t page = system_page_size(), at = (uintptr_t)block;
    struct range range = {(at + page - 1) / page * page, (at + bytes) / page * page};
    if (range.first >= range.end)
        return;
    system_prefer_huge_pages((void *)range.first, range.end - range.first);
    pool_run(pool, (int64_t)((range.end - range.first + PIECE - 1) / PIECE), populate_piece, &range);
}
