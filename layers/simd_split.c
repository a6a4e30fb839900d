/* simd_split.c - splits floats into bf16 parts, in the order in which products read them: see bf16.h.
 *
 * The terms p and p + 16 of a step are a pair, so a pair is made of the same lane of two vectors by a shift
 * and a mask, without moving numbers between lanes:
 *
 *     low   | x1 of term p      | rest |           >> 16        |      x1 of term p  |
 *     high  | x1 of term p + 16 | rest |           & FFFF0000   | x1 of term p + 16  |       or: one pair */
#include "layers/bf16.h"
#include "layers/simd_vector.h"

enum {
    UPPER = (int)0xFFFF0000,
    INFINITE = 0x7F800000,
    QUIET = 0x00400000,
    MAGNITUDE = 0x7FFFFFFF,
    LARGEST = 0x7F7F7FFF
};

typedef unsigned uint_vector __attribute__((vector_size(sizeof(vector))));

/* As truncated() and rounded() in bf16.c, in the upper half of each lane. */
INLINE int_vector truncate_part(vector x)
{
    int_vector nan = ((int_vector)x & MAGNITUDE) > INFINITE;
    return ((int_vector)x & UPPER) | (nan & QUIET);
}

INLINE int_vector round_part(vector x)
{
    uint_vector bits = (uint_vector)x;
    int_vector up = (int_vector)(bits + 0x7FFF + (bits >> 16 & 1)) & UPPER;
    int_vector large = ((int_vector)x & MAGNITUDE) > LARGEST;
    return (large & truncate_part(x)) | (~large & up);
}

/* The next part of each lane; *x becomes what it leaves. */
INLINE int_vector take_part(int parts, vector *x)
{
    int_vector finite = ((int_vector)*x & INFINITE) != INFINITE;
    int_vector part = parts == BF16_PARTS_MOST ? truncate_part(*x) : round_part(*x);
    *x = (vector)((int_vector)(*x - (vector)part) & finite);
    return part;
}

/* A lane's parts of two vectors become pairs, part_step numbers apart. */
INLINE void split_pairs(int parts, vector low, vector high, uint16_t *to, int64_t part_step)
{
    UNROLL for (int part = 0; part < parts; part++)
    {
        int_vector first = take_part(parts, &low), second = take_part(parts, &high);
        int_vector pairs = (second & UPPER) | (first >> 16 & 0xFFFF);
        memcpy(to + part * part_step, &pairs, sizeof pairs);
    }
}

enum { PAIRS = BF16_STEP / 2, TILE_SIDE = 16 };

INLINE void split_step(int parts, const float *x, uint16_t *to)
{
    for (int p = 0; p < PAIRS; p += VECTOR_FLOATS)
        split_pairs(parts, load(x + p), load(x + PAIRS + p), to + 2 * p, BF16_STEP);
}

/* The last step of a row may be incomplete: its missing terms are zeros. */
INLINE void split_row(int parts, const float *x, int64_t count, uint16_t *to)
{
    for (; count >= BF16_STEP; count -= BF16_STEP, x += BF16_STEP, to += parts * BF16_STEP)
        split_step(parts, x, to);
    if (count > 0) {
        float rest[BF16_STEP] = {0};
        memcpy(rest, x, (size_t)count * sizeof *rest);
        split_step(parts, rest, to);
    }
}

/* Two rows of B, terms p and p + 16 of a step => their 32 columns of pairs. */
INLINE void split_columns(int parts, const float *low, const float *high, uint16_t *to)
{
    for (int c = 0; c < BF16_SIDE; c += VECTOR_FLOATS)
        split_pairs(parts, load(low + c), load(high + c),
                    to + c / TILE_SIDE * (PAIRS * TILE_SIDE * 2) + c % TILE_SIDE * 2, BF16_PART);
}

INLINE void split_weights(int parts, const float *b, int64_t count, uint16_t *to)
{
    static const float zeros[BF16_SIDE];
    for (int64_t k = 0; k < count; k += BF16_STEP, b += BF16_STEP * BF16_SIDE, to += parts * BF16_PART)
        for (int64_t p = 0; p < PAIRS; p++)
            split_columns(parts, k + p < count ? b + p * BF16_SIDE : zeros,
                          k + PAIRS + p < count ? b + (PAIRS + p) * BF16_SIDE : zeros,
                          to + p * TILE_SIDE * 2);
}

void SIMD(split_row)(int parts, const float *x, int64_t count, uint16_t *to)
{
    if (parts == 3)
        split_row(3, x, count, to);
    else if (parts == 2)
        split_row(2, x, count, to);
    else
        split_row(1, x, count, to);
}

void SIMD(split_weights)(int parts, const float *b, int64_t count, uint16_t *to)
{
    if (parts == 3)
        split_weights(3, b, count, to);
    else if (parts == 2)
        split_weights(2, b, count, to);
    else
        split_weights(1, b, count, to);
}
