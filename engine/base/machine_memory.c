/* machine_memory.c - see machine_memory.h. */
#include "engine/base/machine_memory.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"

static const size_t MARGIN = (size_t)64 << 20, STEP = (size_t)32 << 20;

/* Subtracts a margin of at most half. Never returns 0, which would mean no limit. */
static size_t less(size_t bytes, size_t margin)
{
    size_t most = bytes / 2;
    bytes -= margin < most ? margin : most;
    return bytes ? bytes : 1;
}

/* What an address space leaves for limn's blocks. */
static size_t left_of_space(const struct system_memory_bound *bound)
{
    size_t own = mem_in_use();
    size_t others = bound->mapped > own ? (bound->mapped - own + STEP - 1) / STEP * STEP : 0;
    return less(bound->bytes > others ? bound->bytes - others : 0, 2 * MARGIN);
}

static size_t left_of_memory(const struct system_memory_bound *bound)
{
    return less(bound->bytes, bound->bytes / 16 > MARGIN ? bound->bytes / 16 : MARGIN);
}

static void lower(void *context, const struct system_memory_bound *bound)
{
    struct machine_memory *memory = context;
    size_t bytes = bound->is_address_space ? left_of_space(bound) : left_of_memory(bound);
    if (bytes < memory->bytes)
        *memory = (struct machine_memory){bytes, bound->name};
}

struct machine_memory machine_memory(const char *root)
{
    struct machine_memory memory = {SIZE_MAX, "nothing"};
    system_memory_bounds(root, lower, &memory);
    return memory;
}

void machine_memory_limit(size_t bytes)
{
    mem_set_limit(bytes ? bytes : machine_memory("").bytes);
}
