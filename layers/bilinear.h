/* bilinear.h - the samples of an output of bilinear interpolation, and one row of outputs. The formula is in
 * bilinear.c. */
#ifndef LAYERS_BILINEAR_H
#define LAYERS_BILINEAR_H

#include "layers/layer.h"

/* Two neighbouring samples of an axis, and the weight of the second. At an edge both are the same sample. */
struct bilinear_sample {
    int64_t low, high;
    float weight; /* 0 <= weight < 1 */
};

/* Output `out` of `out_size` made from `in_size` samples. */
struct bilinear_sample bilinear_sample(int64_t out, int64_t in_size, int64_t out_size, bool align_corners);

/* Computes row `row` of the N OH rows of the output: OW pixels to y (not a->y), a->y_stride floats apart. */
void bilinear_row(const struct layer_args *a, int64_t row, float *y);

#endif
