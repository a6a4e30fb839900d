/* test_resample.c - picture_resample against Pillow, byte for byte (goldens:
 * tools/reference/golden_resample.py), and what must hold for any resize. Run from the repository's root. */
#include "engine/base/memory.h"
#include "engine/pictures/resample.h"
#include "tests/support_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static unsigned char sample(uint32_t x, uint32_t y, uint32_t c)
{
    uint32_t level = (x * x * 31 + y * y * 17 + x * y * 7 + c * 85) * 2654435761u >> 24;
    if (c == 3) /* alpha, with hidden and opaque pixels */
        level = level < 64 ? 0 : level < 160 ? 2 * level - 64 : 255;
    return (unsigned char)level;
}

/* The picture that the Python side computes too. */
static struct picture make_source(int64_t width, int64_t height, int channels)
{
    struct picture picture;
    assert_int_equal(picture_create(width, height, channels, &picture, NULL), LIMN_OK);
    unsigned char *out = picture.pixels;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < (uint32_t)channels; c++)
                *out++ = sample(x, y, c);
    return picture;
}

static void check_against(const struct picture *result, const char *hex, const char *name)
{
    int channels = result->channels;
    assert_int_equal(strlen(hex), 2 * result->width * result->height * channels);
    for (int64_t i = 0; i < result->width * result->height * channels; i++) {
        unsigned want;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &want), 1);
        if (result->pixels[i] != want)
            fail_msg("%s to %lldx%lld [y=%lld,x=%lld,c=%lld] want %u, got %u", name, (long long)result->width,
                     (long long)result->height, (long long)(i / channels / result->width),
                     (long long)(i / channels % result->width), (long long)(i % channels), want,
                     result->pixels[i]);
    }
}

static void test_goldens(void **state)
{
    (void)state;
    FILE *file = fopen("tests/goldens/resample.txt", "r");
    assert_non_null(file);
    static char hex[8192];
    char name[16];
    long long w, h, to_w, to_h;
    int cases = 0, channels;
    while (fscanf(file, "%15s %d %lld %lld %lld %lld %8191s", name, &channels, &w, &h, &to_w, &to_h, hex) ==
           7) {
        struct picture source = make_source(w, h, channels), result;
        enum resample_filter filter = strcmp(name, "bicubic") == 0 ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR;
        assert_int_equal(picture_resample(&source, to_w, to_h, filter, &result, NULL), LIMN_OK);
        assert_int_equal(result.width, to_w);
        assert_int_equal(result.height, to_h);
        check_against(&result, hex, name);
        picture_free(&source);
        picture_free(&result);
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 40);
}

/* Weights add up to 1: a flat picture stays flat, with alpha as without. Its colours are multiples of 3 and
 * its alpha is 1/3, so that multiplying by alpha loses nothing. */
static void test_flat(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 3, 7, 16, 33, 100}, flat[] = {255, 195, 135, 85};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    for (int channels = 3; channels <= 4; channels++)
        for (int i = 0; i < COUNT * COUNT * 2; i++) {
            struct picture source, result;
            assert_int_equal(picture_create(16, 9, channels, &source, NULL), LIMN_OK);
            for (int p = 0; p < 16 * 9 * channels; p++)
                source.pixels[p] = (unsigned char)flat[p % channels];
            assert_int_equal(picture_resample(&source, sizes[i / 2 % COUNT], sizes[i / 2 / COUNT],
                                              i % 2 ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR, &result, NULL),
                             LIMN_OK);
            for (int64_t p = 0; p < result.width * result.height * channels; p++)
                assert_int_equal(result.pixels[p], flat[p % channels]);
            picture_free(&source);
            picture_free(&result);
        }
}

/* A result that comes row by row, compared with a whole one. */
struct comparison {
    const struct picture *whole;
    int64_t rows;
};

static limn_status compare_row(void *context, const struct picture *rows, limn_error *error)
{
    struct comparison *comparison = context;
    const struct picture *whole = comparison->whole;
    size_t bytes = (size_t)(whole->width * whole->channels);
    (void)error;
    assert_int_equal(rows->width, whole->width);
    for (int64_t y = 0; y < rows->height; y++, comparison->rows++)
        assert_memory_equal(rows->pixels + (size_t)y * bytes,
                            whole->pixels + (size_t)comparison->rows * bytes, bytes);
    return LIMN_OK;
}

/* The number of rows that come at a time does not matter, and memory is what was announced. */
static void test_row_by_row(void **state)
{
    (void)state;
    static const int sizes[][2] = {{14, 20}, {29, 9}, {5, 41}, {58, 82}, {1, 1}, {29, 40}, {28, 4}};
    for (size_t i = 0; i < 4 * sizeof sizes / sizeof *sizes; i++) {
        struct picture source = make_source(29, 41, i % 2 ? 3 : 4), whole;
        const struct resampling how = {29, 41, sizes[i / 4][0], sizes[i / 4][1], source.channels, i / 2 % 2};
        assert_int_equal(picture_resample(&source, how.to_width, how.to_height, how.filter, &whole, NULL),
                         LIMN_OK);
        for (int at_a_time = 1; at_a_time <= 41; at_a_time += 20) {
            struct comparison comparison = {&whole, 0};
            struct resampler *resampler;
            mem_restart_peak();
            size_t before = mem_in_use();
            assert_int_equal(resampler_create(&how, &resampler, NULL), LIMN_OK);
            for (int64_t y = 0; y < 41; y += at_a_time) {
                const struct picture rows = {.width = 29,
                                             .height = 41 - y < at_a_time ? 41 - y : at_a_time,
                                             .channels = source.channels,
                                             .pixels = source.pixels + y * 29 * source.channels};
                const struct rows_taker taker = {compare_row, &comparison};
                assert_int_equal(resampler_rows(resampler, &rows, &taker, NULL), LIMN_OK);
            }
            assert_int_equal(comparison.rows, whole.height);
            assert_true(mem_peak() - before <= resampler_bytes(&how));
            resampler_free(resampler);
            assert_int_equal(mem_in_use(), before);
        }
        picture_free(&source);
        picture_free(&whole);
    }
}

static void test_bad_size(void **state)
{
    (void)state;
    struct picture source = make_source(4, 4, 3), result;
    limn_error error;
    assert_int_equal(picture_resample(&source, 0, 4, RESAMPLE_BILINEAR, &result, &error), LIMN_E_USAGE);
    assert_null(result.pixels);
    picture_free(&source);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const int sizes[][2] = {{5, 6}, {40, 3}, {9, 30}, {7, 7}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture source = make_source(9, 7, 4), result;
        size_t before = mem_in_use();
        limn_status status = LIMN_E_MEMORY;
        int nth = 0;
        while (status) {
            limn_error error;
            fault_at(FAULT_MEMORY, ++nth, false);
            status = picture_resample(&source, sizes[i][0], sizes[i][1], RESAMPLE_BICUBIC, &result, &error);
            fault_at(FAULT_MEMORY, 0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            picture_free(&result);
            assert_int_equal(mem_in_use(), before);
        }
        assert_true(nth > 1);
        picture_free(&source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),       cmocka_unit_test(test_flat),
        cmocka_unit_test(test_row_by_row),    cmocka_unit_test(test_bad_size),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
