/* bilinear.h - where an output of bilinear interpolation looks, and one row of outputs: the formula is in
 * bilinear.c. */
#ifndef LAYERS_BILINEAR_H
#define LAYERS_BILINEAR_H

#include "layers/layer.h"

/* Two neighbouring samples of an axis, and the weight of the second; they are the same one at an edge. */
struct bilinear_sample {
    int64_t low, high;
    float weight; /* 0 <= weight < 1 */
};

/* Output `out` of `out_size` made from `in_size` samples. */
struct bilinear_sample bilinear_sample(int64_t out, int64_t in_size, int64_t out_size, bool align_corners);

/* Row `row` of the N OH rows of the output: OW pixels, a->y_stride floats apart, to y instead of a->y. */
void bilinear_row(const struct layer_args *a, int64_t row, float *y);

#endif
