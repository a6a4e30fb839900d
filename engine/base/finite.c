/* finite.c - see finite.h. */
#include "engine/base/finite.h"
#include "layers/simd.h"

#include <math.h>

bool all_finite(const float *values, size_t count)
{
    return simd()->finite(values, (int64_t)count);
}

int64_t count_nonfinite(const struct tensor *tensor)
{
    int64_t pixels = tensor_pixels(tensor), count = 0;
    if (tensor->stride == tensor->c && all_finite(tensor->data, (size_t)(pixels * tensor->c)))
        return 0;
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < tensor->c; c++)
            count += !isfinite(tensor->data[p * tensor->stride + c]);
    return count;
}
