/* simd.h - the kernels of simd_*.c, for the instruction set in use.
 * simd_kernels.h declares them for each set. */
#ifndef LAYERS_SIMD_H
#define LAYERS_SIMD_H

#include "layers/bf16.h"
#include "layers/simd_kernels.h"

/* The kernels of one instruction set. */
struct simd {
    double (*peak)(double seconds, double (*now)(void));
    const struct simd_tile_kernel *tiles;
    const struct winograd_kernels *winograd; /* by enum winograd_form */
    /* Rows 0 .. count-1 of a product, `channels` floats each => pixels of y. */
    void (*finish)(const float *c, int64_t c_stride, int64_t count, int64_t channels,
                   const struct simd_outputs *to);
    void (*sums)(const struct simd_sums *sums);
    void (*accumulate)(const float *x, int64_t count, float *y); /* y += x */
    /* sums[c] = the sum of x[c] over `pixels` pixels, in double */
    void (*total)(const float *x, int64_t x_stride, int64_t pixels, int64_t channels, double *sums);
    void (*maximum)(const float *x, int64_t count, float *y); /* y = max(x, y), NaN if either is */
    /* y = the sum of weight times corner: four corners of `count` floats. */
    void (*blend)(const float *const corners[4], const float weights[4], int64_t count, float *y);
    void (*softmax)(const float *x, int64_t channels, float *y);
    bool (*finite)(const float *x, int64_t count); /* whether none of them is NaN or infinite */
    /* Splits rows of A and of B into bf16 parts, in the order of bf16.h. A row of `count` terms fills its
     * lines of divide_up(count, 32) steps. B has `count` rows of 32 floats. */
    void (*split_row)(int parts, const float *x, int64_t count, uint16_t *to);
    void (*split_weights)(int parts, const float *b, int64_t count, uint16_t *to);
    void (*epilogue)(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                     int64_t y_stride);
    const struct bf16_kernels *bf16;
    int bf16_rate; /* bf16 products in the time of one product of floats; 0: fewer than one */
};

/* The kernels for `isa`. cpu_has(isa) must be true. */
const struct simd *simd_for(enum isa isa);

/* The kernels in use: those of the last simd_choose, before the first the baseline's. Thread-safe. */
const struct simd *simd(void);

/* Makes simd() return the kernels for `isa`. cpu_has(isa) must be true. */
void simd_choose(enum isa isa);

#endif
