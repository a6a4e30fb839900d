/* test_segment.c - the classes of rows made one at a time, against a plain enlargement of all logits followed
 * by a search for the largest. */
#include "classes.h"
#include "memory.h"
#include "segment_view.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the plain way, in double ------------------------------------------------------------ */

static double logit_at(const struct tensor *x, int64_t row, int64_t column, int64_t c)
{
    return (double)x->data[(row * x->w + column) * x->stride + c];
}

/* The two samples that output `out` lies between, clamped at the edges, and the share of the second. */
static double between(int64_t out, int64_t from, int64_t to, int64_t at[2])
{
    double s = fmax(((double)out + 0.5) * (double)from / (double)to - 0.5, 0);
    at[0] = (int64_t)s;
    at[1] = at[0] + 1 < from ? at[0] + 1 : from - 1;
    return s - (double)at[0];
}

static double enlarged(const struct tensor *x, int64_t row, int64_t height, int64_t column, int64_t width,
                       int64_t c)
{
    int64_t r[2], w[2];
    double down = between(row, x->h, height, r), right = between(column, x->w, width, w);
    double top = (1 - right) * logit_at(x, r[0], w[0], c) + right * logit_at(x, r[0], w[1], c);
    double bottom = (1 - right) * logit_at(x, r[1], w[0], c) + right * logit_at(x, r[1], w[1], c);
    return (1 - down) * top + down * bottom;
}

/* Whether `class` is what the enlarged logits say; float32 may decide otherwise where two are this close. */
static bool is_right(const struct tensor *x, int64_t row, int64_t column, const struct picture *classes,
                     double threshold)
{
    const double rounding = 1e-5;
    int class = classes->pixels[row * classes->width + column];
    double chosen = enlarged(x, row, classes->height, column, classes->width, x->c > 1 ? class : 0);
    if (x->c == 1) {
        double least = log(threshold / (1 - threshold));
        return class < 2 && (class ? chosen > least - rounding : chosen <= least + rounding);
    }
    for (int64_t c = 0; c < x->c; c++)
        if (enlarged(x, row, classes->height, column, classes->width, c) > chosen + rounding)
            return false;
    return class < x->c;
}

static void check(struct pool *pool, int64_t h, int64_t w, int64_t c, int64_t height, int64_t width,
                  double threshold)
{
    struct random random = {(uint64_t)(h * 31 + w * 7 + c)};
    int64_t stride = c + 3; /* as in a slice of a wider tensor */
    struct guarded block = guarded_create(h * w * stride);
    struct tensor logits = tensor_view(block.values, 1, h, w, c, stride);
    for (int64_t p = 0; p < h * w; p++)
        random_fill(&random, block.values + p * stride, c);
    struct picture classes;
    assert_ok(picture_create(width, height, 1, &classes, error));
    memset(classes.pixels, 0xEE, (size_t)(width * height));
    assert_ok(classes_from_logits(pool, &logits, threshold, &classes, error));
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++)
            if (!is_right(&logits, row, column, &classes, threshold))
                fail_with("%lldx%lldx%lld to %lldx%lld, threshold %g: [h=%lld,w=%lld] got class %d",
                          (long long)h, (long long)w, (long long)c, (long long)height, (long long)width,
                          threshold, (long long)row, (long long)column, classes.pixels[row * width + column]);
    assert_true(guarded_intact(&block, "logits"));
    picture_free(&classes);
    guarded_free(&block);
}

static void test_against_the_plain_way(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 7, 13}, results[] = {1, 2, 5, 13, 40};
    static const int64_t classes[] = {1, 2, 3, 21, 256};
    for (int threads = 1; threads <= 2; threads++) {
        struct pool *pool;
        assert_ok(pool_create(threads, &pool, error));
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++)
                for (int k = 0; k < 5; k++)
                    check(pool, sizes[i], sizes[(i + k) % 5], classes[k], results[j], results[(j + k) % 5],
                          0.5);
        check(pool, 5, 4, 1, 17, 19, 0.7);
        check(pool, 5, 4, 1, 17, 19, 0.01);
        pool_free(pool);
    }
}

/* At the logits' own size nothing is blended: the very numbers are compared, and the first of equals wins. */
static void test_own_size_is_exact(void **state)
{
    (void)state;
    float values[] = {1, 1, 0.99999994F, /**/ 0, 0.5F, 0.50000006F, /**/ -2, -3, -2, /**/ -1e30F, 0, 1e-30F};
    static const unsigned char want[] = {0, 2, 0, 2};
    struct tensor logits = tensor_view(values, 1, 2, 2, 3, 3);
    struct pool *pool;
    struct picture classes;
    assert_ok(pool_create(1, &pool, error));
    assert_ok(picture_create(2, 2, 1, &classes, error));
    assert_ok(classes_from_logits(pool, &logits, 0.5, &classes, error));
    assert_memory_equal(classes.pixels, want, sizeof want);
    picture_free(&classes);
    pool_free(pool);
}

static void test_without_memory(void **state)
{
    (void)state;
    float values[4] = {0};
    struct tensor logits = tensor_view(values, 1, 2, 2, 1, 1);
    struct pool *pool;
    struct picture classes;
    assert_ok(pool_create(1, &pool, error));
    assert_ok(picture_create(2, 2, 1, &classes, error));
    for (int nth = 1; nth <= 2; nth++) {
        mem_fail_at(nth, false);
        assert_fails(classes_from_logits(pool, &logits, 0.5, &classes, error), LIMN_E_MEMORY, "logits");
    }
    mem_fail_at(0, false);
    picture_free(&classes);
    pool_free(pool);
}

/* ---- views ------------------------------------------------------------------------------- */

/* Each allocation fails once: a message, nothing painted, nothing kept; then the view is painted. */
static void test_views_without_memory(void **state)
{
    (void)state;
    struct labels labels = {.count = 3, .names = {"background", "cat", "dog"}};
    struct mask_values values = {.channels = 3, .colours = {{0}, {1, 1, 1}, {2, 2, 2}}};
    struct picture source, classes, painted;
    assert_ok(picture_create(9, 4, 4, &source, error));
    assert_ok(picture_create(9, 4, 1, &classes, error));
    memset(source.pixels, 77, 9 * 4 * 4);
    for (int p = 0; p < 36; p++)
        classes.pixels[p] = (unsigned char)(p % 3);
    size_t before = mem_in_use();
    for (enum segment_view view = 0; view < VIEWS; view++) {
        limn_status status = LIMN_E_MEMORY;
        for (int nth = 1; status == LIMN_E_MEMORY; nth++) {
            mem_fail_at(nth, false);
            status = segment_paint(view, &source, &classes, &labels, &values, &painted, NULL);
            mem_fail_at(0, false);
            assert_true(nth < 10);
            assert_int_equal(painted.pixels != NULL, status == LIMN_OK);
        }
        assert_int_equal(status, LIMN_OK);
        assert_true(painted.height >= 4 && painted.width >= 9);
        picture_free(&painted);
        assert_int_equal(mem_in_use(), before);
    }
    picture_free(&source);
    picture_free(&classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_plain_way),
        cmocka_unit_test(test_own_size_is_exact),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_views_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
