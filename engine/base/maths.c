/* maths.c - see maths.h. */
#include "engine/base/maths.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "double is computed with more than 53 bits; on 32-bit x86, compile with -msse2 -mfpmath=sse"
#endif

/* ---- parts of numbers -------------------------------------------------------------------- */

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^n for -1022 <= n <= 1023. */
static double power_of_two(int n)
{
    return from_bits((uint64_t)(n + 1023) << 52);
}

/* The nearest integer, for |x| < 2^51: the sum has no bits below 1. */
static double nearest(double x)
{
    const double shift = 0x1.8p52;
    return x + shift - shift;
}

/* The first 26 bits of x. Products of two such numbers, and of one such with any other's rest, are exact. */
static double head(double x)
{
    return from_bits(bits_of(x) & ~((UINT64_C(1) << 27) - 1));
}

/* c[0] + c[1] z + c[2] z^2 + ...: an even number of terms. Even and odd powers are two sums, which the
 * processor adds at the same time. */
static double polynomial(const double *c, int count, double z)
{
    double z2 = z * z, even = 0, odd = 0;
    for (int i = count - 2; i >= 0; i -= 2) {
        even = even * z2 + c[i];
        odd = odd * z2 + c[i + 1];
    }
    return even + odd * z;
}
#define POLYNOMIAL(c, z) polynomial(c, sizeof(c) / sizeof *(c), z)

/* A number as an unevaluated sum, |low| at most half an ulp of high. */
struct pair {
    double high, low;
};

/* a + b without error (Knuth's 2Sum). */
static struct pair sum_of(double a, double b)
{
    double high = a + b, b_in = high - a;
    return (struct pair){high, (a - (high - b_in)) + (b - b_in)};
}

/* a - q b, where q = a / b rounded (Dekker's product): what the division leaves. */
static double remainder_of(double a, double q, double b)
{
    double q1 = head(q), q2 = q - q1, b1 = head(b), b2 = b - b1, product = q * b;
    return (a - product) - (((q1 * b1 - product) + q1 * b2 + q2 * b1) + q2 * b2);
}

/* ---- exp and log ------------------------------------------------------------------------- */

/* ln 2. HIGH has 33 bits, so that its product with an integer below 2^20 is exact. */
static const double LN2_HIGH = 0x1.62e42ffp-1, LN2_LOW = -0x1.718432a1b0e26p-35;

/* x = n ln 2 + r, |r| <= ln(2) / 2;  e^x = 2^n e^r;  e^r = 1 + r + r^2 (1/2! + r/3! + ... + r^11/13!).
 * The next term is below 2^-57. r = high - low, where high is exact. 2^n in two factors: the first product
 * is exact, and the second rounds where the result is below 2^-1022. */
double maths_exp(double x)
{
    static const double c[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                               1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                               1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    if (!(x < 710))
        return x + INFINITY; /* infinity, or the NaN */
    if (x < -746)
        return 0;
    double n = nearest(x * 0x1.71547652b82fep+0); /* 1 / ln 2 */
    double high = x - n * LN2_HIGH, low = n * LN2_LOW, r = high - low;
    double power = 1 + (high + (r * r * POLYNOMIAL(c, r) - low));
    int half = (int)n / 2;
    return power * power_of_two(half) * power_of_two((int)n - half);
}

/* x = 2^n m with m in sqrt(1/2) .. sqrt(2), f = m - 1, s = f / (2 + f), |s| < 0.172:
 *
 *     ln m = 2 (s + s^3/3 + s^5/5 + ...) = f - f^2/2 + s (f^2/2 + R),    R = 2 s^2 (1/3 + s^2/5 + ...)
 *
 * because 2 s = f - s f. The second form adds only small terms to f, which is exact. The next term of R is
 * below 2^-59. */
double maths_log(double x)
{
    static const double c[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                               2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
    if (!(x > 0))
        return x == 0 ? -INFINITY : NAN;
    if (x == INFINITY)
        return x;
    int n = -1023;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        n -= 54;
    }
    n += (int)(bits_of(x) >> 52);
    double m = from_bits((bits_of(x) & ((UINT64_C(1) << 52) - 1)) | bits_of(1));
    if (m > 1.4142135623730951) {
        m /= 2;
        n++;
    }
    double f = m - 1, s = f / (2 + f), s2 = s * s, half = f * f / 2;
    double rest = s * (half + s2 * POLYNOMIAL(c, s2));
    return n * LN2_HIGH - ((half - (rest + n * LN2_LOW)) - f);
}

double maths_power(double x, double y)
{
    return maths_exp(y * maths_log(x));
}

/* ---- sin and cos ------------------------------------------------------------------------- */

/* Sets *r to x - n pi/2, |r| <= pi/4, where n is the nearest integer; returns n modulo 4. pi/2 is in three
 * parts, of which the first two have 33 bits: their products with n are exact. */
static int reduce(double x, struct pair *r)
{
    double n = nearest(x * 0x1.45f306dc9c883p-1); /* 2 / pi */
    struct pair rest = sum_of(x - n * 0x1.921fb544p+0, -n * 0x1.0b4611a6p-34);
    *r = sum_of(rest.high, rest.low - n * 0x1.3198a2e037073p-69);
    return (int)n & 3;
}

/* sin r = r - r^3/3! + ... + r^17/17!; the low part counts by the derivative, 1 - r^2/2. */
static double sine(struct pair r)
{
    static const double c[] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
    double x = r.high, x2 = x * x;
    return x + (x * x2 * POLYNOMIAL(c, x2) + r.low * (1 - x2 / 2));
}

/* cos r = 1 - r^2/2! + r^4/4! - ... - r^18/18!; the low part counts by the derivative, -r. */
static double cosine(struct pair r)
{
    static const double c[] = {
        1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
        1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
    double x = r.high, x2 = x * x;
    struct pair first = sum_of(1, -x2 / 2);
    return first.high + (first.low + (x2 * x2 * POLYNOMIAL(c, x2) - x * r.low));
}

/* The sine of x + quarters pi/2. */
static double sine_from(double x, int quarters)
{
    struct pair r;
    if (!(fabs(x) <= 1024))
        return NAN;
    int n = reduce(x, &r) + quarters;
    double y = n & 1 ? cosine(r) : sine(r);
    return n & 2 ? -y : y;
}

double maths_sin(double x)
{
    return fabs(x) < 0x1p-27 ? x : sine_from(x, 0); /* -0 stays */
}

double maths_cos(double x)
{
    return sine_from(x, 1);
}

/* ---- atan2 ------------------------------------------------------------------------------- */

/* atan(i / 8). The last is pi/4. */
static const struct pair arcs[9] = {
    {0, 0},
    {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
    {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
    {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
    {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
    {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
    {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
    {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
    {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
};

/* base + sign * atan(y / x) for 0 <= y <= x, x > 0. With c = i / 8 next to y / x,
 *
 *     atan(y / x) = atan c + atan u,    u = (y - c x) / (x + c y),    |u| <= 1/16
 *
 * and atan u = u - u^3/3 + ... + u^13/13. Everything but the small terms is kept as pairs. The products with
 * c, which has 4 bits, are exact on the heads and the rests of x and y. */
static double add_arc(struct pair base, double sign, double y, double x)
{
    static const double terms[] = {-1.0 / 3, 1.0 / 5, -1.0 / 7, 1.0 / 9, -1.0 / 11, 1.0 / 13};
    int i = (int)nearest(8 * (y / x));
    double c = i / 8.0;
    struct pair over = sum_of(y - c * head(x), -c * (x - head(x)));
    struct pair under = sum_of(x, c * head(y));
    under = sum_of(under.high, under.low + c * (y - head(y)));
    double u = over.high / under.high, u2 = u * u;
    double u_low = (remainder_of(over.high, u, under.high) + (over.low - u * under.low)) / under.high;
    struct pair first = sum_of(base.high, sign * arcs[i].high), all = sum_of(first.high, sign * u);
    double low = arcs[i].low + (u_low + u * u2 * POLYNOMIAL(terms, u2));
    return all.high + (all.low + (first.low + (base.low + sign * low)));
}

/* For the first quadrant, from the nearer axis; then mirrored. */
double maths_atan2(double y, double x)
{
    static const struct pair zero = {0, 0}, half_pi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
                             pi = {0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53};
    double ax = fabs(x), ay = fabs(y), most = ax > ay ? ax : ay;
    bool left = signbit(x), steep = ay > ax;
    if (x != x || y != y)
        return NAN;
    if (most == INFINITY) { /* only the direction counts */
        ax = ax == INFINITY;
        ay = ay == INFINITY;
    } else if (most == 0) {
        ax = 1;
    } else {
        int exponent =
            (int)(bits_of(most) >> 52) - 1023; /* scale by 2^-exponent, so that no product overflows */
        double scale = power_of_two(exponent < 1023 ? -exponent : -1022);
        ax *= scale;
        ay *= scale;
    }
    double angle =
        steep ? add_arc(half_pi, left ? 1 : -1, ax, ay) : add_arc(left ? pi : zero, left ? -1 : 1, ay, ax);
    return copysign(angle, y);
}
