/* pages.c - see pages.h. */
#include "engine/base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef MADV_POPULATE_WRITE

enum { PIECE = 4 << 20 };

struct range {
    uintptr_t first, end; /* whole pages */
};

static void populate_piece(void *context, int64_t piece, int worker)
{
    (void)worker;
    const struct range *range = context;
    uintptr_t first = range->first + (uintptr_t)piece * PIECE, left = range->end - first;
    /* A hint: if it fails, pages are allocated when they are written. */
    (void)madvise((void *)first, left < PIECE ? left : PIECE, MADV_POPULATE_WRITE);
}

void pages_populate(struct pool *pool, void *block, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)block;
    struct range range = {(at + page - 1) / page * page, (at + bytes) / page * page};
    if (range.first < range.end)
        pool_run(pool, (int64_t)((range.end - range.first + PIECE - 1) / PIECE), populate_piece, &range);
}

#else

void pages_populate(struct pool *pool, void *block, size_t bytes)
{
    (void)pool, (void)block, (void)bytes;
}

#endif
