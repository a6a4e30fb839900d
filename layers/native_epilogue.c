/* native_epilogue.c - what is done to a result in place: adding to it, and the epilogue,
 *
 *     y = scale * activation(y + bias + residual) + shift          (struct epilogue in layer.h)
 *
 * Every part is optional, and none depends on the pixel: the tests inside the loop always go the same way,
 * which costs next to nothing beside the loads and stores that bind this. */
#include "native_vector.h"

void NATIVE(accumulate)(const float *x, int64_t count, float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= count; i += VECTOR_FLOATS)
        store(y + i, load(y + i) + load(x + i));
    for (; i < count; i++)
        y[i] += x[i];
}

void NATIVE(epilogue)(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                      int64_t y_stride)
{
    int64_t whole = channels - channels % VECTOR_FLOATS, left = channels - whole;
    for (int64_t p = 0; p < pixels; p++, y += y_stride) {
        const float *residual = e->residual ? e->residual + (first + p) * e->residual_stride : NULL;
        for (int64_t c = 0; c < whole; c += VECTOR_FLOATS)
            store(y + c, epilogue_vector(e, residual, c, VECTOR_FLOATS, load(y + c)));
        if (left)
            store_part(y + whole, epilogue_vector(e, residual, whole, left, load_part(y + whole, left)),
                       left);
    }
}
