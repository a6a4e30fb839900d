/* test_utf8.c - characters as UTF-8: every code, examples of Unicode's standard, and the C library's iconv.
 */
#include "tests/support.h"
#include "weights/utf8.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>

static void test_every_code_comes_back(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char bytes[UTF8_MOST];
        uint32_t read = 0;
        if (code == 0xD800)
            code = 0xE000;
        size_t length = utf8_encode(code, bytes);
        assert_int_equal(length, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_decode((unsigned char *)bytes, length, &read), length);
        assert_int_equal(read, code);
        for (size_t cut = 1; cut < length; cut++) {
            assert_int_equal(utf8_decode((unsigned char *)bytes, cut, &read), cut);
            assert_int_equal(read, UTF8_ILL_FORMED);
        }
    }
}

/* Tables 3-8 to 3-11 of Unicode 15: 0 is where a replacement character belongs. */
static void test_examples_of_the_standard(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t codes[12];
        size_t count;
    } examples[] = {
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", {0, 0, 0, 0, 0, 0, 0, 0, 0x41}, 9},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", {0, 0, 0, 0, 0, 0, 0, 0, 0x41}, 9},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", {0, 0, 0, 0, 0, 0x41, 0, 0, 0x42}, 9},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", {0, 0, 0, 0, 0x41}, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const unsigned char *at = (const unsigned char *)examples[i].bytes, *end = at + 9;
        for (size_t k = 0; k < examples[i].count; k++) {
            uint32_t code = 0, wanted = examples[i].codes[k];
            at += utf8_decode(at, (size_t)(end - at), &code);
            assert_int_equal(code, wanted ? wanted : UTF8_ILL_FORMED);
        }
        assert_ptr_equal(at, end);
    }
}

/* Every first and second byte, and the bounds of the third and fourth. */
static void test_iconv_agrees(void **state)
{
    static const unsigned char bounds[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    enum { BOUNDS = sizeof bounds };
    (void)state;
    iconv_t converter = iconv_open("UTF-32LE", "UTF-8");
    if (converter == (iconv_t)-1)
        skip();
    for (unsigned i = 0; i < 0x10000 * BOUNDS * BOUNDS; i++) {
        unsigned char bytes[UTF8_MOST] = {(unsigned char)(i & 0xFF), (unsigned char)(i >> 8 & 0xFF),
                                          bounds[(i >> 16) % BOUNDS], bounds[(i >> 16) / BOUNDS]};
        uint32_t code, expected[UTF8_MOST] = {0};
        size_t length = utf8_decode(bytes, sizeof bytes, &code);
        char *from = (char *)bytes, *to = (char *)expected;
        size_t left = code == UTF8_ILL_FORMED ? sizeof bytes : length, room = sizeof expected;
        iconv(converter, NULL, NULL, NULL, NULL);
        iconv(converter, &from, &left, &to, &room);
        if (code == UTF8_ILL_FORMED)
            assert_ptr_equal(from, bytes);
        else
            assert_true(left == 0 && room == sizeof expected - sizeof code && expected[0] == code);
    }
    iconv_close(converter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_comes_back),
        cmocka_unit_test(test_examples_of_the_standard),
        cmocka_unit_test(test_iconv_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
