/* bytes.h - integers in the byte order of a file; finding bytes. */
#ifndef LIMN_BYTES_H
#define LIMN_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t read_16be(const unsigned char *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t read_32be(const unsigned char *at)
{
    return read_16be(at) << 16 | read_16be(at + 2);
}

static inline uint32_t read_16le(const unsigned char *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static inline uint32_t read_32le(const unsigned char *at)
{
    return read_16le(at + 2) << 16 | read_16le(at);
}

static inline void store_32be(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* The first place among the `size` bytes at `from` where the `length` bytes at `wanted` are, at least one;
 * NULL if there is none. Standard C has no memmem. */
static inline const void *find_bytes(const void *from, size_t size, const void *wanted, size_t length)
{
    const unsigned char *at = from, *end = at + size, *first = wanted;
    while ((size_t)(end - at) >= length && (at = memchr(at, *first, (size_t)(end - at) - length + 1))) {
        if (memcmp(at, wanted, length) == 0)
            return at;
        at++;
    }
    return NULL;
}

#endif
