/* native_vector.h - the vectors that native_*.c compute with, and the epilogue on one of them.
 *
 * Channel tails. A kernel works on whole vectors of neighbouring channels, and on the channels left over as
 * one vector whose last lanes are zeros: `count` says how many floats are there, and nothing behind them is
 * read or written. With a constant count of VECTOR_FLOATS that is a plain load or store. */
#ifndef LAYERS_NATIVE_VECTOR_H
#define LAYERS_NATIVE_VECTOR_H

#include "layers/native.h"

#include <string.h>

typedef float vector __attribute__((vector_size(VECTOR_FLOATS * sizeof(float))));

/* What comparing two vectors gives: -1 or 0 in each lane. */
typedef int lanes __attribute__((vector_size(VECTOR_FLOATS * sizeof(int))));

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

/* Negative lanes are masked out, or scaled: comparing this way round keeps a NaN a NaN. */
INLINE vector activate(const struct epilogue *e, vector v)
{
    lanes negative = v < 0;
    if (e->activation == ACTIVATION_RELU)
        return (vector)((lanes)v & ~negative);
    return (vector)(((lanes)v & ~negative) | ((lanes)(v * e->slope) & negative));
}

/* tanh and the sigmoid would cost the loops around them their registers. They stand only behind the few
 * channels of a last layer, so they are a pass of their own: the loops leave x + bias + residual, and
 * NATIVE(transcend) does the rest. */
INLINE bool is_transcendental(const struct epilogue *e)
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
    if (is_transcendental(e))
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
    if (is_transcendental(e))
        return v;
    if (e->activation != ACTIVATION_NONE && v < 0)
        v *= e->activation == ACTIVATION_RELU ? 0 : e->slope;
    return e->scale ? v * e->scale[c] + e->shift[c] : v;
}

#endif
