/* test_pixel_text.c - pictures as text: against Pillow (golden: tools/reference/golden_pixels.py), there and
 * back over odd sizes, malformed files. Run from the repository's root. */
#include "engine/base/memory.h"
#include "tests/support_pixels.h"

#include <stdlib.h>
#include <string.h>

static void test_text_golden(void **state)
{
    (void)state;
    size_t size;
    struct picture source = make_source(7, 5, 3, 1);
    unsigned char *text = text_of(&source, &size);
    check_golden("tests/goldens/pixels.txt", text, size);
    free(text);
    picture_free(&source);
}

static const int64_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {17, 5}, {48, 48}, {16384, 1}, {1, 16384}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_text_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (int channels = 3; channels <= 4; channels++) {
            struct picture source = make_source(sizes[i][0], sizes[i][1], channels, 5), grey, plane;
            size_t size;
            assert_ok(pixels_grey(&source, GREY_PILLOW, &grey, error));
            unsigned char *text = text_of(&source, &size);
            assert_ok(pixels_read_text(text, size, "text", &plane, error));
            assert_int_equal(plane.width, sizes[i][0]);
            assert_int_equal(plane.height, sizes[i][1]);
            assert_memory_equal(plane.pixels, grey.pixels, (size_t)(grey.width * grey.height));
            free(text);
            picture_free(&source);
            picture_free(&grey);
            picture_free(&plane);
        }
}

static void test_text_forms(void **state)
{
    (void)state;
    static const char *const same[] = {
        "1 2 3\n40 50 255\n",
        "1 2 3\n40 50 255",
        "1 2 3\r\n40 50 255\r\n",
        "1 2 3\r\n40 50 255",
        " 1\t2  3 \n40 50 255 ",
        "001 02 3\n040 0050 255\n",
        "1 2 3\n40 50 255\n\n \r\n",
        ("\xEF\xBB\xBF"
         "1 2 3\n40 50 255\n"),
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct picture plane;
        assert_ok(read_text(same[i], &plane, error));
        assert_int_equal(plane.width, 3);
        assert_int_equal(plane.height, 2);
        assert_memory_equal(plane.pixels, "\1\2\3\50\62\377", 6);
        picture_free(&plane);
    }
}

static void test_text_malformed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "a.txt: contains no values"},
        {"\n", "a.txt: contains no values"},
        {" \r\n\t", "a.txt: contains no values"},
        {"\xEF\xBB\xBF", "a.txt: contains no values"},
        {"1 2\n3\n", "line 2, column 2: the row ends after 1 values, 2 expected"},
        {"1 2\r\n3 \r\n", "line 2, column 3: the row ends after 1 values, 2 expected"},
        {"1 2\n3 4 5\n", "line 2, column 5: more than the 2 values of the first row"},
        {"1 2\n\n3 4\n", "line 2, column 1: a row without values"},
        {"\n1 2\n", "line 1, column 1: a row without values"},
        {"1 256\n", "line 1, column 3: '256': a whole number from 0 to 255 expected"},
        {"1 2\n3 -4\n", "line 2, column 3: '-4': a whole number from 0 to 255 expected"},
        {"99999999999999999999999\n", "line 1, column 1: '99999999999999999999999'"},
        {"0 18446744073709551617\n", "line 1, column 3: '18446744073709551617'"},
        {"1 2.5\n", "line 1, column 3: '2.5'"},
        {"1,2\n", "line 1, column 1: '1,2'"},
        {"1 0x10\n", "line 1, column 3: '0x10'"},
        {"1 +2\n", "'+2'"},
        {"12a\n", "'12a'"},
        {"1 2\rx\n", "line 1, column 3: '2?x'"},
        {"1 2\r", "line 1, column 3: '2?'"},
        {"\xff\xfe"
         "1",
         "line 1, column 1"},
        {"1 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "'abcdefghijklmnopqrstuvwxyzabcdef...'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture plane;
        assert_fails(read_text(cases[i][0], &plane, error), LIMN_E_INPUT, cases[i][1]);
    }
    struct picture plane;
    assert_fails(pixels_read_text((const unsigned char *)"1 \0"
                                                         "2\n",
                                  5, "a.txt", &plane, error),
                 LIMN_E_INPUT, "line 1, column 3");
}

static void test_text_too_large(void **state)
{
    (void)state;
    enum { COUNT = 16385 };
    char *text = malloc(2 * COUNT + 1);
    struct picture plane;
    for (int tall = 0; tall <= 1; tall++) {
        for (int i = 0; i < COUNT; i++)
            memcpy(text + 2 * i, tall ? "0\n" : "0 ", 3);
        assert_fails(read_text(text, &plane, error), LIMN_E_INPUT,
                     tall ? "line 16385, column 2: too many values"
                          : "line 1, column 32769: more than 16384 values in a row");
        text[2 * COUNT - 2] = 0;
        assert_ok(read_text(text, &plane, error));
        picture_free(&plane);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_golden),    cmocka_unit_test(test_text_there_and_back),
        cmocka_unit_test(test_text_forms),     cmocka_unit_test(test_text_malformed),
        cmocka_unit_test(test_text_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
