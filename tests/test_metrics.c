/* test_metrics.c - figures of pictures against scikit-image (goldens: tools/reference/golden_colour.py) and
 * against their definitions, and of masks counted by hand. Run from the repository's root. */
#include "engine/base/memory.h"
#include "engine/pixels/metrics.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[2] = {"a.png", "b.png"};

static struct picture make_picture(int64_t width, int64_t height, int channels)
{
    struct picture picture;
    assert_ok(picture_create(width, height, channels, &picture, error));
    memset(picture.pixels, 0, (size_t)(width * height * channels));
    return picture;
}

static unsigned noise(uint32_t x, uint32_t y, uint32_t c, uint32_t seed)
{
    return (x * x * 31 + y * y * 17 + x * y * 7 + c * 85 + seed) * 2654435761u >> 24;
}

/* The two pictures that the Python side computes too. */
static void make_pair(int64_t width, int64_t height, struct picture pair[2])
{
    for (int i = 0; i < 2; i++)
        pair[i] = make_picture(width, height, 3);
    for (uint32_t y = 0, at = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++, at++) {
                pair[0].pixels[at] = (unsigned char)noise(x, y, c, 0);
                pair[1].pixels[at] = (unsigned char)((noise(x, y, c, 0) * 3 + noise(x, y, c, 12345)) / 4);
            }
}

static void free_pair(struct picture pair[2])
{
    picture_free(&pair[0]);
    picture_free(&pair[1]);
}

static void check_figure(const char *what, const struct picture *picture, double got, double want,
                         double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_with("%s of %lld x %lld: want %.9f, got %.9f", what, (long long)picture->width,
                  (long long)picture->height, want, got);
}

/* Nine digits are stored; Delta-E starts from Lab in float32. */
static void test_goldens(void **state)
{
    (void)state;
    FILE *file = fopen("tests/goldens/metrics.txt", "r");
    assert_non_null(file);
    int cases = 0;
    long long width, height;
    double mse, psnr, ssim, delta_e;
    for (; fscanf(file, "%lld %lld %lf %lf %lf %lf", &width, &height, &mse, &psnr, &ssim, &delta_e) == 6;
         cases++) {
        struct picture pair[2];
        struct picture_figures figures;
        make_pair(width, height, pair);
        assert_ok(picture_compare(pair, names, &figures, error));
        check_figure("MSE", &pair[0], figures.mse, mse, 1e-6);
        check_figure("PSNR", &pair[0], figures.psnr, psnr, 1e-6);
        check_figure("SSIM", &pair[0], figures.ssim, ssim, 1e-8);
        check_figure("Delta-E", &pair[0], figures.delta_e, delta_e, 1e-5);
        free_pair(pair);
    }
    fclose(file);
    assert_int_equal(cases, 5);
}

static void test_equal(void **state)
{
    (void)state;
    struct picture pair[2];
    struct picture_figures figures;
    make_pair(19, 11, pair);
    memcpy(pair[1].pixels, pair[0].pixels, 19 * 11 * 3);
    assert_ok(picture_compare(pair, names, &figures, error));
    assert_true(figures.mse == 0 && figures.delta_e == 0);
    assert_true(isinf(figures.psnr) && figures.psnr > 0);
    assert_true(fabs(figures.ssim - 1) < 1e-12);
    assert_true(figures.colourfulness[0] == figures.colourfulness[1]);
    free_pair(pair);
}

static void test_small(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {6, 9}, {9, 6}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture pair[2];
        struct picture_figures figures;
        make_pair(sizes[i][0], sizes[i][1], pair);
        assert_ok(picture_compare(pair, names, &figures, error));
        assert_true(isnan(figures.ssim));
        assert_true(isfinite(figures.mse) && isfinite(figures.delta_e));
        free_pair(pair);
    }
}

/* One of two pictures gets an alpha channel: no figure changes. */
static void test_alpha_is_ignored(void **state)
{
    (void)state;
    struct picture pair[2], seen[2];
    struct picture_figures plain, figures;
    make_pair(9, 8, pair);
    assert_ok(picture_compare(pair, names, &plain, error));
    for (int with_alpha = 0; with_alpha < 2; with_alpha++) {
        struct picture rgba = make_picture(9, 8, 4);
        for (int i = 0; i < 9 * 8; i++) {
            memcpy(rgba.pixels + 4 * i, pair[with_alpha].pixels + 3 * i, 3);
            rgba.pixels[4 * i + 3] = (unsigned char)i;
        }
        memcpy(seen, pair, sizeof seen);
        seen[with_alpha] = rgba;
        assert_ok(picture_compare(seen, names, &figures, error));
        assert_memory_equal(&figures, &plain, sizeof plain);
        picture_free(&rgba);
    }
    free_pair(pair);
}

/* A picture half red, half blue: rg is 255 and 0, yb 127.5 and -255. A grey one has no colour. */
static void test_colourfulness(void **state)
{
    (void)state;
    struct picture pair[2] = {make_picture(4, 3, 3), make_picture(4, 3, 3)};
    struct picture_figures figures;
    for (int i = 0; i < 12; i++) {
        pair[0].pixels[3 * i + (i % 2 ? 2 : 0)] = 255;
        memset(pair[1].pixels + 3 * i, 20 * i, 3);
    }
    assert_ok(picture_compare(pair, names, &figures, error));
    double want = sqrt(127.5 * 127.5 + 191.25 * 191.25) + 0.3 * sqrt(127.5 * 127.5 + 63.75 * 63.75);
    check_figure("colourfulness", &pair[0], figures.colourfulness[0], want, 1e-9);
    check_figure("colourfulness", &pair[1], figures.colourfulness[1], 0, 0);
    free_pair(pair);
}

static void test_sizes_differ(void **state)
{
    (void)state;
    struct picture pair[2] = {make_picture(4, 3, 3), make_picture(3, 4, 3)};
    struct picture_figures figures;
    struct mask_counts counts = {0};
    assert_fails(picture_compare(pair, names, &figures, error), LIMN_E_INPUT,
                 "a.png has 4 x 3 pixels, b.png 3 x 4");
    assert_fails(mask_compare(pair, names, &counts, error), LIMN_E_INPUT,
                 "a.png has 4 x 3 pixels, b.png 3 x 4");
    free_pair(pair);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct picture pair[2];
    make_pair(9, 9, pair);
    size_t before = mem_in_use();
    limn_status status = LIMN_E_MEMORY;
    int nth = 1;
    for (; status != LIMN_OK; nth++) {
        struct picture_figures figures;
        fault_at(FAULT_MEMORY, nth, false);
        status = picture_compare(pair, names, &figures, NULL);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
        assert_int_equal(mem_in_use(), before);
    }
    assert_true(nth > 2);
    free_pair(pair);
}

/* ---- masks ------------------------------------------------------------------------------- */

/*     predicted 0 0 1 1 7 2 9      agreed: one 0, one 1, one 7; the last pixel does not count
 *     truth     0 1 1 2 7 7 255    class 9 is nowhere else, and so in neither */
static void test_mask_figures(void **state)
{
    (void)state;
    unsigned char predicted[] = {0, 0, 1, 1, 7, 2, 9}, truth[] = {0, 1, 1, 2, 7, 7, 255};
    struct picture masks[2] = {{.width = 7, .height = 1, .channels = 1, .pixels = predicted},
                               {.width = 7, .height = 1, .channels = 1, .pixels = truth}};
    struct mask_counts counts = {0}, twice = {0};
    assert_ok(mask_compare(masks, names, &counts, error));
    static const struct {
        int label;
        double iou, dice;
    } want[] = {{0, 1. / 2, 2. / 3}, {1, 1. / 3, 1. / 2}, {2, 0, 0}, {7, 1. / 2, 2. / 3}};
    double iou = 0, dice = 0;
    for (size_t i = 0; i < 4; i++) {
        check_figure("IoU", &masks[0], mask_iou(&counts, want[i].label), want[i].iou, 1e-12);
        check_figure("Dice", &masks[0], mask_dice(&counts, want[i].label), want[i].dice, 1e-12);
        iou += want[i].iou / 4;
        dice += want[i].dice / 4;
    }
    assert_true(isnan(mask_iou(&counts, 9)) && isnan(mask_dice(&counts, 255)));
    mask_counts_add(&twice, &counts);
    mask_counts_add(&twice, &counts);
    const struct mask_counts *both[] = {&counts, &twice};
    for (int i = 0; i < 2; i++) {
        struct mask_figures figures = mask_figures(both[i]);
        check_figure("mean IoU", &masks[0], figures.iou, iou, 1e-12);
        check_figure("mean Dice", &masks[0], figures.dice, dice, 1e-12);
        check_figure("accuracy", &masks[0], figures.accuracy, 3. / 6, 1e-12);
    }
}

static void test_mask_all_ignored(void **state)
{
    (void)state;
    unsigned char predicted[] = {0, 1}, truth[] = {255, 255};
    struct picture masks[2] = {{.width = 2, .height = 1, .channels = 1, .pixels = predicted},
                               {.width = 2, .height = 1, .channels = 1, .pixels = truth}};
    struct mask_counts counts = {0};
    assert_ok(mask_compare(masks, names, &counts, error));
    struct mask_figures figures = mask_figures(&counts);
    assert_true(isnan(figures.iou) && isnan(figures.dice) && isnan(figures.accuracy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_alpha_is_ignored),
        cmocka_unit_test(test_colourfulness),
        cmocka_unit_test(test_sizes_differ),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_mask_figures),
        cmocka_unit_test(test_mask_all_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
