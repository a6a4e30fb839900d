/* matrix_tile.h - the six operations on the matrix tiles of AMX, by the processor or in plain C.
 *
 * There are eight tiles of 16 lines of 64 bytes: 16 x 16 floats, or 16 x 32 bf16 numbers. Tiles are named by
 * constants, as registers are. tile_configure(), at the start of a task, tells the processor the shape of its
 * tiles, and tile_release(), at its end, that they hold nothing: the system then need not save 8 KB when it
 * switches threads. tile_release takes what tile_configure returned. No other code runs between them.
 *
 *     tile_zero(t, i)                    tile i = 0                        t is a struct tiles of the caller
 *     tile_load(t, i, from, stride)      tile i = 16 lines, `stride` bytes apart
 *     tile_store(t, i, to, stride)       16 lines = tile i
 *     tile_multiply_add(t, c, a, b)      C += A B: TDPBF16PS
 *
 * TDPBF16PS to the last bit, compared with a processor on 512,000 results. Of the 32 products of an element
 * of C two chains of fused multiply-adds begin at 0, one of the first and one of the second numbers of the 16
 * pairs; C becomes C plus the sum of the chains. Inputs and results below 2^-126 count as 0, and MXCSR
 * changes nothing. The plain form does the same, on vectors that hold some columns of C. */
#ifndef LAYERS_MATRIX_TILE_H
#define LAYERS_MATRIX_TILE_H

#include <stdint.h>
#include <string.h>

enum { TILE_LINES = 16, TILE_LINE_BYTES = 64, TILE_COUNT = 8 };

#if defined(__AMX_BF16__) || defined(__AMXBF16__) /* of clang 14 */

#include <immintrin.h>

struct tiles {
    char none;
};

/* Macros, because the instructions take constants; and statements, as GCC 12's intrinsics are. */
#define TILE_STATEMENT(t, operation)                                                                         \
    do {                                                                                                     \
        (void)(t);                                                                                           \
        operation;                                                                                           \
    } while (0)
#define tile_zero(t, i) TILE_STATEMENT(t, _tile_zero(i))
#define tile_load(t, i, from, stride) TILE_STATEMENT(t, _tile_loadd(i, from, stride))
#define tile_store(t, i, to, stride) TILE_STATEMENT(t, _tile_stored(i, to, stride))
#define tile_multiply_add(t, c, a, b) TILE_STATEMENT(t, _tile_dpbf16ps(c, a, b))

static inline uint64_t tile_configure(void)
{
    /* LDTILECFG's operand: palette 1, then from byte 16 the bytes of a line and from byte 48 the lines of
     * each tile. Static: GCC 12 does not see that the instruction reads all of it. */
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t line_bytes[16];
        uint8_t lines[16];
    } shape = {
        1,
        0,
        {0},
        {TILE_LINE_BYTES, TILE_LINE_BYTES, TILE_LINE_BYTES, TILE_LINE_BYTES, TILE_LINE_BYTES, TILE_LINE_BYTES,
         TILE_LINE_BYTES, TILE_LINE_BYTES},
        {TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES}};
    _tile_loadconfig(&shape);
    return 0;
}

static inline void tile_release(uint64_t state)
{
    (void)state;
    _tile_release();
}

#else

#include "layers/simd_vector.h"

struct tiles {
    unsigned char at[TILE_COUNT][TILE_LINES][TILE_LINE_BYTES] __attribute__((aligned(TILE_LINE_BYTES)));
};

static inline void tile_zero(struct tiles *t, int i)
{
    memset(t->at[i], 0, sizeof t->at[i]);
}

static inline void tile_load(struct tiles *t, int i, const void *from, int64_t stride)
{
    for (int line = 0; line < TILE_LINES; line++)
        memcpy(t->at[i][line], (const unsigned char *)from + line * stride, TILE_LINE_BYTES);
}

static inline void tile_store(const struct tiles *t, int i, void *to, int64_t stride)
{
    for (int line = 0; line < TILE_LINES; line++)
        memcpy((unsigned char *)to + line * stride, t->at[i][line], TILE_LINE_BYTES);
}

/* a * b + c, rounded once, with small numbers counted as 0. Where the compiler can fuse it, tile_configure
 * makes the processor flush them. */
#if VECTOR_FLOATS > 4 || defined(__aarch64__)

INLINE vector flush(vector x)
{
    return x;
}

INLINE vector fused(vector a, vector b, vector c)
{
    return a * b + c;
}

#else

INLINE vector flush(vector x)
{
    int_vector normal = ((int_vector)x & 0x7F800000) != 0;
    return (vector)((int_vector)x & (normal | (int)0x80000000));
}

INLINE vector fused(vector a, vector b, vector c)
{
    for (int i = 0; i < VECTOR_FLOATS; i++)
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return flush(c);
}

#endif

/* The first and the second numbers of pairs. */
INLINE vector first_numbers(int_vector pairs)
{
    return flush((vector)(pairs << 16));
}

INLINE vector second_numbers(int_vector pairs)
{
    return flush((vector)(pairs & (int)0xFFFF0000));
}

/* Four lines at a time, so that their chains overlap. */
enum { LINES_TOGETHER = 4 };

INLINE void multiply_add_lines(struct tiles *t, int c, int a, int b, int line, int column)
{
    vector first[LINES_TOGETHER] = {0}, second[LINES_TOGETHER] = {0};
    for (int pair = 0; pair < TILE_LINES; pair++) {
        int_vector columns;
        memcpy(&columns, &t->at[b][pair][column], sizeof columns);
        UNROLL for (int i = 0; i < LINES_TOGETHER; i++)
        {
            int32_t number;
            memcpy(&number, &t->at[a][line + i][4 * pair], sizeof number);
            int_vector row = (int_vector){0} + number;
            first[i] = fused(first_numbers(row), first_numbers(columns), first[i]);
            second[i] = fused(second_numbers(row), second_numbers(columns), second[i]);
        }
    }
    UNROLL for (int i = 0; i < LINES_TOGETHER; i++)
    {
        vector sum;
        memcpy(&sum, &t->at[c][line + i][column], sizeof sum);
        sum = flush(flush(sum) + flush(first[i] + second[i]));
        memcpy(&t->at[c][line + i][column], &sum, sizeof sum);
    }
}

static inline void tile_multiply_add(struct tiles *t, int c, int a, int b)
{
    for (int line = 0; line < TILE_LINES; line += LINES_TOGETHER)
        for (int column = 0; column < TILE_LINE_BYTES; column += (int)sizeof(vector))
            multiply_add_lines(t, c, a, b, line, column);
}

static inline uint64_t tile_configure(void)
{
    return cpu_flush_denormals();
}

static inline void tile_release(uint64_t state)
{
    cpu_restore_denormals(state);
}

#endif

#endif
