/* machine_memory.h - how much memory this process may hold: hardware and cgroup limits.
 *
 * The smallest of these counts; one that is not set, or cannot be read, is ignored:
 *
 *   physical memory   MemTotal of /proc/meminfo
 *   control group     memory.max (version 2) or memory.limit_in_bytes (version 1), of the process's own group
 *                     and of every one above it; in a container, of those that are visible
 *   address space     RLIMIT_AS (ulimit -v)
 *   data              RLIMIT_DATA (ulimit -d)
 *
 * Free memory and swap do not count: a limit makes sessions choose lighter kernels, and the same work must
 * give the same bytes whatever else runs on the machine.
 *
 * A margin is left for memory that limn does not allocate, at most half of the limit. Of physical memory and
 * of a control group's it is a sixteenth and at least 64 MB: for the program, stacks, OpenBLAS's buffers, and
 * other processes. Of address space and data it is 128 MB, plus what the process has mapped outside limn's
 * blocks, rounded up to 32 MB so that a page more or less changes nothing. */
#ifndef LIMN_MACHINE_MEMORY_H
#define LIMN_MACHINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct machine_memory {
    size_t bytes;      /* for limn, without the margin; SIZE_MAX: no limit */
    const char *bound; /* the name of the limit; static storage */
};

/* Reads the files below `root`: "" for this machine; tests pass a folder with such files. */
struct machine_memory machine_memory(const char *root);

/* Returns the CPU quota of this process's cgroups, in processors, rounded up: the least of cpu.max (version
 * 2) or cpu.cfs_quota_us / cpu.cfs_period_us (version 1) of its own group and those above it; without a quota
 * SIZE_MAX. `root` as above. */
size_t machine_processors(const char *root);

/* Whether the process may map `bytes` more of address space (ulimit -v). Maps and unmaps them. */
bool machine_can_map(size_t bytes);

/* Sets the limit of memory.h to `bytes`, or if that is 0 to machine_memory's. */
void machine_memory_limit(size_t bytes);

#endif
