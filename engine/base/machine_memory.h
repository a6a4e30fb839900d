/* machine_memory.h - how much memory this process may hold, by what the machine and its keeper say.
 *
 * The least of these counts; one that is not set, or cannot be read, does not:
 *
 *   physical memory   MemTotal of /proc/meminfo
 *   control group     memory.max (version 2) or memory.limit_in_bytes (version 1), of the process's own group
 *                     and of every one above it; in a container, of those that can be seen
 *   address space     RLIMIT_AS (ulimit -v)
 *   data              RLIMIT_DATA (ulimit -d)
 *
 * What is free at the moment does not count, nor does swap: a limit makes sessions choose lighter kernels,
 * and the same work must give the same bytes whatever else runs beside it.
 *
 * A margin is left for what is not limn's own, at most half of what there is. Of physical memory and of a
 * control group's, a sixteenth and at least 64 MB: the program, stacks, OpenBLAS's buffers, and others who
 * live there. Of address space and data, 128 MB, behind what the process has mapped beside limn's blocks,
 * which counts in steps of 32 MB so that a page more or less changes nothing. */
#ifndef LIMN_MACHINE_MEMORY_H
#define LIMN_MACHINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct machine_memory {
    size_t bytes;      /* for limn, the margin taken off; SIZE_MAX: nothing bounds it */
    const char *bound; /* what bounds it, in words; static storage */
};

/* Reads what there is below `root`: "" for this machine, a folder with files of such names in a test. */
struct machine_memory machine_memory(const char *root);

/* The CPU quota of this process's cgroups, in processors, rounded up: the least of cpu.max (version 2) or
 * cpu.cfs_quota_us / cpu.cfs_period_us (version 1), of its own group and those above it. SIZE_MAX: no quota.
 */
size_t machine_processors(const char *root);

/* Sets the limit of memory.h to `bytes`, or, where that is 0, to what the machine gives. */
void machine_memory_limit(size_t bytes);

#endif
