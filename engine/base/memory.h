/* memory.h - the one allocator. Everything limn allocates, stb's buffers included, comes from here,
 * so the limit, the peak and the failures that tests inject apply to all of it. */
#ifndef LIMN_MEMORY_H
#define LIMN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At least `bytes` bytes aligned to 64, or NULL: no memory, or the limit is reached. Zero bytes
 * give a valid, distinct pointer. Free with mem_free. Thread-safe. */
void *mem_alloc(size_t bytes);

/* mem_alloc of count * size bytes, zeroed; NULL also when the product overflows. */
void *mem_zalloc(size_t count, size_t size);

/* realloc: contents kept up to the smaller size; on failure NULL and `block` stays valid. */
void *mem_resize(void *block, size_t bytes);

void mem_free(void *block);

/* A copy of a string, or NULL. */
char *mem_strdup(const char *text);

/* *product = a * b; false if size_t cannot hold it. */
bool size_multiply(uint64_t a, uint64_t b, size_t *product);

size_t mem_in_use(void);

/* The most that was in use at a time; for tests, mem_restart_peak starts again from the current use. */
size_t mem_peak(void);
void mem_restart_peak(void);

/* What is left under the limit; SIZE_MAX without one. */
size_t mem_available(void);

/* Makes allocations fail that would raise mem_in_use() above `bytes`; 0: no limit. */
void mem_set_limit(size_t bytes);

#endif
