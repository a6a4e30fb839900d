/* test_maths.c - the functions of maths.h: errors against the C library's long double, special values, and
 * the same bits on every system. */
#include "engine/base/maths.h"
#include "tests/support.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- arguments --------------------------------------------------------------------------- */

/* Numbers in both halves of a range, or sign * 2^exponent * mantissa with exponents in a range. */
struct range {
    double low, high;
    bool exponents;
};

/* Exact in binary64: a multiplication and a sum round the same everywhere. */
static double pick(struct random *random, const struct range *range)
{
    double part = (double)random_below(random, INT64_C(1) << 52) * 0x1p-52;
    if (!range->exponents)
        return range->low + part * (range->high - range->low);
    int64_t span = (int64_t)(range->high - range->low);
    double size = ldexp(1 + part, (int)(random_below(random, span) + (int64_t)range->low));
    return random_below(random, 2) ? size : -size;
}

enum function { EXP, LOG, SIN, COS, ATAN2, POWER };

static double value(enum function function, double x, double y)
{
    switch (function) {
    case EXP:
        return maths_exp(x);
    case LOG:
        return maths_log(fabs(x));
    case SIN:
        return maths_sin(x);
    case COS:
        return maths_cos(x);
    case ATAN2:
        return maths_atan2(y, x);
    default:
        return maths_power(fabs(x), fabs(y));
    }
}

static long double exact(enum function function, double x, double y)
{
    switch (function) {
    case EXP:
        return expl((long double)x);
    case LOG:
        return logl(fabsl((long double)x));
    case SIN:
        return sinl((long double)x);
    case COS:
        return cosl((long double)x);
    case ATAN2:
        return atan2l((long double)y, (long double)x);
    default:
        return powl(fabsl((long double)x), fabsl((long double)y));
    }
}

/* `sum`: FNV-1a of the bits of all results. */
static const struct test {
    const char *name;
    enum function function;
    struct range x, y;
    uint64_t sum;
} tests[] = {
    {"exp", EXP, {-745, 709.7, false}, {0, 0, false}, UINT64_C(0x3cc9d43c39e9eb5e)},
    {"exp near 0", EXP, {-60, 0, true}, {0, 0, false}, UINT64_C(0x906dc8d1d1afd619)},
    {"log", LOG, {-1070, 1023, true}, {0, 0, false}, UINT64_C(0xea7b8ca008f5eb59)},
    {"log near 1", LOG, {0.25, 4, false}, {0, 0, false}, UINT64_C(0x6f0cbd0d932109f7)},
    {"sin", SIN, {-40, 40, false}, {0, 0, false}, UINT64_C(0xe81222942c596609)},
    {"sin of all sizes", SIN, {-60, 10, true}, {0, 0, false}, UINT64_C(0x650450f3bdda9b63)},
    {"cos", COS, {-40, 40, false}, {0, 0, false}, UINT64_C(0x865b3b45f778af42)},
    {"cos of all sizes", COS, {-60, 10, true}, {0, 0, false}, UINT64_C(0x85990725869439e4)},
    {"atan2", ATAN2, {-2, 2, false}, {-2, 2, false}, UINT64_C(0xf08469f28746ee66)},
    {"atan2 of all sizes", ATAN2, {-400, 400, true}, {-400, 400, true}, UINT64_C(0xdd7b903eab5041ac)},
    {"power", POWER, {0, 1, false}, {0.3, 3, false}, UINT64_C(0xc4e4346f122129dc)},
};
enum { TESTS = sizeof tests / sizeof *tests, SAMPLES = 200000 };

/* ---- tests ------------------------------------------------------------------------------- */

static void test_bits(void **state)
{
    (void)state;
    for (const struct test *test = tests; test < tests + TESTS; test++) {
        struct random random = {1};
        uint64_t sum = UINT64_C(0xcbf29ce484222325);
        for (int i = 0; i < SAMPLES; i++) {
            double x = pick(&random, &test->x), y = test->y.high != 0 ? pick(&random, &test->y) : 0;
            double got = value(test->function, x, y);
            uint64_t bits;
            memcpy(&bits, &got, sizeof bits);
            sum = (sum ^ bits) * UINT64_C(0x100000001b3);
        }
        if (sum != test->sum)
            fail_with("%s: the sum of the bits is %016" PRIx64 ", want %016" PRIx64, test->name, sum,
                      test->sum);
    }
}

/* |got - exact| in ulp of a double of the size of `exact`. Long double must have 64 bits or more. */
static double error_of(double got, long double want)
{
    int exponent;
    (void)frexpl(want, &exponent);
    return (double)ldexpl(fabsl((long double)got - want), 53 - (exponent < -1021 ? -1021 : exponent));
}

/* Whether the C library's long double can be the reference. Results are the same everywhere (test_bits), so
 * one system is enough: LIMN_TEST_QUICK is set under an emulator, where it is slow. */
static bool has_reference(void)
{
    return LDBL_MANT_DIG >= 64 && !getenv("LIMN_TEST_QUICK");
}

static void test_errors(void **state)
{
    (void)state;
    if (!has_reference())
        skip();
    for (const struct test *test = tests; test < tests + TESTS; test++) {
        struct random random = {2};
        for (int i = 0; i < SAMPLES; i++) {
            double x = pick(&random, &test->x), y = test->y.high != 0 ? pick(&random, &test->y) : 0;
            long double want = exact(test->function, x, y);
            double got = value(test->function, x, y), error = error_of(got, want);
            /* A relative error of 2^-52 is up to two ulp. */
            double most = test->function == POWER ? 2 * (1 + fabs((double)logl(want))) : 1;
            if (!(error < most))
                fail_with("%s of %a, %a: want %.17g, got %.17g, %.3f ulp from it", test->name, x, y,
                          (double)want, got, error);
        }
    }
}

/* Next to the multiples of pi/2, nearly all bits of the argument cancel. */
static void test_multiples_of_pi(void **state)
{
    (void)state;
    if (!has_reference())
        skip();
    for (int n = -651; n <= 651; n++) {
        double x = n * 1.5707963267948966;
        assert_true(error_of(maths_sin(x), sinl((long double)x)) < 1);
        assert_true(error_of(maths_cos(x), cosl((long double)x)) < 1);
    }
}

static bool same(double a, double b)
{
    return (a != a && b != b) || (a == b && signbit(a) == signbit(b));
}

static void test_special_values(void **state)
{
    static const double pi = 3.141592653589793;
    (void)state;
    assert_true(same(maths_exp(0), 1) && same(maths_exp(-0.0), 1));
    assert_true(same(maths_exp(INFINITY), INFINITY) && same(maths_exp(710), INFINITY));
    assert_true(same(maths_exp(-INFINITY), 0) && same(maths_exp(-750), 0) && same(maths_exp(NAN), NAN));
    assert_true(same(maths_log(1), 0) && same(maths_log(INFINITY), INFINITY) && same(maths_log(NAN), NAN));
    assert_true(same(maths_log(0), -INFINITY) && same(maths_log(-0.0), -INFINITY));
    assert_true(same(maths_log(-1), NAN) && same(maths_log(-INFINITY), NAN));
    assert_true(same(maths_power(0, 2.4), 0) && same(maths_power(1, 2.4), 1));
    assert_true(same(maths_power(INFINITY, 0.5), INFINITY) && same(maths_power(-1, 2), NAN));
    assert_true(same(maths_sin(0), 0) && same(maths_sin(-0.0), -0.0) && same(maths_cos(-0.0), 1));
    assert_true(same(maths_sin(INFINITY), NAN) && same(maths_cos(-INFINITY), NAN));
    assert_true(same(maths_sin(NAN), NAN) && same(maths_cos(NAN), NAN) && same(maths_sin(1025), NAN));
    for (int sign = -1; sign <= 1; sign += 2) {
        double zero = copysign(0, sign), infinity = copysign(INFINITY, sign);
        assert_true(same(maths_atan2(zero, 0), zero) && same(maths_atan2(zero, 3), zero));
        assert_true(same(maths_atan2(zero, -0.0), sign * pi) && same(maths_atan2(zero, -3), sign * pi));
        assert_true(same(maths_atan2(sign, 0), sign * pi / 2) &&
                    same(maths_atan2(sign, -0.0), sign * pi / 2));
        assert_true(same(maths_atan2(sign, INFINITY), zero) && same(maths_atan2(sign, -INFINITY), sign * pi));
        assert_true(same(maths_atan2(infinity, 3), sign * pi / 2));
        assert_true(same(maths_atan2(infinity, INFINITY), sign * pi / 4));
        assert_true(same(maths_atan2(infinity, -INFINITY), sign * (3 * pi / 4)));
    }
    assert_true(same(maths_atan2(NAN, 1), NAN) && same(maths_atan2(INFINITY, NAN), NAN));
}

/* The tables of opencv.c: all entries are those of the C library's functions. */
static void test_tables(void **state)
{
    (void)state;
    for (int i = 11; i < 256; i++) {
        long double v = ((long double)(i / 255.0) + 0.055L) / 1.055L;
        assert_true(lrint(2040 * maths_power((i / 255.0 + 0.055) / 1.055, 2.4)) ==
                    lrintl(2040 * powl(v, 2.4L)));
    }
    for (int i = 0; i <= 2040; i++)
        assert_true((float)maths_power(i / 2040.0, 1.0 / 3) == (float)cbrt(i / 2040.0));
}

int main(void)
{
    const struct CMUnitTest units[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_multiples_of_pi),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(units, NULL, NULL);
}
