/* simd_tiles.c - products of bf16 parts on matrix tiles: see bf16.h for the parts, matrix_tile.h for the
 * tiles.
 *
 * A block of C of 32 x 32 floats is four tiles, two tiles of A and two of B fill the other four:
 *
 *                 B: tile 6   tile 7
 *     A: tile 4   C: tile 0   tile 1          a load of 1 KB serves two products of 16 x 16 x 32;
 *        tile 5      tile 2   tile 3          the loads of one half overlap with the products of the other
 *
 * A step of 32 terms with three parts takes 24 products of tiles. A part of A stays for all parts of B that
 * it is multiplied by, so these take 18 loads.
 *
 * The sums stay in the tiles for all steps of the call. They are fp32, and products are exact, so a result
 * does not depend on where its block lies, only on the order of the terms. */
#include "layers/bf16.h"
#include "layers/matrix_tile.h"
#include "layers/simd_vector.h"

enum { TILE_NUMBERS = BF16_PART / 2, TILE_SIDE = 16 };

/* C += A B, for one part of each. */
INLINE void multiply_part(struct tiles *t, const uint16_t *a, int64_t a_stride, const uint16_t *b)
{
    tile_load(t, 4, a, a_stride * (int64_t)sizeof *a);
    tile_load(t, 6, b, TILE_LINE_BYTES);
    tile_multiply_add(t, 0, 4, 6);
    tile_load(t, 7, b + TILE_NUMBERS, TILE_LINE_BYTES);
    tile_multiply_add(t, 1, 4, 7);
    tile_load(t, 5, a + TILE_SIDE * a_stride, a_stride * (int64_t)sizeof *a);
    tile_multiply_add(t, 2, 5, 6);
    tile_multiply_add(t, 3, 5, 7);
}

/* The same with the part of A that is in tiles 4 and 5. */
INLINE void multiply_same(struct tiles *t, const uint16_t *b)
{
    tile_load(t, 6, b, TILE_LINE_BYTES);
    tile_multiply_add(t, 0, 4, 6);
    tile_multiply_add(t, 2, 5, 6);
    tile_load(t, 7, b + TILE_NUMBERS, TILE_LINE_BYTES);
    tile_multiply_add(t, 1, 4, 7);
    tile_multiply_add(t, 3, 5, 7);
}

/* `parts` must be a constant. */
INLINE void multiply(int parts, const struct bf16_block *block)
{
    struct tiles t = {0};
    const uint16_t *a = block->a, *b = block->b;
    float *c = block->c, *below = c + TILE_SIDE * block->c_stride;
    int64_t stride = block->c_stride * (int64_t)sizeof *c;
    if (block->add) {
        tile_load(&t, 0, c, stride);
        tile_load(&t, 1, c + TILE_SIDE, stride);
        tile_load(&t, 2, below, stride);
        tile_load(&t, 3, below + TILE_SIDE, stride);
    } else {
        tile_zero(&t, 0);
        tile_zero(&t, 1);
        tile_zero(&t, 2);
        tile_zero(&t, 3);
    }
    for (int64_t step = 0; step < block->steps; step++, a += parts * BF16_STEP, b += parts * BF16_PART)
        for (int i = 0; i < parts; i++) {
            multiply_part(&t, a + i * BF16_STEP, block->a_stride, b);
            for (int j = 1; i + j < parts; j++)
                multiply_same(&t, b + j * BF16_PART);
        }
    tile_store(&t, 0, c, stride);
    tile_store(&t, 1, c + TILE_SIDE, stride);
    tile_store(&t, 2, below, stride);
    tile_store(&t, 3, below + TILE_SIDE, stride);
}

#define MULTIPLY(parts)                                                                                      \
    static void multiply_##parts(const struct bf16_block *block)                                             \
    {                                                                                                        \
        multiply(parts, block);                                                                              \
    }

MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)

static uint64_t start(void)
{
    return tile_configure();
}

static void end(uint64_t state)
{
    tile_release(state);
}

const struct bf16_kernels SIMD(tiles) = {start, end, {NULL, multiply_1, multiply_2, multiply_3}};
