/* test_pixels.c - grey levels, sums and means, pieces of sheets; failing memory and disks, for text and
 * tables too. Run from the repository's root. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "tests/support_faults.h"
#include "tests/support_pixels.h"

#include <string.h>

/* Every level stays itself, and alpha plays no part. */
static void test_grey(void **state)
{
    (void)state;
    for (int channels = 3; channels <= 4; channels++)
        for (int rule = GREY_PILLOW; rule <= GREY_OPENCV; rule++) {
            struct picture picture, plane;
            assert_ok(picture_create(256, 1, channels, &picture, error));
            for (int i = 0; i < 256 * channels; i++)
                picture.pixels[i] = (unsigned char)(i % channels == 3 ? 7 * i : i / channels);
            assert_ok(pixels_grey(&picture, (enum grey_rule)rule, &plane, error));
            assert_int_equal(plane.channels, 1);
            for (int i = 0; i < 256; i++)
                assert_int_equal(plane.pixels[i], i);
            picture_free(&picture);
            picture_free(&plane);
        }
}

static void test_sums(void **state)
{
    (void)state;
    struct pixel_sums sums = {0};
    struct picture picture = make_source(3, 2, 3, 1), other = make_source(2, 3, 3, 1), plane;
    assert_ok(pixel_sums_add(&sums, &picture, "first", error));
    assert_fails(pixel_sums_add(&sums, &other, "second", error), LIMN_E_INPUT,
                 "second: 2 x 3 pixels, the pictures before it have 3 x 2");
    assert_int_equal(sums.count, 1);
    sums.count = 4;
    for (uint32_t i = 0; i < 6; i++)
        sums.sums[i] = (uint32_t[]){0, 1, 2, 5, 6, 1020}[i];
    assert_ok(pixel_sums_mean(&sums, &plane, error));
    assert_memory_equal(plane.pixels, "\0\0\1\1\2\377", 6); /* 0 .25 .5 1.25 1.5 255: halves up */
    sums.count = PIXELS_MOST_PICTURES;
    assert_fails(pixel_sums_add(&sums, &picture, "next", error), LIMN_E_INPUT,
                 "next: more than 16777216 pictures");
    pixel_sums_free(&sums);
    picture_free(&picture);
    picture_free(&other);
    picture_free(&plane);
}

/* ---- sheets ------------------------------------------------------------------------------ */

static void test_pieces(void **state)
{
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        struct picture sheet = make_source(12, 6, channels, 3), piece;
        struct pixel_grid grid = {.rows = 2, .columns = 4};
        assert_ok(pixels_check_grid(&sheet, "sheet", &grid, error));
        for (int64_t i = 0; i < 8; i++) {
            assert_ok(pixels_piece(&sheet, &grid, i, &piece, error));
            assert_int_equal(piece.width, 3);
            assert_int_equal(piece.height, 3);
            assert_int_equal(piece.channels, channels);
            for (int64_t y = 0; y < 3; y++)
                assert_memory_equal(piece.pixels + y * 3 * channels,
                                    sheet.pixels + ((i / 4 * 3 + y) * 12 + i % 4 * 3) * channels,
                                    (size_t)(3 * channels));
            picture_free(&piece);
        }
        picture_free(&sheet);
    }
}

/* Without an even division: every pixel of a sheet belongs to one piece, and all pieces get one size. */
static void test_uneven_pieces(void **state)
{
    (void)state;
    struct picture sheet = make_source(11, 7, 3, 3), piece;
    struct pixel_grid grid = {.rows = 2, .columns = 3};
    assert_fails(pixels_check_grid(&sheet, "sheet", &grid, error), LIMN_E_INPUT,
                 "sheet: 11 x 7 pixels do not divide into 3 columns and 2 rows of equal pieces");
    grid.height = 3, grid.width = 4; /* as the last piece of the first row is: not resized at all */
    assert_ok(pixels_check_grid(&sheet, "sheet", &grid, error));
    assert_ok(pixels_piece(&sheet, &grid, 2, &piece, error));
    for (int64_t y = 0; y < 3; y++)
        assert_memory_equal(piece.pixels + y * 12, sheet.pixels + (y * 11 + 7) * 3, 12);
    picture_free(&piece);
    grid.height = 48, grid.width = 50;
    assert_ok(pixels_piece(&sheet, &grid, 5, &piece, error));
    assert_int_equal(piece.height, 48);
    assert_int_equal(piece.width, 50);
    picture_free(&piece);
    for (int i = 0; i < 2; i++) {
        grid.rows = i ? 8 : 1, grid.columns = i ? 1 : 12;
        assert_fails(pixels_check_grid(&sheet, "sheet", &grid, error), LIMN_E_INPUT, "are too few");
    }
    picture_free(&sheet);
}

/* ---- failures ---------------------------------------------------------------------------- */

/* Everything that allocates, once. */
static limn_status do_all(const struct picture *source, limn_error *error)
{
    struct picture plane = {0}, read = {0}, piece = {0}, mean = {0};
    struct pixel_sums sums = {0}, read_sums = {0};
    struct pixel_grid grid = {1, 1, 2, 2};
    struct output *output = NULL;
    limn_status status = pixels_grey(source, GREY_OPENCV, &plane, error);
    if (!status)
        status = output_open("/dev/null", true, &output, error);
    if (!status)
        status = pixels_write_text(source, output, error);
    if (!status)
        status = pixels_write_table(&plane, 1, output, error);
    if (!status)
        status = picture_write(
            &(struct picture_target){.path = scratch_path("plane.pgm"), .quality = 90, .force = true}, &plane,
            error);
    if (!status)
        status = read_text("1 2\n3 4\n", &read, error);
    if (!status)
        status = pixel_sums_add(&sums, source, "source", error);
    if (!status)
        status = pixel_sums_mean(&sums, &mean, error);
    if (!status)
        status = read_table(",Row,Column,pixel[1],pixel_mean\n0,0,0,1,1.0\n", &read_sums, error);
    if (!status)
        status = pixels_piece(source, &grid, 0, &piece, error);
    output_abandon(output);
    picture_free(&plane);
    picture_free(&read);
    picture_free(&mean);
    picture_free(&piece);
    pixel_sums_free(&sums);
    pixel_sums_free(&read_sums);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct picture source = make_source(4, 3, 4, 1);
    size_t before = mem_in_use();
    limn_status status = LIMN_E_MEMORY;
    int nth = 0;
    while (status) {
        limn_error error;
        fault_at(FAULT_MEMORY, ++nth, false);
        status = do_all(&source, &error);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
        assert_int_equal(mem_in_use(), before);
    }
    assert_true(nth > 10);
    picture_free(&source);
}

static void test_full_disk(void **state)
{
    (void)state;
    /* Larger than the output's buffer, so that the failure comes while rows are written. */
    struct picture source = make_source(300, 300, 3, 1), plane;
    struct output *output;
    assert_ok(pixels_grey(&source, GREY_OPENCV, &plane, error));
    assert_ok(output_open("/dev/full", true, &output, error));
    assert_fails(pixels_write_text(&source, output, error), LIMN_E_OUTPUT, "/dev/full: write failed");
    assert_fails(pixels_write_table(&plane, 1, output, error), LIMN_E_OUTPUT, "/dev/full: write failed");
    output_abandon(output);
    picture_free(&source);
    picture_free(&plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grey),          cmocka_unit_test(test_sums),
        cmocka_unit_test(test_pieces),        cmocka_unit_test(test_uneven_pieces),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
