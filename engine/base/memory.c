/* memory.c - see memory.h.
 *
 * A 64-byte line before each block holds its size, for accounting and mem_resize. The line keeps blocks on
 * cache-line boundaries. */
#include "engine/base/memory.h"
#include "engine/base/system.h"

#include <stdatomic.h>
#include <string.h>

enum { LINE = 64 };

static atomic_size_t in_use, peak, limit;

/* Adds `bytes` to in_use; false if that exceeds the limit. */
static bool reserve(size_t bytes)
{
    size_t most = atomic_load(&limit), now = atomic_load(&in_use);
    do {
        if (now + bytes < now || (most && now + bytes > most))
            return false;
    } while (!atomic_compare_exchange_weak(&in_use, &now, now + bytes));
    size_t highest = atomic_load(&peak);
    while (now + bytes > highest && !atomic_compare_exchange_weak(&peak, &highest, now + bytes))
        ;
    return true;
}

void *mem_alloc(size_t bytes)
{
    if (bytes > (size_t)PTRDIFF_MAX - 2 * LINE) /* no object is larger in C */
        return NULL;
    size_t whole = (bytes + 2 * LINE - 1) / LINE * LINE;
    if (!reserve(whole))
        return NULL;
    unsigned char *line = system_allocate(LINE, whole);
    if (!line) {
        atomic_fetch_sub(&in_use, whole);
        return NULL;
    }
    memcpy(line, &whole, sizeof whole);
    return line + LINE;
}

void *mem_zalloc(size_t count, size_t size)
{
    size_t bytes;
    void *block = size_multiply(count, size, &bytes) ? mem_alloc(bytes) : NULL;
    return block ? memset(block, 0, bytes) : NULL;
}

static size_t whole_size(const void *block)
{
    size_t whole;
    memcpy(&whole, (const unsigned char *)block - LINE, sizeof whole);
    return whole;
}

void *mem_resize(void *block, size_t bytes)
{
    void *grown = mem_alloc(bytes);
    if (grown && block) {
        size_t had = whole_size(block) - LINE;
        memcpy(grown, block, had < bytes ? had : bytes);
        mem_free(block);
    }
    return grown;
}

void mem_free(void *block)
{
    if (!block)
        return;
    atomic_fetch_sub(&in_use, whole_size(block));
    system_release((unsigned char *)block - LINE);
}

char *mem_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_alloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

bool size_multiply(uint64_t a, uint64_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

size_t mem_in_use(void)
{
    return atomic_load(&in_use);
}

size_t mem_peak(void)
{
    return atomic_load(&peak);
}

void mem_restart_peak(void)
{
    atomic_store(&peak, atomic_load(&in_use));
}

size_t mem_available(void)
{
    size_t most = atomic_load(&limit), now = atomic_load(&in_use);
    return !most ? SIZE_MAX : most > now ? most - now : 0;
}

void mem_set_limit(size_t bytes)
{
    atomic_store(&limit, bytes);
}
