/* native_epilogue.c - what is done to a result in place: adding to it, and the epilogue,
 *
 *     y = scale * activation(y + bias + residual) + shift          (struct epilogue in layer.h)
 *
 * Every part is optional, and none depends on the pixel: the tests inside the loop always go the same way,
 * which costs next to nothing beside the loads and stores that bind this. Channels beyond the last whole
 * vector are done one by one, so nothing outside the pixel is read. */
#include "native.h"
#include "layer.h"

#include <math.h>
#include <string.h>

static vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v); /* floats of a pixel need not be aligned to a vector */
    return v;
}

void NATIVE(accumulate)(const float *x, int64_t count, float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= count; i += VECTOR_FLOATS) {
        vector sum = load(y + i) + load(x + i);
        memcpy(y + i, &sum, sizeof sum);
    }
    for (; i < count; i++)
        y[i] += x[i];
}

/* Comparing this way round keeps a NaN a NaN. */
static float activate_one(const struct epilogue *e, float v)
{
    switch (e->activation) {
    case ACTIVATION_RELU:
        return v < 0 ? 0 : v;
    case ACTIVATION_LEAKY_RELU:
        return v < 0 ? e->slope * v : v;
    case ACTIVATION_TANH:
        return tanhf(v);
    case ACTIVATION_SIGMOID:
        return 1 / (1 + expf(-v));
    default:
        return v;
    }
}

/* Negative lanes are masked out, or scaled. The two transcendental ones stand only behind the few channels of
 * a last layer, and go lane by lane. */
static vector activate(const struct epilogue *e, vector v)
{
    lanes negative = v < 0;
    if (e->activation == ACTIVATION_RELU)
        return (vector)((lanes)v & ~negative);
    if (e->activation == ACTIVATION_LEAKY_RELU)
        return (vector)(((lanes)v & ~negative) | ((lanes)(v * e->slope) & negative));
    for (int i = 0; i < VECTOR_FLOATS; i++)
        v[i] = activate_one(e, v[i]);
    return v;
}

static void channels_tail(const struct epilogue *e, const float *residual, int64_t from, int64_t channels,
                          float *y)
{
    for (int64_t c = from; c < channels; c++) {
        float v = y[c];
        if (e->bias)
            v += e->bias[c];
        if (residual)
            v += residual[c];
        v = activate_one(e, v);
        if (e->scale)
            v = v * e->scale[c] + e->shift[c];
        y[c] = v;
    }
}

void NATIVE(epilogue)(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                      int64_t y_stride)
{
    int64_t whole = channels - channels % VECTOR_FLOATS;
    for (int64_t p = 0; p < pixels; p++, y += y_stride) {
        const float *residual = e->residual ? e->residual + (first + p) * e->residual_stride : NULL;
        for (int64_t c = 0; c < whole; c += VECTOR_FLOATS) {
            vector v = load(y + c);
            if (e->bias)
                v += load(e->bias + c);
            if (residual)
                v += load(residual + c);
            if (e->activation != ACTIVATION_NONE)
                v = activate(e, v);
            if (e->scale)
                v = v * load(e->scale + c) + load(e->shift + c);
            memcpy(y + c, &v, sizeof v);
        }
        channels_tail(e, residual, whole, channels, y);
    }
}
