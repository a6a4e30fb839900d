/* test_feature_sheet.c - feature maps on a sheet: every pixel of every tile, what is no number, memory. */
#include "engine/base/memory.h"
#include "engine/inspect/feature_sheet.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where feature_sheet.h and sheet.h put tiles when the heading has `lines` lines. */
enum { MARGIN = 8, LINE = 14, CAPTION = 4 + 10, BETWEEN = 8 };

struct layout {
    int64_t width, height, columns, lines; /* of a tile, and of the sheet */
};

static const unsigned char *tile_pixel(const struct picture *sheet, const struct layout *layout, int64_t tile,
                                       int64_t x, int64_t y)
{
    x += MARGIN + tile % layout->columns * (layout->width + BETWEEN);
    y += MARGIN + layout->lines * LINE + MARGIN +
         tile / layout->columns * (layout->height + CAPTION + BETWEEN);
    assert_true(x < sheet->width && y < sheet->height);
    return sheet->pixels + (y * sheet->width + x) * 3;
}

static void assert_level(const unsigned char *pixel, double level, int64_t tile)
{
    for (int c = 0; c < 3; c++)
        if (fabs(pixel[c] - level) > 0.51)
            fail_with("tile %" PRId64 ": level %d, wanted %g", tile, pixel[c], level);
}

/* A slice of a wider tensor, the neighbours NaN; channel c holds c + numbers from 0 to 1 that begin so. */
static struct tensor make_slice(int64_t n, int64_t h, int64_t w, int64_t c)
{
    const int64_t stride = c + 3;
    float *data = malloc((size_t)(n * h * w * stride) * sizeof *data);
    struct random random = {4};
    for (int64_t i = 0; i < n * h * w * stride; i++)
        data[i] = NAN;
    struct tensor value = tensor_view(data + 2, n, h, w, c, stride);
    for (int64_t p = 0; p < n * h * w; p++)
        for (int64_t channel = 0; channel < c; channel++) {
            float number = fabsf(random_float(&random));
            value.data[p * stride + channel] = (float)channel + (p < 2 ? (float)p : number);
        }
    return value;
}

static float at(const struct tensor *value, int64_t channel, int64_t x, int64_t y)
{
    return value->data[(y * value->w + x) * value->stride + channel];
}

/* Enlarged 96 / 40 times, rounded up: each value becomes a square. */
static void test_enlarged(void **state)
{
    (void)state;
    enum { HEIGHT = 30, WIDTH = 40, CHANNELS = 11, FACTOR = 3 };
    struct tensor value = make_slice(2, HEIGHT, WIDTH, CHANNELS);
    struct picture sheet;
    assert_ok(feature_sheet(&value, "conv", 64, &sheet, error));
    struct layout layout = {WIDTH * FACTOR, HEIGHT * FACTOR, 8, 2};
    assert_int_equal(sheet.width, 8 * (layout.width + BETWEEN) + BETWEEN);
    for (int64_t channel = 0; channel < CHANNELS; channel++)
        for (int64_t y = 0; y < layout.height; y++)
            for (int64_t x = 0; x < layout.width; x++)
                assert_level(tile_pixel(&sheet, &layout, channel, x, y),
                             255 * ((double)at(&value, channel, x / FACTOR, y / FACTOR) - (double)channel),
                             channel);
    picture_free(&sheet);
    free(value.data - 2);
}

/* Shrunk by 2: each square becomes its mean, also where the edge cuts it. */
static void test_shrunk(void **state)
{
    (void)state;
    enum { HEIGHT = 5, WIDTH = 301 };
    struct tensor value = make_slice(1, HEIGHT, WIDTH, 3);
    struct picture sheet;
    assert_ok(feature_sheet(&value, "conv", 2, &sheet, error));
    struct layout layout = {(WIDTH + 1) / 2, (HEIGHT + 1) / 2, 4,
                            3}; /* four, for the heading; "channels 0 to 1" */
    for (int64_t channel = 0; channel < 2; channel++)
        for (int64_t y = 0; y < layout.height; y++)
            for (int64_t x = 0; x < layout.width; x++) {
                double sum = 0;
                int count = 0;
                for (int64_t i = 2 * y; i < 2 * y + 2 && i < HEIGHT; i++)
                    for (int64_t j = 2 * x; j < 2 * x + 2 && j < WIDTH; j++, count++)
                        sum += (double)at(&value, channel, j, i) - (double)channel;
                assert_level(tile_pixel(&sheet, &layout, channel, x, y), 255 * sum / count, channel);
            }
    picture_free(&sheet);
    free(value.data - 2);
}

/* They stand out, also from squares that they share, and do not take part in the scale. */
static void test_no_numbers(void **state)
{
    (void)state;
    enum { SIDE = 300 };
    static const unsigned char magenta[3] = {230, 0, 190}, cyan[3] = {0, 200, 220};
    struct tensor value = make_slice(1, SIDE, SIDE, 3);
    value.data[7 * value.stride] = NAN;
    value.data[9 * value.stride] = -INFINITY;
    for (int64_t p = 0; p < SIDE * SIDE; p++) {
        value.data[p * value.stride + 1] = NAN;
        value.data[p * value.stride + 2] = p % 2 ? 3e38F : -3e38F; /* their difference is no float */
    }
    struct picture sheet;
    assert_ok(feature_sheet(&value, "conv", 3, &sheet, error));
    struct layout layout = {SIDE / 2, SIDE / 2, 4, 3};
    assert_memory_equal(tile_pixel(&sheet, &layout, 0, 3, 0), magenta, 3);
    assert_memory_equal(tile_pixel(&sheet, &layout, 0, 4, 0), cyan, 3);
    assert_memory_equal(tile_pixel(&sheet, &layout, 1, 50, 60), magenta, 3);
    assert_level(tile_pixel(&sheet, &layout, 0, 60, 60),
                 255 *
                     (double)(at(&value, 0, 120, 120) + at(&value, 0, 121, 120) + at(&value, 0, 120, 121) +
                              at(&value, 0, 121, 121)) /
                     4,
                 0);
    assert_level(tile_pixel(&sheet, &layout, 2, 60, 60), 127.5, 2);
    picture_free(&sheet);
    free(value.data - 2);
}

static void test_flat_and_single(void **state)
{
    (void)state;
    float flat[4] = {5, 5, 5, 5}, levels[3] = {-1, 0, 3};
    struct picture sheet;
    struct tensor value = tensor_view(flat, 1, 2, 2, 1, 1);
    assert_ok(feature_sheet(&value, "flat", 1, &sheet, error));
    assert_level(tile_pixel(&sheet, &(struct layout){96, 96, 5, 2}, 0, 40, 40), 127.5, 0);
    picture_free(&sheet);
    value = tensor_view(levels, 1, 1, 1, 3, 3);
    assert_ok(feature_sheet(&value, "levels", 64, &sheet, error));
    for (int64_t i = 0; i < 3; i++)
        assert_level(tile_pixel(&sheet, &(struct layout){96, 96, 5, 2}, i, 40, 40),
                     255 * ((double)levels[i] + 1) / 4, i);
    picture_free(&sheet);
}

/* As many columns as rows where they are many. */
static void test_many_channels(void **state)
{
    (void)state;
    struct tensor value = make_slice(1, 3, 3, 300);
    struct picture sheet;
    assert_ok(feature_sheet(&value, "many", 1024, &sheet, error));
    struct layout layout = {96, 96, 18, 2};
    assert_int_equal(sheet.width, layout.columns * (layout.width + BETWEEN) + BETWEEN);
    assert_level(tile_pixel(&sheet, &layout, 299, 40, 40), 255 * ((double)at(&value, 299, 1, 1) - 299), 299);
    picture_free(&sheet);
    free(value.data - 2);
}

static void test_without_memory(void **state)
{
    (void)state;
    struct tensor value = make_slice(1, 9, 9, 2);
    size_t before = mem_in_use();
    int nth = 0;
    for (limn_status status = LIMN_E_MEMORY; status != LIMN_OK;) {
        struct picture sheet;
        fault_at(FAULT_MEMORY, ++nth, false);
        status = feature_sheet(&value, "conv", 64, &sheet, NULL);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK ? nth == 3 : status == LIMN_E_MEMORY && !sheet.pixels);
        picture_free(&sheet);
        assert_int_equal(mem_in_use(), before);
    }
    free(value.data - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enlarged),      cmocka_unit_test(test_shrunk),
        cmocka_unit_test(test_no_numbers),    cmocka_unit_test(test_flat_and_single),
        cmocka_unit_test(test_many_channels), cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
