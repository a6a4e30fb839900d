/* finite.h - checks for NaN and infinity. */
#ifndef LIMN_FINITE_H
#define LIMN_FINITE_H

#include "engine/base/tensor.h"

/* Whether all floats are finite. Takes a few cycles per cache line. */
bool all_finite(const float *values, size_t count);

/* The number of values of a tensor that are NaN or infinite. */
int64_t count_nonfinite(const struct tensor *tensor);

#endif
