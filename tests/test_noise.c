/* test_noise.c - normal noise: the numbers themselves, their statistics, prefixes. */
#include "engine/pipelines/noise.h"
#include "tests/support.h"

#include <math.h>

/* From Python: statistics.NormalDist().inv_cdf of the uniform numbers of noise.h, rounded to float. */
static void test_known_values(void **state)
{
    static const struct {
        uint64_t seed;
        float values[4];
    } cases[] = {
        {UINT64_C(0), {1.19170129F, -0.172485337F, -1.9360013F, 1.89391685F}},
        {UINT64_C(1), {0.167626843F, 0.661274195F, 1.89573956F, -0.139926031F}},
        {UINT64_C(1234567), {-0.385105729F, -0.939862311F, 0.0808196366F, -0.677615821F}},
        {UINT64_C(18446744073709551615), {1.24777305F, 1.35692322F, -0.773943961F, -0.185969219F}},
        {UINT64_C(7046029254386353131), {-8.20953655F, 1.19170129F, -0.172485337F, -1.9360013F}},
        {UINT64_C(3558559446808474027), {8.20953655F, 0.681826591F, 0.858156383F, -1.96656871F}},
        {UINT64_C(17601860352445171124), {-6.44393444F, 1.32336247F, 0.861404955F, 0.439512342F}},
        {UINT64_C(3453682501520545093), {2.78291642e-16F, 0.496829927F, 1.3790406F, -0.301221073F}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float values[4];
        noise_normal(cases[i].seed, values, 4);
        for (int j = 0; j < 4; j++)
            if (values[j] != cases[i].values[j])
                fail_with("seed %llu, value %d: want %.9g, got %.9g", (unsigned long long)cases[i].seed, j,
                          (double)cases[i].values[j], (double)values[j]);
    }
}

/* A million numbers: the standard deviations of the estimates are 0.001, 0.0014, 0.0024, 0.0049. Five of them
 * are allowed. */
static void test_moments(void **state)
{
    enum { COUNT = 1000000 };
    static float values[COUNT];
    static const double want[] = {0, 1, 0, 3}, allowed[] = {0.005, 0.007, 0.0193, 0.049};
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        double sums[4] = {0};
        noise_normal(seed, values, COUNT);
        for (int i = 0; i < COUNT; i++)
            for (int power = 0; power < 4; power++)
                sums[power] += pow(values[i], power + 1);
        for (int power = 0; power < 4; power++)
            if (!(fabs(sums[power] / COUNT - want[power]) <= allowed[power]))
                fail_with("seed %d: moment %d is %g, want %g", (int)seed, power + 1, sums[power] / COUNT,
                          want[power]);
    }
}

/* How many values lie beyond one, two, three, four deviations. */
static void test_tails(void **state)
{
    enum { COUNT = 1000000 };
    static float values[COUNT];
    (void)state;
    noise_normal(99, values, COUNT);
    for (int side = -1; side <= 1; side += 2)
        for (int bound = 1; bound <= 4; bound++) {
            int64_t found = 0;
            for (int i = 0; i < COUNT; i++)
                found += values[i] * (float)side > (float)bound;
            double expected = COUNT * erfc(bound / sqrt(2.0)) / 2;
            if (fabs((double)found - expected) > 5 * sqrt(expected))
                fail_with("%lld values beyond %d, about %.0f expected", (long long)found, side * bound,
                          expected);
        }
}

static void test_prefix_and_seeds(void **state)
{
    float longer[100], shorter[10], other[100];
    int same = 0;
    (void)state;
    noise_normal(5, longer, 100);
    noise_normal(5, shorter, 10);
    noise_normal(6, other, 100);
    assert_memory_equal(longer, shorter, sizeof shorter);
    for (int i = 0; i < 100; i++)
        same += longer[i] == other[i];
    assert_int_equal(same, 0);
    noise_normal(5, shorter, 0); /* writes nothing */
    assert_memory_equal(longer, shorter, sizeof shorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_prefix_and_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
