/* simd_kernels.h - kernels written once with the compiler's vector extensions, and compiled for several
 * instruction sets: their declarations.
 *
 * The Makefile compiles each file named simd_*.c once for each set, with -DISA=avx512 (for example) and the
 * set's flags. The macro SIMD(name) appends the set to a public name: SIMD(peak) is peak_avx512. simd.h
 * chooses among the copies at run time. */
#ifndef LAYERS_SIMD_KERNELS_H
#define LAYERS_SIMD_KERNELS_H

#include "layers/bf16.h"
#include "layers/cpu.h"
#include "layers/layer.h"

/* A tile of a matrix product: see simd_gemm.c. */
struct simd_tile {
    int64_t taps, k, k_first;
    const float *const *rows; /* row r of tap t: k floats from rows[t * rows_stride + r] + k_first on */
    int64_t rows_stride;
    const float *b; /* packed: taps x k x columns */
    float *c;       /* rows x columns */
    int64_t c_stride;
    bool add; /* C += the product; else C = the product */
    /* Memory that will be read next: each step of the inner loop prefetches a line of it, or two. */
    const float *ahead;
    bool ahead_two;
};

/* Where results are stored: row i goes to pixel pixels[i] of y, after the epilogue. */
struct simd_outputs {
    const struct epilogue *epilogue; /* of the channels that are written */
    float *y;                        /* the first of these channels, of pixel 0 */
    int64_t y_stride;
    const int64_t *pixels; /* -1: the row is dropped */
};

/* y = bias + the sum of `count` terms, for `pixels` pixels of up to SIMD_SUMS_CHANNELS channels: see
 * simd_sums.c. SIMD_SUMS_CHANNELS floats of each term are read, whatever the channels. */
enum { SIMD_SUMS_CHANNELS = 4 };
struct simd_sums {
    const float *const *terms; /* of the first pixel */
    int64_t count, step;       /* floats from a pixel's terms to the next one's */
    const float *bias;         /* or NULL */
    int64_t channels, pixels;
    float *y;
    int64_t y_step;
};

/* A tile of an instruction set. Lists have the widest first and end with 0 columns. */
typedef void simd_tile_run(const struct simd_tile *tile);
struct simd_tile_kernel {
    int columns, rows;
    simd_tile_run *const *run; /* [rows + 1]: run[n] computes the first n rows, and may compute more */
};

/* The forms of Winograd's algorithm: tiles of outputs x outputs under kernels of taps x taps take kept x kept
 * products, kept = outputs + taps - 1. See simd_winograd.c. WINOGRAD_PHASES is the first of four: the phases
 * of a transposed convolution of 4 x 4 and stride 2 (phases.h). */
enum winograd_form {
    WINOGRAD_4_3,    /* 4 x 4 outputs under 3 x 3: 2.25 products an output instead of 9 */
    WINOGRAD_4_5,    /* 4 x 4 under 5 x 5: 4 instead of 25 */
    WINOGRAD_2_5,    /* 2 x 2 under 5 x 5: 9 */
    WINOGRAD_3_3,    /* 3 x 3 under 3 x 3: 2.78 instead of 9 */
    WINOGRAD_PHASES, /* 4 x 4 under 2 x 2: 1.56 instead of 4 */
    WINOGRAD_FORMS = WINOGRAD_PHASES + 4
};

/* V has points x points positions, U and M have kept x kept: the same number, except in a phase. A phase
 * leaves out one point of each axis: the first if skip is 1, else the last. */
struct winograd_kernels {
    int points, kept, skip_h, skip_w;
    int taps, outputs;
    int chain; /* products that may be added in one chain: the rounding error grows with its length */
    /* V = B^T d B: `at` names points x points pixels, `channels` floats each; position i of the result goes
     * to v + i * v_stride. The last vector is written whole: v has room for channels rounded up. */
    void (*input)(const float *const *at, int64_t channels, float *v, int64_t v_stride);
    /* U = G g G^T: taps x taps rows of `columns` floats => kept x kept rows, u_stride apart. */
    void (*weights)(const float *w, int64_t columns, float *u, int64_t u_stride);
    /* y = epilogue(A^T M A): kept x kept rows of at least `channels` floats, m_stride apart. */
    void (*output)(const float *m, int64_t m_stride, int64_t channels, const struct simd_outputs *to);
    /* One row of kept x kept positions of U, for many channels: w has taps x taps rows for each, position i
     * of the row is at u + i * u_stride, a row for each channel. NULL where no lean product needs it. */
    void (*weights_row)(int row, const float *w, int64_t channels, int64_t columns, float *u,
                        int64_t u_stride);
};

#define SIMD_DECLARE(isa)                                                                                    \
    extern const struct simd_tile_kernel tile_kernels_##isa[];                                               \
    double peak_##isa(double seconds, double (*now)(void));                                                  \
    extern const struct winograd_kernels winograd_##isa[WINOGRAD_FORMS];                                     \
    void sums_##isa(const struct simd_sums *sums);                                                           \
    void finish_##isa(const float *c, int64_t c_stride, int64_t count, int64_t channels,                     \
                      const struct simd_outputs *to);                                                        \
    void apply_tanh_or_sigmoid_##isa(const struct epilogue *e, int64_t channels, float *y);                  \
    void total_##isa(const float *x, int64_t x_stride, int64_t pixels, int64_t channels, double *sums);      \
    void maximum_##isa(const float *x, int64_t count, float *y);                                             \
    void blend_##isa(const float *const corners[4], const float weights[4], int64_t count, float *y);        \
    void softmax_##isa(const float *x, int64_t channels, float *y);                                          \
    void accumulate_##isa(const float *x, int64_t count, float *y);                                          \
    bool finite_##isa(const float *x, int64_t count);                                                        \
    void epilogue_##isa(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y, \
                        int64_t y_stride);                                                                   \
    void split_row_##isa(int parts, const float *x, int64_t count, uint16_t *to);                            \
    void split_weights_##isa(int parts, const float *b, int64_t count, uint16_t *to);                        \
    extern const struct bf16_kernels tiles_##isa; /* AMX in plain C */

SIMD_DECLARE(baseline)
SIMD_DECLARE(avx2)
SIMD_DECLARE(avx512)
SIMD_DECLARE(neon)

extern const struct bf16_kernels tiles_amx, bf16_avx512;
void split_row_bf16(int parts, const float *x, int64_t count, uint16_t *to);

#endif
