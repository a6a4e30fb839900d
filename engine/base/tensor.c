/* tensor.c - see tensor.h. */
#include "engine/base/tensor.h"
#include "engine/base/memory.h"
#include "layers/sizes.h"

bool tensor_bytes(int64_t n, int64_t h, int64_t w, int64_t c, size_t *bytes)
{
    int64_t product;
    if (n < 1 || h < 1 || w < 1 || c < 1 || __builtin_mul_overflow(n, h, &product) ||
        __builtin_mul_overflow(product, w, &product) || __builtin_mul_overflow(product, c, &product) ||
        __builtin_mul_overflow(product, (int64_t)sizeof(float), &product))
        return false;
    *bytes = size_product(product, 1);
    return true;
}

limn_status tensor_create(int64_t n, int64_t h, int64_t w, int64_t c, struct tensor *tensor,
                          limn_error *error)
{
    *tensor = (struct tensor){0};
    size_t bytes;
    if (!tensor_bytes(n, h, w, c, &bytes))
        return fail(error, LIMN_E_INPUT, "a tensor of %lld x %lld x %lld x %lld is not possible",
                    (long long)n, (long long)h, (long long)w, (long long)c);
    float *data = mem_alloc(bytes);
    if (!data)
        return fail_memory(error, "a tensor", bytes);
    *tensor = tensor_view(data, n, h, w, c, c);
    tensor->owned = true;
    return LIMN_OK;
}

struct tensor tensor_view(float *data, int64_t n, int64_t h, int64_t w, int64_t c, int64_t stride)
{
    return (struct tensor){.data = data, .n = n, .h = h, .w = w, .c = c, .stride = stride};
}

void tensor_free(struct tensor *tensor)
{
    if (tensor->owned)
        mem_free(tensor->data);
    *tensor = (struct tensor){0};
}

int64_t tensor_pixels(const struct tensor *tensor)
{
    return tensor->n * tensor->h * tensor->w;
}

/* Pixels copied at a time: their channels stay in the cache while one plane after the other is read or
 * written. */
enum { PIXELS = 64 };

static int64_t pixels_from(int64_t first, int64_t plane)
{
    return plane - first < PIXELS ? plane - first : PIXELS;
}

void tensor_from_nchw(struct tensor *tensor, const float *nchw)
{
    int64_t plane = tensor->h * tensor->w;
    for (int64_t n = 0; n < tensor->n; n++, nchw += tensor->c * plane)
        for (int64_t first = 0; first < plane; first += PIXELS) {
            float *pixels = tensor->data + (n * plane + first) * tensor->stride;
            for (int64_t c = 0; c < tensor->c; c++)
                for (int64_t p = 0; p < pixels_from(first, plane); p++)
                    pixels[p * tensor->stride + c] = nchw[c * plane + first + p];
        }
}

void tensor_to_nchw(const struct tensor *tensor, float *nchw)
{
    int64_t plane = tensor->h * tensor->w;
    for (int64_t n = 0; n < tensor->n; n++, nchw += tensor->c * plane)
        for (int64_t first = 0; first < plane; first += PIXELS) {
            const float *pixels = tensor->data + (n * plane + first) * tensor->stride;
            for (int64_t c = 0; c < tensor->c; c++)
                for (int64_t p = 0; p < pixels_from(first, plane); p++)
                    nchw[c * plane + first + p] = pixels[p * tensor->stride + c];
        }
}
