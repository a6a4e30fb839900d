/* simd_vector.h - the vectors that simd_*.c compute with, and the epilogue on one of them.
 *
 * VECTOR_FLOATS is the width of one register. A wider vector than the set has would be legal C but slow: GCC
 * and clang then build it from pieces that pass through memory.
 *
 * Channel tails. A kernel works on whole vectors of neighbouring channels, and on the remaining channels as
 * one vector whose last lanes are zeros: `count` is the number of floats, and nothing after them is read or
 * written. With a constant count of VECTOR_FLOATS that is a plain load or store. */
#ifndef LAYERS_SIMD_VECTOR_H
#define LAYERS_SIMD_VECTOR_H

#include "layers/simd_kernels.h"

#include <string.h>

#define SIMD_JOIN(name, isa) name##_##isa
#define SIMD_EXPAND(name, isa) SIMD_JOIN(name, isa)
#define SIMD(name) SIMD_EXPAND(name, ISA)

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

/* The result of comparing two vectors: -1 or 0 in each lane. */
typedef int int_vector __attribute__((vector_size(VECTOR_FLOATS * sizeof(int))));

/* Loops over the registers of a tile must be unrolled completely, or the tile is kept in memory. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v); /* floats of a pixel need not be aligned to a vector */
    return v;
}

INLINE void store(float *to, vector v)
{
    memcpy(to, &v, sizeof v);
}

INLINE vector load_part(const float *from, int64_t count)
{
    if (count == VECTOR_FLOATS)
        return load(from);
    vector v = {0};
    for (int64_t i = 0; i < count; i++)
        v[i] = from[i];
    return v;
}

INLINE void store_part(float *to, vector v, int64_t count)
{
    if (count == VECTOR_FLOATS) {
        store(to, v);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        to[i] = v[i];
}

/* Masks out negative lanes, or scales them. NaN < 0 is false, so a NaN stays a NaN. */
INLINE vector relu(vector v)
{
    return (vector)((int_vector)v & ~(v < 0));
}

INLINE vector leaky_relu(float slope, vector v)
{
    int_vector negative = v < 0;
    return (vector)(((int_vector)v & ~negative) | ((int_vector)(v * slope) & negative));
}

/* tanh and the sigmoid need so many registers that the loops around them would spill. They follow only last
 * layers, which have few channels, so they are a pass of their own: the loops store x + bias + residual, and
 * SIMD(apply_tanh_or_sigmoid) does the rest. */
INLINE bool is_tanh_or_sigmoid(const struct epilogue *e)
{
    return e->activation == ACTIVATION_TANH || e->activation == ACTIVATION_SIGMOID;
}

/* The epilogue of channels c .. c+count-1 of `pixels` pixels, without tanh or sigmoid and what follows them.
 * residuals: for each pixel its residual, or NULL. Each part is checked for once for all pixels: in a tile of
 * Winograd's algorithm, checks for each pixel took as long as the rest. */
INLINE void epilogue_vectors(const struct epilogue *e, const float *const *residuals, int64_t c,
                             int64_t count, int pixels, vector *v)
{
    if (e->bias) {
        vector bias = load_part(e->bias + c, count);
        UNROLL for (int i = 0; i < pixels; i++) v[i] += bias;
    }
    if (e->residual)
        UNROLL for (int i = 0; i < pixels; i++) if (residuals[i]) v[i] += load_part(residuals[i] + c, count);
    if (is_tanh_or_sigmoid(e))
        return;
    if (e->activation == ACTIVATION_RELU)
        UNROLL for (int i = 0; i < pixels; i++) v[i] = relu(v[i]);
    else if (e->activation == ACTIVATION_LEAKY_RELU)
        UNROLL for (int i = 0; i < pixels; i++) v[i] = leaky_relu(e->slope, v[i]);
    if (e->scale) {
        vector scale = load_part(e->scale + c, count), shift = load_part(e->shift + c, count);
        UNROLL for (int i = 0; i < pixels; i++) v[i] = v[i] * scale + shift;
    }
}

/* Of one pixel. */
INLINE vector epilogue_vector(const struct epilogue *e, const float *residual, int64_t c, int64_t count,
                              vector v)
{
    epilogue_vectors(e, &residual, c, count, 1, &v);
    return v;
}

/* The same for one channel: faster than a vector for the few remaining channels. */
INLINE float epilogue_float(const struct epilogue *e, const float *residual, int64_t c, float v)
{
    if (e->bias)
        v += e->bias[c];
    if (residual)
        v += residual[c];
    if (is_tanh_or_sigmoid(e))
        return v;
    if (e->activation != ACTIVATION_NONE && v < 0)
        v *= e->activation == ACTIVATION_RELU ? 0 : e->slope;
    return e->scale ? v * e->scale[c] + e->shift[c] : v;
}

#endif
