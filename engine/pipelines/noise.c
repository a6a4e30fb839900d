/* noise.c - see noise.h. */
#include "engine/pipelines/noise.h"
#include "engine/base/maths.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A ratio of two polynomials, coefficients from the highest power down. */
struct ratio {
    double over[8], under[8];
};

static double ratio_at(const struct ratio *ratio, double x)
{
    double over = 0, under = 0;
    for (int i = 0; i < 8; i++) {
        over = over * x + ratio->over[i];
        under = under * x + ratio->under[i];
    }
    return over / under;
}

/* The paper's three regions and coefficients: the middle 85%, the tails, and the tails beyond e^-25. */
static double normal_quantile(double p)
{
    static const struct ratio middle = {
        {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
         13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080},
        {5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
         5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0},
    };
    static const struct ratio tail = {
        {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
         1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590,
         1.42343711074968357734},
        {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
         1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187,
         1.0},
    };
    static const struct ratio far_tail = {
        {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
         2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990,
         6.65790464350110377720},
        {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
         7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
         5.99832206555887937690e-1, 1.0},
    };
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio_at(&middle, 0.180625 - q * q);
    double r = sqrt(-maths_log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? ratio_at(&tail, r - 1.6) : ratio_at(&far_tail, r - 5);
    return q < 0 ? -x : x;
}

void noise_normal(uint64_t seed, float *values, int64_t count)
{
    uint64_t state = seed;
    for (int64_t i = 0; i < count; i++) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t bits = mix(state);
        double u = ((double)(bits >> 12) + 0.5) * 0x1p-52;
        values[i] = (float)normal_quantile(u);
    }
}
