/* sizes.h - the arithmetic of dividing work into blocks and memory into cache lines. */
#ifndef LAYERS_SIZES_H
#define LAYERS_SIZES_H

#include <stddef.h>
#include <stdint.h>

/* A line of the cache: at least as long as the longest vector. */
enum { LINE_BYTES = 64, LINE_FLOATS = LINE_BYTES / sizeof(float) };

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a / b rounded down, and up: the number of full blocks of b in a, and of blocks with the rest. b > 0. */
static inline int64_t divide_down(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return -divide_down(-a, b);
}

static inline int64_t round_up(int64_t n, int64_t unit)
{
    return divide_up(n, unit) * unit;
}

static inline size_t whole_lines(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

#endif
