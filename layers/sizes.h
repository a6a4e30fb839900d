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

/* Bytes. What size_t cannot hold, which happens where it has 32 bits, becomes SIZE_MAX: no allocation is that
 * large, so it fails, and sums and products of it are SIZE_MAX again. */
static inline size_t size_sum(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

/* A negative count is one that has overflowed. */
static inline size_t size_product(int64_t count, size_t each)
{
    size_t product;
    return __builtin_mul_overflow(count, each, &product) ? SIZE_MAX : product;
}

static inline size_t float_bytes(int64_t floats)
{
    return size_product(floats, sizeof(float));
}

static inline size_t whole_lines(size_t bytes)
{
    size_t more;
    return __builtin_add_overflow(bytes, LINE_BYTES - 1, &more) ? SIZE_MAX : more / LINE_BYTES * LINE_BYTES;
}

#endif
