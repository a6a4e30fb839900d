/* native.h - kernels written once with the compiler's vector extensions, compiled for several instruction
 * sets.
 *
 * The Makefile compiles each file named native_*.c once per set, with -DISA=avx512 and the flags of that set;
 * a public name is made unique by NATIVE(name), for instance peak_avx512. native.c chooses at run time.
 *
 * VECTOR_FLOATS is the width of one register. A wider vector than the set has would be legal C and slow: GCC
 * and clang then build it from pieces that pass through memory. */
#ifndef LAYERS_NATIVE_H
#define LAYERS_NATIVE_H

#include "layers/cpu.h"
#include "layers/layer.h"

/* A tile of a matrix product: see native_gemm.c. */
struct native_tile {
    int64_t taps, k, k_first;
    const float *const *rows; /* row r of tap t: k floats from rows[t * rows_stride + r] + k_first on */
    int64_t rows_stride;
    const float *b; /* packed: taps x k x columns */
    float *c;       /* rows x columns */
    int64_t c_stride;
    bool add; /* to what C holds; else C is only written */
    /* What will be read next: each step of the kernel's inner loop fetches 64 bytes of it into the cache. */
    const float *ahead;
};

/* Where results go: row i of them to pixel pixels[i] of y, after the epilogue. */
struct native_outputs {
    const struct epilogue *epilogue; /* of the channels that are written */
    float *y;                        /* their first, of pixel 0 */
    int64_t y_stride;
    const int64_t *pixels; /* -1: dropped */
};

/* y = bias + the sum of `count` terms, for `pixels` pixels of up to NATIVE_SUMS_CHANNELS channels: see
 * native_sums.c. NATIVE_SUMS_CHANNELS floats of each term are read, whatever the channels. */
enum { NATIVE_SUMS_CHANNELS = 4 };
struct native_sums {
    const float *const *terms; /* of the first pixel */
    int64_t count, step;       /* floats from a pixel's terms to the next one's */
    const float *bias;         /* or NULL */
    int64_t channels, pixels;
    float *y;
    int64_t y_step;
};

/* The tiles an instruction set has, widest first; the list ends with 0 columns. */
struct native_tile_kernel {
    int columns, rows;
    void (*run)(const struct native_tile *tile);
};

/* The forms of Winograd's algorithm: tiles of outputs x outputs under kernels of taps x taps take kept x kept
 * products, kept = outputs + taps - 1. See native_winograd.c. Of phases there are four, one behind the other:
 * those of a transposed convolution of 4 x 4 and stride 2 (phases.h). */
enum winograd_form {
    WINOGRAD_4_3,    /* 4 x 4 outputs under 3 x 3: 2.25 products an output instead of 9 */
    WINOGRAD_2_5,    /* 2 x 2 under 5 x 5: 9 instead of 25 */
    WINOGRAD_3_3,    /* 3 x 3 under 3 x 3: 2.78 instead of 9 */
    WINOGRAD_PHASES, /* 4 x 4 under 2 x 2: 1.56 instead of 4 */
    WINOGRAD_FORMS = WINOGRAD_PHASES + 4
};

/* V has points x points positions, U and M have kept x kept: the same number, but for a phase, which leaves
 * out one point of each axis, the first where skip is 1, else the last. */
struct winograd_kernels {
    int points, kept, skip_h, skip_w;
    int taps, outputs;
    /* V = B^T d B: `at` names points x points pixels, `channels` floats each; position i of the result goes
     * to v + i * v_stride. The last vector is written whole: v has room for channels rounded up. */
    void (*input)(const float *const *at, int64_t channels, float *v, int64_t v_stride);
    /* U = G g G^T: taps x taps rows of `columns` floats => kept x kept rows, u_stride apart. */
    void (*weights)(const float *w, int64_t columns, float *u, int64_t u_stride);
    /* y = epilogue(A^T M A): kept x kept rows of at least `channels` floats, m_stride apart. */
    void (*output)(const float *m, int64_t m_stride, int64_t channels, const struct native_outputs *to);
};

#define NATIVE_DECLARE(isa)                                                                                  \
    extern const struct native_tile_kernel tile_kernels_##isa[];                                             \
    double peak_##isa(double seconds);                                                                       \
    extern const struct winograd_kernels winograd_##isa[WINOGRAD_FORMS];                                     \
    void sums_##isa(const struct native_sums *sums);                                                         \
    void finish_##isa(const float *c, int64_t c_stride, int64_t count, int64_t channels,                     \
                      const struct native_outputs *to);                                                      \
    void transcend_##isa(const struct epilogue *e, int64_t channels, float *y);                              \
    void maximum_##isa(const float *x, int64_t count, float *y);                                             \
    void blend_##isa(const float *const corners[4], const float weights[4], int64_t count, float *y);        \
    void softmax_##isa(const float *x, int64_t channels, float *y);                                          \
    void accumulate_##isa(const float *x, int64_t count, float *y);                                          \
    bool finite_##isa(const float *x, int64_t count);                                                        \
    void epilogue_##isa(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y, \
                        int64_t y_stride);

NATIVE_DECLARE(baseline)
NATIVE_DECLARE(avx2)
NATIVE_DECLARE(avx512)
NATIVE_DECLARE(neon)

/* The kernels of one instruction set. */
struct native {
    double (*peak)(double seconds);
    const struct native_tile_kernel *tiles;
    const struct winograd_kernels *winograd; /* by enum winograd_form */
    /* Rows 0 .. count-1 of a product, `channels` floats each => pixels of y. */
    void (*finish)(const float *c, int64_t c_stride, int64_t count, int64_t channels,
                   const struct native_outputs *to);
    void (*sums)(const struct native_sums *sums);
    void (*accumulate)(const float *x, int64_t count, float *y); /* y += x */
    void (*maximum)(const float *x, int64_t count, float *y);    /* y = max(x, y), NaN if either is */
    /* y = the sum of weight times corner: four corners of `count` floats. */
    void (*blend)(const float *const corners[4], const float weights[4], int64_t count, float *y);
    void (*softmax)(const float *x, int64_t channels, float *y);
    bool (*finite)(const float *x, int64_t count); /* whether none of them is NaN or infinite */
    /* The activation, tanh or the sigmoid, and what follows it in an epilogue, of one pixel in place. */
    void (*transcend)(const struct epilogue *e, int64_t channels, float *y);
    void (*epilogue)(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                     int64_t y_stride);
};

/* The kernels for `isa`, which must be one this program was compiled for (cpu_has says so). */
const struct native *native_for(enum isa isa);

/* The kernels in use: those of native_choose, at first the baseline's. */
const struct native *native(void);
void native_choose(enum isa isa);

#ifdef ISA

#define NATIVE_JOIN(name, isa) name##_##isa
#define NATIVE_EXPAND(name, isa) NATIVE_JOIN(name, isa)
#define NATIVE(name) NATIVE_EXPAND(name, ISA)

#if defined(__AVX512F__)
#define VECTOR_FLOATS 16
#define VECTOR_REGISTERS 32
#elif defined(__AVX2__)
#define VECTOR_FLOATS 8
#define VECTOR_REGISTERS 16
#else
#define VECTOR_FLOATS 4
#if defined(__aarch64__)
#define VECTOR_REGISTERS 32
#else
#define VECTOR_REGISTERS 16
#endif
#endif

#endif
#endif
