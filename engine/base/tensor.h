/* tensor.h - four axes of floats, NHWC, owned or borrowed. */
#ifndef LIMN_TENSOR_H
#define LIMN_TENSOR_H

#include "engine/base/status.h"

struct tensor {
    float *data; /* pixel (n, h, w) begins at ((n * H + h) * W + w) * stride */
    int64_t n, h, w, c;
    int64_t stride; /* floats from one pixel to the next: c, or more in a slice of a wider tensor */
    bool owned;
};

/* Allocates a tensor; the values are undefined. LIMN_E_INPUT if a side is not positive, LIMN_E_MEMORY. */
limn_status tensor_create(int64_t n, int64_t h, int64_t w, int64_t c, struct tensor *tensor,
                          limn_error *error);

/* Borrows `data`. */
struct tensor tensor_view(float *data, int64_t n, int64_t h, int64_t w, int64_t c, int64_t stride);

/* Frees the memory if the tensor owns it, and clears the struct. */
void tensor_free(struct tensor *tensor);

int64_t tensor_pixels(const struct tensor *tensor);

/* Copies dense NCHW, the order of files and the public interface, into or out of the tensor. */
void tensor_from_nchw(struct tensor *tensor, const float *nchw);
void tensor_to_nchw(const struct tensor *tensor, float *nchw);

/* *bytes = the size of n*h*w*c floats; false if a side is not positive or the product exceeds int64_t.
 * SIZE_MAX if it exceeds size_t only. */
bool tensor_bytes(int64_t n, int64_t h, int64_t w, int64_t c, size_t *bytes);

#endif
