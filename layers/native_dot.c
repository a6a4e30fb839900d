/* native_dot.c - the micro-kernel for few output channels.
 *
 *     C[ROWS x COLUMNS] = sum over taps t, k of  A_t[row][k] * B[column][t][k]
 *
 * With three output channels most lanes of a vector of output channels would be idle. Here the lanes are
 * neighbouring k instead, that is input channels of one pixel, and each element of C has a vector of partial
 * sums that is added up at the end. For each step of VECTOR_FLOATS along k, ROWS + COLUMNS loads feed
 * ROWS * COLUMNS multiply-adds. */
#include "native_vector.h"

typedef float quad __attribute__((vector_size(4 * sizeof(float))));

/* Lane by lane modulo 4, then the four: one fixed order on every compiler. */
INLINE float sum_lanes(vector v)
{
    float s[VECTOR_FLOATS];
    quad sum, next;
    store(s, v);
    memcpy(&sum, s, sizeof sum);
    UNROLL for (int i = 4; i < VECTOR_FLOATS; i += 4)
    {
        memcpy(&next, s + i, sizeof next);
        sum += next;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Rows whose sums fit the registers beside a row of B. */
#if VECTOR_REGISTERS == 32
enum { ROWS = 6 };
#else
enum { ROWS = 3 };
#endif

INLINE void dot_step(int columns, const float *const *a, const float *b, int64_t b_stride, int64_t count,
                     vector c[ROWS][NATIVE_DOT_COLUMNS])
{
    vector bk[NATIVE_DOT_COLUMNS];
    UNROLL for (int j = 0; j < columns; j++) bk[j] = load(b + j * b_stride);
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        vector ak = load_part(a[r], count);
        UNROLL for (int j = 0; j < columns; j++) c[r][j] += ak * bk[j];
    }
}

/* Rows `first` and up of the tile. */
INLINE void dot_rows(int columns, const struct native_tile *t, int first)
{
    enum { LINE_FLOATS = 16 };
    vector c[ROWS][NATIVE_DOT_COLUMNS];
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int j = 0; j < columns; j++) c[r][j] = (vector){0};
    const char *ahead = (const char *)t->ahead;
    int64_t width = (t->k + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS, b_stride = t->taps * width;
    for (int64_t tap = 0; tap < t->taps; tap++) {
        const float *a[ROWS], *b = t->b + tap * width;
        UNROLL for (int r = 0; r < ROWS; r++) a[r] = t->rows[tap * t->rows_stride + first + r];
        int64_t k = 0;
        for (; k + VECTOR_FLOATS <= t->k; k += VECTOR_FLOATS, ahead += 64) {
            __builtin_prefetch(ahead);
            dot_step(columns, a, b + k, b_stride, VECTOR_FLOATS, c);
            UNROLL for (int r = 0; r < ROWS; r++) a[r] += VECTOR_FLOATS;
        }
        if (k < t->k)
            dot_step(columns, a, b + k, b_stride, t->k - k, c);
    }
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int j = 0; j < columns; j++)
        t->c[(first + r) * t->c_stride + j] = sum_lanes(c[r][j]);
}

#define DOT_TILE(columns)                                                                                    \
    static void dot_##columns(const struct native_tile *t)                                                   \
    {                                                                                                        \
        for (int first = 0; first < NATIVE_DOT_ROWS; first += ROWS)                                          \
            dot_rows(columns, t, first);                                                                     \
    }
DOT_TILE(1)
DOT_TILE(2)
DOT_TILE(3)
DOT_TILE(4)

const native_dot NATIVE(dots)[NATIVE_DOT_COLUMNS] = {dot_1, dot_2, dot_3, dot_4};
