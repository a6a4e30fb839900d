/* bf16_avx512.c - products of bf16 parts by AVX512-BF16's VDPBF16PS: see bf16.h.
 *
 * One instruction adds two products to each of 16 sums: a pair of B for each of 16 columns, times one pair of
 * A that goes to all lanes. 8 rows x 32 columns are 16 sums, which hide the latency of about 6 cycles; a pair
 * takes 2 loads and 8 broadcasts for them. The products of parts follow one another, so the sums stay in
 * their registers for all of them. */
#include "layers/bf16.h"

#if defined(__AVX512BF16__)

#include <immintrin.h>

enum { ROWS = 8, WIDTH = 2, PAIRS = BF16_STEP / 2, LANES = 16 };

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* Adds the products of one part of A, of ROWS rows, and one part of B. */
static inline __attribute__((always_inline)) void add_products(const uint16_t *a, int64_t a_stride,
                                                               const uint16_t *b, __m512 sums[ROWS][WIDTH])
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

/* `parts` must be a constant. */
static inline __attribute__((always_inline)) void multiply_rows(int parts, const struct bf16_block *block,
                                                                int first)
{
    __m512 sums[ROWS][WIDTH];
    const uint16_t *a = block->a + first * block->a_stride, *b = block->b;
    float *c = block->c + first * block->c_stride;
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int w = 0; w < WIDTH; w++) sums[r][w] =
        block->add ? _mm512_loadu_ps(c + r * block->c_stride + w * LANES) : _mm512_setzero_ps();
    for (int64_t step = 0; step < block->steps; step++, a += parts * BF16_STEP, b += parts * BF16_PART)
        for (int i = 0; i < parts; i++)
            for (int j = 0; i + j < parts; j++)
                add_products(a + i * BF16_STEP, block->a_stride, b + j * BF16_PART, sums);
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

#endif
