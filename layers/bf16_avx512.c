/* bf16_avx512.c - products of bf16 parts by AVX512-BF16's VDPBF16PS, and one or two parts by its rounding to
 * nearest even: see bf16.h.
 *
 * One instruction adds two products to each of 16 sums: a pair of B for each of 16 columns, times one pair of
 * A that goes to all lanes. 8 rows x 32 columns are 16 sums, which hide the latency of about 6 cycles; a pair
 * takes 2 loads and 8 broadcasts for them. The products of parts follow one another, so the sums stay in
 * their registers for all of them. */
#include "layers/simd_vector.h"

#if defined(__AVX512BF16__)

#include <immintrin.h>

enum { ROWS = 8, WIDTH = 2, PAIRS = BF16_STEP / 2, LANES = 16 };

/* Adds the products of one part of A, of ROWS rows, and one part of B. */
INLINE void add_products(const uint16_t *a, int64_t a_stride, const uint16_t *b, __m512 sums[ROWS][WIDTH])
{
    for (int pair = 0; pair < PAIRS; pair++, a += 2, b += 2 * LANES) {
        __m512bh columns[WIDTH];
        UNROLL for (int w = 0; w < WIDTH; w++) columns[w] =
            (__m512bh)_mm512_loadu_si512(b + w * (BF16_PART / WIDTH));
        UNROLL for (int r = 0; r < ROWS; r++)
        {
            int32_t numbers;
            __builtin_memcpy(&numbers, a + r * a_stride, sizeof numbers);
            __m512bh row = (__m512bh)_mm512_set1_epi32(numbers);
            UNROLL for (int w = 0; w < WIDTH; w++) sums[r][w] = _mm512_dpbf16_ps(sums[r][w], row, columns[w]);
        }
    }
}

/* A few lines at a time: a core that waits for more than about 20 starts no other load. */
INLINE void fetch_ahead(const struct bf16_block *block, int first, int64_t step)
{
    for (int i = 0; i < block->ahead_count; i++) {
        const struct bf16_ahead *ahead = &block->ahead[i];
        const float *at = ahead->at + first / BF16_AHEAD_ROWS * ahead->stride + step * ahead->lines * LANES;
        for (int64_t line = 0; line < ahead->lines; line++)
            __builtin_prefetch(at + line * LANES, 0, 2);
    }
}

/* `parts` must be a constant. */
INLINE void multiply_rows(int parts, const struct bf16_block *block, int first)
{
    __m512 sums[ROWS][WIDTH];
    const uint16_t *a = block->a + first * block->a_stride, *b = block->b;
    float *c = block->c + first * block->c_stride;
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int w = 0; w < WIDTH; w++) sums[r][w] =
        block->add ? _mm512_loadu_ps(c + r * block->c_stride + w * LANES) : _mm512_setzero_ps();
    for (int64_t step = 0; step < block->steps; step++, a += parts * BF16_STEP, b += parts * BF16_PART) {
        fetch_ahead(block, first, step);
        for (int i = 0; i < parts; i++)
            for (int j = 0; i + j < parts; j++)
                add_products(a + i * BF16_STEP, block->a_stride, b + j * BF16_PART, sums);
    }
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int w = 0; w < WIDTH; w++)
        _mm512_storeu_ps(c + r * block->c_stride + w * LANES, sums[r][w]);
}

#define MULTIPLY(parts)                                                                                      \
    static void multiply_##parts(const struct bf16_block *block)                                             \
    {                                                                                                        \
        for (int row = 0; row < BF16_SIDE; row += ROWS)                                                      \
            multiply_rows(parts, block, row);                                                                \
    }

MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)

static uint64_t start(void)
{
    return 0;
}

static void end(uint64_t state)
{
    (void)state;
}

const struct bf16_kernels bf16_avx512 = {start, end, {NULL, multiply_1, multiply_2, multiply_3}};

/* ---- parts ------------------------------------------------------------------------------- */

/* Where the numbers of pairs are among 32: p and p + 16. */
static const uint16_t pair_order[BF16_STEP]
    __attribute__((aligned(64))) = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                    8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};

/* Rounds 32 terms: two vectors => pairs of the same lane. False if one is infinite or NaN, or becomes so:
 * bf16.h says what its part is then. */
INLINE bool round_step(__m512 low, __m512 high, __m512i *pairs)
{
    const __m512i exponent = _mm512_set1_epi16(0x7F80);
    __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(high, low); /* the 16 of low, then the 16 of high */
    *pairs = _mm512_permutexvar_epi16(_mm512_load_si512(pair_order), halves);
    return _mm512_cmpeq_epi16_mask(_mm512_and_si512(halves, exponent), exponent) == 0;
}

/* `parts` must be 1 or 2, a constant. False if the general form must split the step. */
INLINE bool split_step(int parts, const float *x, uint16_t *to)
{
    __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + LANES);
    __m512i pairs, rest;
    bool finite = round_step(low, high, &pairs);
    _mm512_storeu_si512(to, pairs);
    if (parts == 2) {
        low = _mm512_sub_ps(low, (__m512)_mm512_slli_epi32(pairs, 16));
        high = _mm512_sub_ps(high, (__m512)_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xFFFF0000)));
        finite = round_step(low, high, &rest) && finite;
        _mm512_storeu_si512(to + BF16_STEP, rest);
    }
    return finite;
}

INLINE void split_steps(int parts, const float *x, int64_t count, uint16_t *to)
{
    for (; count >= BF16_STEP; count -= BF16_STEP, x += BF16_STEP, to += parts * BF16_STEP)
        if (!split_step(parts, x, to))
            split_row_avx512(parts, x, BF16_STEP, to);
    split_row_avx512(parts, x, count, to);
}

/* Parts below 2^-126 become 0, as which they count. */
void split_row_bf16(int parts, const float *x, int64_t count, uint16_t *to)
{
    if (parts == 1)
        split_steps(1, x, count, to);
    else if (parts == 2)
        split_steps(2, x, count, to);
    else
        split_row_avx512(parts, x, count, to);
}

#endif
