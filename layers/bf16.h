/* bf16.h - matrix products of bf16 numbers with float sums, and floats as sums of such numbers.
 *
 * A bf16 number is the upper half of a float: 8 significant bits, and the range of a float. Processors
 * multiply two of them 2 (AVX512-BF16) to 16 (AMX) times as fast as two floats. A float has 24 significant
 * bits, so it is a sum of three bf16 numbers, its parts: x = x1 + x2 + x3, each 2^8 times smaller than the
 * one before. A product of floats then is a sum of products of parts, of which the largest suffice:
 *
 *     rung      parts  products                                  left out, of |x y|
 *     bf16x3    3      x1y1 x1y2 x1y3 x2y1 x2y2 x3y1             2^-23: as exact as a product of floats
 *     bf16x2    2      x1y1 x1y2 x2y1                            2^-16
 *     bf16      1      x1y1                                      2^-8
 *
 * Splitting. With three parts each is the rest truncated to 8 bits; they have the sign of x, their sum is x,
 * and no sum of some of them overflows. With two or one, each is the rest rounded to nearest even; a finite
 * float that would round to infinity becomes the largest bf16 number instead (the sum of two parts overflows
 * within 2^-16 of FLT_MAX). Infinity and NaN are their own first part, the others are 0; so NaN stays NaN,
 * and infinity gives infinity or NaN. Numbers and parts below 2^-126 count as 0, so with three parts a float
 * from 2^-103 on is exact, and below that by less than 2^-126.
 *
 * Storage. Products are computed in steps of 32 terms, as 16 pairs: pair p has terms p and p + 16. With P
 * parts, a row of A, and 32 columns of B, are
 *
 *     A  [steps][P][16 pairs][2]                 B  [steps][P][2][16 pairs][16 columns][2]
 *
 * A line of 16 pairs has 64 bytes, and 16 rows or columns of a part are 16 such lines: a tile of AMX. Rows of
 * A are contiguous because they are split from contiguous floats: reading and writing in order is several
 * times as fast as a write to another 4 KB for every line. */
#ifndef LAYERS_BF16_H
#define LAYERS_BF16_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BF16_SIDE = 32,                    /* rows and columns of a block of C */
    BF16_STEP = 32,                    /* terms of a step */
    BF16_PART = BF16_SIDE * BF16_STEP, /* numbers of one part of a step of B */
    BF16_PARTS_MOST = 3,
    BF16_AHEAD_ROWS = 8,
    BF16_AHEAD_MOST = 3
};

/* Splits x into `parts` bf16 numbers. */
void bf16_split(float x, int parts, uint16_t *to);

/* The value of a bf16 number. */
float bf16_value(uint16_t number);

/* Memory that is needed soon: `multiply` may prefetch some lines of it in each step of each 8 rows. The lines
 * of a step follow those of the step before; those of the next 8 rows are `stride` floats further on. */
struct bf16_ahead {
    const float *at;
    int64_t stride, lines;
};

/* C [32 x 32] = A B, or with `add` C += A B. */
struct bf16_block {
    const uint16_t *a, *b; /* of `steps` steps; faster if aligned to 64 bytes */
    int64_t a_stride;      /* numbers between rows; faster if an odd number of lines */
    int64_t steps;
    float *c;
    int64_t c_stride; /* floats between rows */
    bool add;
    int ahead_count;
    struct bf16_ahead ahead[BF16_AHEAD_MOST];
};

/* The kernels of one instruction set. A thread calls `start` before it calls `multiply`, and then `end` with
 * what `start` returned. */
struct bf16_kernels {
    uint64_t (*start)(void);
    void (*end)(uint64_t state);
    void (*multiply[BF16_PARTS_MOST + 1])(const struct bf16_block *block); /* by number of parts */
};

#endif
