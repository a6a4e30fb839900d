/* simd_gemm.c - the micro-kernel: a small tile of C that stays in registers for all of K.
 *
 *     C[ROWS x COLUMNS] = sum over taps t, k of  A_t[row][k] * B[t][k][column]
 *
 * COLUMNS is 1, 2 or 4 registers of neighbouring columns, ROWS 6 or 12. For each k the kernel loads one row
 * of B and broadcasts one element of each row of A; with 6 x 4 registers that is 10 loads for 24
 * multiply-adds, and the 24 independent sums hide the latency of each. B is packed so that it is read from
 * front to back.
 *
 *         B packed:  t 0: k 0 | COLUMNS floats |  k 1 | COLUMNS floats |  ...      t 1: ...
 *
 * The rows of A are given by pointers, one for each tap and row, so a convolution needs no im2col: the
 * pointers name the pixels under the kernel, or a run of zeros outside the picture ("indirect convolution",
 * Dukhan 2019). Each output is one sum over t and k in order, in whatever tile it is: results do not depend
 * on how the picture is divided.
 *
 * The loops over the tile have constant bounds and must be unrolled, or the sums move to memory. */
#include "layers/simd_vector.h"

enum { ROWS_MOST = 12, WIDTH_MOST = 4 };

/* A tile of `rows` rows of `width` registers. Both must be constants: the compiler then drops the rest
 * of the arrays. */
INLINE void run_tile(const struct simd_tile *t, int rows, int width)
{
    vector c[ROWS_MOST][WIDTH_MOST];
    const float *b = t->b;
    const char *ahead = (const char *)t->ahead;
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int w = 0; w < width; w++) c[r][w] = (vector){0};
    for (int64_t tap = 0; tap < t->taps; tap++) {
        const float *a[ROWS_MOST];
        UNROLL for (int r = 0; r < rows; r++) a[r] = t->rows[tap * t->rows_stride + r] + t->k_first;
        for (int64_t k = 0; k < t->k; k++, b += width * VECTOR_FLOATS, ahead += 64) {
            vector bk[WIDTH_MOST];
            __builtin_prefetch(ahead, 0, 2);
            UNROLL for (int w = 0; w < width; w++) bk[w] = load(b + w * VECTOR_FLOATS);
            UNROLL for (int r = 0; r < rows; r++) UNROLL for (int w = 0; w < width; w++) c[r][w] +=
                a[r][k] * bk[w];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int w = 0; w < width; w++)
    {
        float *to = t->c + r * t->c_stride + w * VECTOR_FLOATS;
        store(to, t->add ? load(to) + c[r][w] : c[r][w]);
    }
}

#define TILE_KERNEL(rows, width)                                                                             \
    static void tile_##rows##x##width(const struct simd_tile *t)                                             \
    {                                                                                                        \
        run_tile(t, rows, width);                                                                            \
    }

/* The last tile of a block needs fewer rows, and so does every tile of a small picture: there the kernel with
 * the fewest rows that are enough runs. One pixel, as in the first layer of dcgan, would otherwise take six
 * times the products. Elements of the arrays are by the rows needed. */
#define SIX_ROWS(width)                                                                                      \
    TILE_KERNEL(1, width)                                                                                    \
    TILE_KERNEL(2, width)                                                                                    \
    TILE_KERNEL(4, width)                                                                                    \
    TILE_KERNEL(6, width)                                                                                    \
    static simd_tile_run *const six_rows[] =                                                                 \
        {NULL,           tile_1x##width, tile_2x##width, tile_4x##width,                                     \
         tile_4x##width, tile_6x##width, tile_6x##width};

#define TWELVE_ROWS(width)                                                                                   \
    TILE_KERNEL(1, width)                                                                                    \
    TILE_KERNEL(4, width)                                                                                    \
    TILE_KERNEL(8, width)                                                                                    \
    TILE_KERNEL(12, width)                                                                                   \
    static simd_tile_run *const twelve_rows_##width[] = {                                                    \
        NULL,           tile_1x##width, tile_4x##width, tile_4x##width,  tile_4x##width,  tile_8x##width,    \
        tile_8x##width, tile_8x##width, tile_8x##width, tile_12x##width, tile_12x##width, tile_12x##width,   \
        tile_12x##width};

TWELVE_ROWS(1)

#if VECTOR_REGISTERS == 32
SIX_ROWS(4)
TWELVE_ROWS(2)
const struct simd_tile_kernel SIMD(tile_kernels)[] = {{4 * VECTOR_FLOATS, 6, six_rows},
                                                      {2 * VECTOR_FLOATS, 12, twelve_rows_2},
                                                      {VECTOR_FLOATS, 12, twelve_rows_1},
                                                      {0}};
#else
SIX_ROWS(2)
const struct simd_tile_kernel SIMD(tile_kernels)[] = {
    {2 * VECTOR_FLOATS, 6, six_rows}, {VECTOR_FLOATS, 12, twelve_rows_1}, {0}};
#endif
