/* simd_epilogue.c - the epilogue of a result, in place or while it is copied to y,
 *
 *     y = scale * activation(y + bias + residual) + shift          (struct epilogue in layer.h)
 *
 * Every part is optional, and none depends on the pixel. */
#include "layers/simd_vector.h"

/* All but tanh and sigmoid. */
INLINE void finish_pixel(const struct epilogue *e, const float *residual, int64_t channels, const float *c,
                         float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= channels; i += VECTOR_FLOATS)
        store(y + i, epilogue_vector(e, residual, i, VECTOR_FLOATS, load(c + i)));
    for (; i < channels; i++)
        y[i] = epilogue_float(e, residual, i, c[i]);
}

static const float *residual_of(const struct epilogue *e, int64_t pixel)
{
    return e->residual ? e->residual + pixel * e->residual_stride : NULL;
}

static void finish_in_place(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels,
                            float *y, int64_t y_stride)
{
    bool alike = !e->bias && !e->scale, dense = !e->residual || e->residual_stride == channels;
    if (alike && dense &&
        y_stride == channels) { /* pixels without gaps, their channels alike: one long pixel */
        finish_pixel(e, residual_of(e, first), pixels * channels, y, y);
        return;
    }
    for (int64_t p = 0; p < pixels; p++, y += y_stride)
        finish_pixel(e, residual_of(e, first + p), channels, y, y);
}

/* Layers with tanh or a sigmoid have few channels. With one pass for what comes before it, one for the
 * function and one for what comes after it, the vectors of the function are full. */
void SIMD(epilogue)(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                    int64_t y_stride)
{
    if (e->bias || e->residual || !is_tanh_or_sigmoid(e))
        finish_in_place(e, channels, first, pixels, y, y_stride);
    if (!is_tanh_or_sigmoid(e))
        return;
    bool dense = y_stride == channels;
    struct epilogue function = {.activation = e->activation}, after = {.scale = e->scale, .shift = e->shift};
    for (int64_t p = 0; p < (dense ? 1 : pixels); p++)
        SIMD(apply_tanh_or_sigmoid)(&function, dense ? pixels * channels : channels, y + p * y_stride);
    if (e->scale)
        finish_in_place(&after, channels, first, pixels, y, y_stride);
}

/* The loops leave out what a constant activation and scale exclude. The copy of the epilogue saves loading
 * its members again after each store to y. */
INLINE void finish_rows(enum activation activation, const float *scale, const float *c, int64_t c_stride,
                        int64_t count, int64_t channels, const struct simd_outputs *to)
{
    struct epilogue e = *to->epilogue;
    e.activation = activation;
    e.scale = scale;
    for (int64_t p = 0; p < count; p++, c += c_stride) {
        float *y = to->y + to->pixels[p] * to->y_stride;
        finish_pixel(&e, residual_of(&e, to->pixels[p]), channels, c, y);
        if (is_tanh_or_sigmoid(&e))
            SIMD(apply_tanh_or_sigmoid)(to->epilogue, channels, y);
    }
}

void SIMD(finish)(const float *c, int64_t c_stride, int64_t count, int64_t channels,
                  const struct simd_outputs *to)
{
    const struct epilogue *e = to->epilogue;
    if (!e->scale && e->activation == ACTIVATION_NONE)
        finish_rows(ACTIVATION_NONE, NULL, c, c_stride, count, channels, to);
    else if (!e->scale && e->activation == ACTIVATION_RELU)
        finish_rows(ACTIVATION_RELU, NULL, c, c_stride, count, channels, to);
    else
        finish_rows(e->activation, e->scale, c, c_stride, count, channels, to);
}
