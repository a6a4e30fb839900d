/* machine_memory.h - how much memory this process may hold: hardware and operating system limits.
 *
 * The smallest limit of system_memory_bounds counts. Free memory and swap do not: a limit makes sessions
 * choose lighter kernels, and the same work must give the same bytes whatever else runs on the machine.
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

/* `root`: see system_memory_bounds. */
struct machine_memory machine_memory(const char *root);

/* Sets the limit of memory.h to `bytes`, or if that is 0 to machine_memory's. */
void machine_memory_limit(size_t bytes);

#endif
