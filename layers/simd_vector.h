/* simd_vector.h - the vectors that simd_*.c compute with, and the epilogue on one of them.
 *
 * Channel tails. A kernel works on whole vectors of neighbouring channels, and on the channels left over as
 * one vector whose last int_vector are zeros: `count` says how many floats are there, and nothing behind them
 * is read or written. With a constant count of VECTOR_FLOATS that is a plain load or store. */
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

/* What comparing two vectors gives: -1 or 0 in each lane. */
typedef int int_vector __attribute__((vector_size(VECTOR_FLOATS * sizeof(int))));

/* Loops over the registers of a tile must disappear, or the registers become memory. */
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

/* Negative int_vector are masked out, or scaled: comparing this way round keeps a NaN a NaN. */
INLINE vector activate(const struct epilogue *e, vector v)
{
    int_vector negative = v < 0;
    if (e->activation == ACTIVATION_RELU)
        return (vector)((int_vector)v & ~negative);
    return (vector)(((int_vector)v & ~negative) | ((int_vector)(v * e->slope) & negative));
}

/* tanh and the sigmoid would cost the loops around them their registers. They stand only behind the few
 * channels of a last layer, so they are a pass of their own: the loops leave x + bias + residual, and
 * SIMD(apply_tanh_or_sigmoid) does the rest. */
INLINE bool is_tanh_or_sigmoid(const struct epilogue *e)
{
    return e->activation == ACTIVATION_TANH || e->activation == ACTIVATION_SIGMOID;
}

/* The epilogue of channels c .. c+count-1 of one pixel, but for the above; `residual` is that pixel's, or
 * NULL. */
INLINE vector epilogue_vector(const struct epilogue *e, const float *residual, int64_t c, int64_t count,
                              vector v)
{
    if (e->bias)
        v += load_part(e->bias + c, count);
    if (residual)
        v += load_part(residual + c, count);
    if (is_tanh_or_sigmoid(e))
        return v;
    if (e->activation != ACTIVATION_NONE)
        v = activate(e, v);
    if (e->scale)
        v = v * load_part(e->scale + c, count) + load_part(e->shift + c, count);
    return v;
}

/* The same for one channel: quicker than a vector for the few that are left over. */
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
