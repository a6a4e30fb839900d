/* pages.h - allocating the pages of a block with all threads before they are written. */
#ifndef LIMN_PAGES_H
#define LIMN_PAGES_H

#include "engine/base/threads.h"

/* Makes the kernel allocate the pages of a new block, with all threads of the pool and many pages per call,
 * and huge pages where it has them: with small ones, misses of the TLB took 3 to 13% of the time of networks.
 * Page faults at the first writes would take half as long again. Keeps the contents. Does nothing if the
 * system cannot. */
void pages_populate(struct pool *pool, void *block, size_t bytes);

#endif
