/* pages.h - memory pages made by all threads before they are written. */
#ifndef LIMN_PAGES_H
#define LIMN_PAGES_H

#include "engine/base/threads.h"

/* Has the kernel make the pages of a block that was just allocated, by all threads of the pool and many pages
 * a call: a fault for each page as it is first written takes half as long again. Contents stay. Does nothing
 * where the system cannot. */
void pages_populate(struct pool *pool, void *block, size_t bytes);

#endif
