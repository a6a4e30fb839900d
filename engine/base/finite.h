/* finite.h - NaN and infinity, found where numbers come in and where they go out. */
#ifndef LIMN_FINITE_H
#define LIMN_FINITE_H

#include "engine/base/tensor.h"

/* Whether none of the floats is NaN or infinite. Reads a cache line in a few cycles. */
bool all_finite(const float *values, size_t count);

/* How many values of a tensor are NaN or infinite. */
int64_t count_nonfinite(const struct tensor *tensor);

#endif
