/* simd_pixel.c - the inner loops of operators that are bound by memory, or by a transcendental function:
 * over the channels of one pixel.
 *
 * exp is computed as 2^n e^r with n = round(x / ln 2) and a polynomial for e^r, |r| <= ln(2) / 2, whose
 * coefficients are those of Cephes' expf (S. Moshier): within two units in the last place. */
#include "layers/simd_vector.h"

INLINE vector smallest(vector a, float limit)
{
    int_vector above = a > limit; /* false for a NaN, which is kept */
    return (vector)(((int_vector)a & ~above) | ((int_vector)((vector){0} + limit) & above));
}

INLINE vector exponential(vector x)
{
    const float round = 12582912.0F; /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
    int_vector vanishes = x < -87;
    x = smallest(x, 88);
    vector shifted = x * 1.44269504F + round, n = shifted - round;
    vector r = x - n * 0.693359375F + n * 2.12194440e-4F; /* ln 2 in two parts, the first exact */
    vector p = 1.9875691500e-4F * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    int_vector exponent = (int_vector)shifted - (int_vector)((vector){0} + round);
    vector power = (p * r * r + r + 1) * (vector)((exponent + 127) << 23);
    return (vector)((int_vector)power & ~vanishes);
}

/* tanh x = (1 - e) / (1 + e) with e = exp(-2 x); where that cancels, the series to x^9. */
INLINE vector hyperbolic_tangent(vector x)
{
    vector e = exponential(-2 * x), xx = x * x;
    vector far = (1 - e) / (1 + e);
    vector near = x * (1 + xx * (-1.0F / 3 + xx * (2.0F / 15 + xx * (-17.0F / 315 + xx * (62.0F / 2835)))));
    int_vector is_near = xx < 0.0625F;
    return (vector)(((int_vector)near & is_near) | ((int_vector)far & ~is_near));
}

void SIMD(apply_tanh_or_sigmoid)(const struct epilogue *e, int64_t channels, float *y)
{
    for (int64_t c = 0; c < channels; c += VECTOR_FLOATS) {
        int64_t count = channels - c < VECTOR_FLOATS ? channels - c : VECTOR_FLOATS;
        vector v = load_part(y + c, count);
        v = e->activation == ACTIVATION_TANH ? hyperbolic_tangent(v) : 1 / (1 + exponential(-v));
        if (e->scale)
            v = v * load_part(e->scale + c, count) + load_part(e->shift + c, count);
        store_part(y + c, v, count);
    }
}

void SIMD(accumulate)(const float *x, int64_t count, float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= count; i += VECTOR_FLOATS)
        store(y + i, load(y + i) + load(x + i));
    for (; i < count; i++)
        y[i] += x[i];
}

/* Half as many doubles as a vector has floats. */
typedef float half_vector __attribute__((vector_size(sizeof(vector) / 2)));
typedef double double_vector __attribute__((vector_size(sizeof(vector))));

/* Adds some neighbouring pixels to sums, which stay in L1: several at a time, so that a sum is loaded less
 * often than x. */
INLINE void add_pixels(int pixels, const float *x, int64_t x_stride, int64_t channels, double *sums)
{
    enum { LANES = VECTOR_FLOATS / 2 };
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        double_vector sum;
        memcpy(&sum, sums + c, sizeof sum);
        UNROLL for (int p = 0; p < pixels; p++)
        {
            half_vector v;
            memcpy(&v, x + p * x_stride + c, sizeof v);
            sum += __builtin_convertvector(v, double_vector);
        }
        memcpy(sums + c, &sum, sizeof sum);
    }
    for (; c < channels; c++)
        for (int p = 0; p < pixels; p++)
            sums[c] += (double)x[p * x_stride + c];
}

void SIMD(total)(const float *x, int64_t x_stride, int64_t pixels, int64_t channels, double *sums)
{
    enum { TOGETHER = 4 };
    int64_t p = 0;
    memset(sums, 0, (size_t)channels * sizeof *sums);
    for (; p + TOGETHER <= pixels; p += TOGETHER)
        add_pixels(TOGETHER, x + p * x_stride, x_stride, channels, sums);
    for (; p < pixels; p++)
        add_pixels(1, x + p * x_stride, x_stride, channels, sums);
}

/* A NaN in either gives NaN. */
void SIMD(maximum)(const float *x, int64_t count, float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= count; i += VECTOR_FLOATS) {
        vector a = load(x + i), b = load(y + i);
        int_vector take =
            (a > b) | (a != a); /* NOLINT(misc-redundant-expression): a NaN is not equal to itself */
        store(y + i, (vector)(((int_vector)a & take) | ((int_vector)b & ~take)));
    }
    for (; i < count; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
}

INLINE void blend_vector(const float *const corners[4], const float weights[4], int64_t i, float *y)
{
    store(y + i, weights[0] * load(corners[0] + i) + weights[1] * load(corners[1] + i) +
                     weights[2] * load(corners[2] + i) + weights[3] * load(corners[3] + i));
}

void SIMD(blend)(const float *const corners[4], const float weights[4], int64_t count, float *y)
{
    int64_t i = 0;
    for (; i + VECTOR_FLOATS <= count; i += VECTOR_FLOATS)
        blend_vector(corners, weights, i, y);
    if (i < count && count > VECTOR_FLOATS) { /* the last vector repeats some of the one before */
        blend_vector(corners, weights, count - VECTOR_FLOATS, y);
        return;
    }
    for (; i < count; i++)
        y[i] = weights[0] * corners[0][i] + weights[1] * corners[1][i] + weights[2] * corners[2][i] +
               weights[3] * corners[3][i];
}

void SIMD(softmax)(const float *x, int64_t channels, float *y)
{
    float largest = x[0], total = 0;
    for (int64_t c = 1; c < channels; c++)
        largest = x[c] > largest ? x[c] : largest;
    vector sums = {0};
    int64_t whole = channels - channels % VECTOR_FLOATS, left = channels - whole;
    for (int64_t c = 0; c < whole; c += VECTOR_FLOATS) {
        vector e = exponential(load(x + c) - largest);
        sums += e;
        store(y + c, e);
    }
    if (left)
        store_part(y + whole, exponential(load_part(x + whole, left) - largest), left);
    for (int i = 0; i < VECTOR_FLOATS; i++)
        total += sums[i];
    for (int64_t c = whole; c < channels; c++)
        total += y[c];
    float factor = 1 / total;
    for (int64_t c = 0; c < whole; c += VECTOR_FLOATS)
        store(y + c, load(y + c) * factor);
    for (int64_t c = whole; c < channels; c++)
        y[c] *= factor;
}

/* x times 0 is NaN for NaN and infinity, else 0, and a NaN stays in the sum: one multiply-add a vector. */
bool SIMD(finite)(const float *x, int64_t count)
{
    enum { SUMS = 4 };
    vector sums[SUMS] = {{0}};
    float rest = 0;
    int64_t i = 0;
    for (; i + SUMS * VECTOR_FLOATS <= count; i += SUMS * VECTOR_FLOATS)
        for (int s = 0; s < SUMS; s++)
            sums[s] += load(x + i + s * VECTOR_FLOATS) * 0.0F;
    for (; i < count; i++)
        rest += x[i] * 0.0F;
    vector sum = sums[0] + sums[1] + sums[2] + sums[3];
    for (int lane = 0; lane < VECTOR_FLOATS; lane++)
        rest += sum[lane];
    return rest == 0;
}
