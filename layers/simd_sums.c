/* simd_sums.c - sums of short runs of floats that are far apart: the second half of kn2row.c.
 *
 * Pixels have up to four channels, so a vector has four floats for every instruction set. With fewer channels
 * the remaining lanes hold whatever follows in memory, and are not stored. */
#include "layers/simd_vector.h"

typedef float quad __attribute__((vector_size(4 * sizeof(float))));

INLINE quad load_quad(const float *from)
{
    quad v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void sum_pixels(int channels, const struct simd_sums *s)
{
    quad bias = {0};
    for (int i = 0; i < channels; i++)
        bias[i] = s->bias ? s->bias[i] : 0;
    float *y = s->y;
    for (int64_t p = 0; p < s->pixels; p++, y += s->y_step) {
        quad sum = bias;
        for (int64_t term = 0; term < s->count; term++)
            sum += load_quad(s->terms[term] + p * s->step);
        memcpy(y, &sum, (size_t)channels * sizeof *y);
    }
}

void SIMD(sums)(const struct simd_sums *s)
{
    switch (s->channels) {
    case 1:
        sum_pixels(1, s);
        break;
    case 2:
        sum_pixels(2, s);
        break;
    case 3:
        sum_pixels(3, s);
        break;
    default:
        sum_pixels(4, s);
    }
}
