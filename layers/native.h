/* native.h - kernels written once with the compiler's vector extensions and compiled for several
 * instruction sets.
 *
 * The Makefile compiles each file named native_*.c once per set, with -DISA=avx512 and the flags of that set;
 * a public name is made unique by NATIVE(name), for instance peak_avx512. native.c chooses at run time.
 *
 * VECTOR_FLOATS is the width of one register. A wider vector than the set has would be legal C and
 * slow: GCC and clang then build it from pieces that pass through memory. */
#ifndef LAYERS_NATIVE_H
#define LAYERS_NATIVE_H

#include "cpu.h"
#include "layer.h"

/* A tile of a matrix product: see native_gemm.c. */
struct native_tile {
    int64_t taps, k, k_first;
    const float *const *rows; /* row r of tap t: k floats from rows[t * rows_stride + r] + k_first on */
    int64_t rows_stride;
    const float *b; /* packed: taps x k x columns */
    float *c;       /* rows x columns */
    int64_t c_stride;
    bool add; /* to what C holds; else C is only written */
};

/* The tiles an instruction set has, widest first; the list ends with 0 columns. */
struct native_tile_kernel {
    int columns, rows;
    void (*run)(const struct native_tile *tile);
};

#define NATIVE_DECLARE(isa)                                                                                  \
    extern const struct native_tile_kernel tile_kernels_##isa[];                                             \
    double peak_##isa(double seconds);                                                                       \
    void accumulate_##isa(const float *x, int64_t count, float *y);                                          \
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
    void (*accumulate)(const float *x, int64_t count, float *y); /* y += x */
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

typedef float vector __attribute__((vector_size(VECTOR_FLOATS * sizeof(float))));
typedef int lanes
    __attribute__((vector_size(VECTOR_FLOATS * sizeof(int)))); /* what comparing two vectors gives */

#endif
#endif
