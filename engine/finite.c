/* finite.c - see finite.h. */
#include "finite.h"

#include <math.h>
#include <string.h>

/* Floats looked at together, a number that compilers know and make vector code for. */
enum { TOGETHER = 64 };

/* The sign bit of the result is set for NaN and infinity: their exponent is full, and one more in its last
 * place carries into the sign, which was cleared. */
static uint32_t unfinite_bit(const float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    return (bits & UINT32_C(0x7FFFFFFF)) + UINT32_C(0x00800000);
}

bool all_finite(const float *values, size_t count)
{
    uint32_t seen = 0;
    for (; count >= TOGETHER; count -= TOGETHER, values += TOGETHER)
        for (int i = 0; i < TOGETHER; i++)
            seen |= unfinite_bit(values + i);
    for (size_t i = 0; i < count; i++)
        seen |= unfinite_bit(values + i);
    return !(seen >> 31);
}

int64_t count_unfinite(const struct tensor *tensor)
{
    int64_t pixels = tensor_pixels(tensor), count = 0;
    if (tensor->stride == tensor->c && all_finite(tensor->data, (size_t)(pixels * tensor->c)))
        return 0;
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < tensor->c; c++)
            count += !isfinite(tensor->data[p * tensor->stride + c]);
    return count;
}
