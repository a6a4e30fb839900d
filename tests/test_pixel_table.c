/* test_pixel_table.c - tables over sets of pictures: against OpenCV and pandas (golden:
 * tools/reference/golden_pixels.py), there and back over odd sizes, malformed files. Run from the
 * repository's root. */
#include "engine/base/memory.h"
#include "tests/support_pixels.h"

#include <stdlib.h>
#include <string.h>

static void test_table_golden(void **state)
{
    (void)state;
    struct picture planes[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct picture source = make_source(7, 5, 3, i + 1);
        assert_ok(pixels_grey(&source, GREY_OPENCV, &planes[i], error));
        picture_free(&source);
    }
    size_t size;
    unsigned char *table = table_of(planes, 3, &size);
    check_golden("tests/goldens/pixels.csv", table, size);
    free(table);
    for (int i = 0; i < 3; i++)
        picture_free(&planes[i]);
}

static const int64_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {17, 5}, {48, 48}, {16384, 1}, {1, 16384}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_table_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (uint32_t count = 1; count <= 5; count += 2) {
            struct pixel_sums sums = {0}, read = {0};
            struct picture planes[5];
            for (uint32_t n = 0; n < count; n++) {
                struct picture source = make_source(sizes[i][0], sizes[i][1], n % 2 ? 3 : 4, n);
                assert_ok(pixels_grey(&source, GREY_OPENCV, &planes[n], error));
                assert_ok(pixel_sums_add(&sums, &source, "source", error));
                picture_free(&source);
            }
            size_t size;
            unsigned char *table = table_of(planes, count, &size);
            assert_true(pixels_is_table(table, size));
            assert_ok(pixel_sums_read_table(table, size, "table", &read, error));
            assert_int_equal(read.count, count);
            assert_int_equal(read.width, sizes[i][0]);
            assert_int_equal(read.height, sizes[i][1]);
            assert_memory_equal(read.sums, sums.sums, (size_t)(read.width * read.height) * sizeof *sums.sums);
            free(table);
            pixel_sums_free(&sums);
            pixel_sums_free(&read);
            for (uint32_t n = 0; n < count; n++)
                picture_free(&planes[n]);
        }
}

#define HEADER ",Row,Column,pixel[1],pixel[2],pixel_mean\n"

static void test_table_forms(void **state)
{
    (void)state;
    static const char *const same[] = {
        HEADER "0,0,0,1,2,1.5\n1,0,1,255,255,255.0\n",
        HEADER "0,0,0,1,2,1.5\n1,0,1,255,255,255.0",
        HEADER "0,1,1,1,2,1.5\n1,1,2,255,255,255.0\n\n",
        HEADER "0,0,0,1.0,2.00,1.5\n1,0,1,255.,255,255\n",
        ",Row,Column,pixel[1],pixel[2],pixel_mean\r\n0,0,0,1,2,1.54\r\n1,0,1,255,255,2.55e2\r\n",
        "\xEF\xBB\xBF" HEADER "0,0,0,1,2,1.5\n1,0,1,255,255,255.0\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct pixel_sums sums;
        assert_ok(read_table(same[i], &sums, error));
        assert_int_equal(sums.width, 2);
        assert_int_equal(sums.height, 1);
        assert_int_equal(sums.count, 2);
        assert_int_equal(sums.sums[0], 3);
        assert_int_equal(sums.sums[1], 510);
        pixel_sums_free(&sums);
    }
}

static void test_table_malformed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1, column 1: a table starts with ,Row,Column,pixel[1],"},
        {",Row,Column\n", "line 1, column 1: a table starts with"},
        {",Row,Column,pixel[1],pixel[3],pixel_mean\n",
         "line 1, column 22: 'pixel[3]': the next pixel column"},
        {",Row,Column,pixel[1],pixel[2],\n",
         "line 1, column 31: the next pixel column, or pixel_mean, expected"},
        {",Row,Column,pixel[1],pixel_mean,more\n", "line 1, column 32: ',more': a line end after pixel_mean"},
        {HEADER, "line 2, column 1: the table has no lines"},
        {HEADER "1,0,0,1,1,1.0\n", "line 2, column 1: index 1, 0 expected"},
        {HEADER "0,0,1,1,1,1.0\n", "line 2, column 3: the first Row and Column"},
        {HEADER "0,2,2,1,1,1.0\n", "line 2, column 3: the first Row and Column"},
        {HEADER "0,0,0,1,1,1.0\n1,0,2,1,1,1.0\n", "line 3, column 5: Column 2, 1 expected"},
        {HEADER "0,1,1,1,1,1.0\n1,3,1,1,1,1.0\n", "line 3, column 3: Row 3, 1 expected"},
        {HEADER "0,0,0,1,1,1.0\n1,0,1,1,1,1.0\n2,1,0,1,1,1\n3,2,0,1,1,1\n",
         "line 5, column 3: Row 2, 1 expected"},
        {HEADER "0,0,0,1,1,1.0\n1,0,1,1,1,1.0\n2,1,0,1,1,1\n3,1,1,1,1,1\n4,1,2,1,1,1\n",
         "line 6, column 3: Row 1, 2 expected"},
        {HEADER "0,0,0,1,1,1.0\n1,0,1,1,1,1.0\n2,1,0,1,1,1\n",
         "line 5, column 1: the table ends within Row 1"},
        {HEADER "0,0,0,1,256,1.0\n", "line 2, column 9: '256': a whole number from 0 to 255"},
        {HEADER "0,0,0,-1,1,1.0\n", "line 2, column 7: '-1'"},
        {HEADER "0,0,0,1.5,1,1.0\n", "line 2, column 7: '1.5'"},
        {HEADER "0,0,0,,1,1.0\n", "line 2, column 7: a whole number from 0 to 255, and a comma, expected"},
        {HEADER "0,0,0,1\n", "line 2, column 7: '1'"},
        {HEADER "0,0,0,1,1\n", "line 2, column 9: '1'"},
        {HEADER "0,0,0,1,1,\n", "line 2, column 11: a number at the line's end expected"},
        {HEADER "0,0,0,1,1,1.0,5\n", "line 2, column 11: '1.0': a number at the line's end expected"},
        {HEADER "0,0,0,1,1,x\n", "line 2, column 11: 'x'"},
        {HEADER "0,0,0,1,1,nan\n", "line 2, column 11: pixel_mean is nan, the mean of the pixels is 1"},
        {HEADER "0,0,0,1,2,1.7\n", "line 2, column 11: pixel_mean is 1.7, the mean of the pixels is 1.5"},
        {HEADER "0,0,0,1,1,1.0\n\n1,0,1,1,1,1.0\n", "line 3, column 1: the line's index expected"},
        {HEADER "0,99999999999999999999,0,1,1,1.0\n",
         "line 2, column 3: '99999999999999999999': a Row expected"},
        {HEADER "0,0,99999,1,1,1.0\n", "line 2, column 5: '99999': a Column expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pixel_sums sums;
        assert_fails(read_table(cases[i][0], &sums, error), LIMN_E_INPUT, cases[i][1]);
    }
}

static void test_not_a_table(void **state)
{
    (void)state;
    assert_false(pixels_is_table((const unsigned char *)"", 0));
    assert_false(pixels_is_table((const unsigned char *)"\xEF\xBB\xBF", 3));
    assert_false(pixels_is_table((const unsigned char *)"P2 1 1 1 1", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_golden), cmocka_unit_test(test_table_there_and_back),
        cmocka_unit_test(test_table_forms),  cmocka_unit_test(test_table_malformed),
        cmocka_unit_test(test_not_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
