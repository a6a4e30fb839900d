/* test_font.c - the letters: present, distinct, on one baseline; characters beyond ASCII. */
#include "engine/pictures/font.h"
#include "tests/support.h"

static bool ink_at(uint32_t code, int x, int y)
{
    struct glyph glyph = font_glyph(code);
    return x < glyph.columns && glyph.rows[y][x] == '#';
}

static bool same_ink(uint32_t a, uint32_t b)
{
    for (int y = 0; y < FONT_HEIGHT; y++)
        for (int x = 0; x < 6; x++)
            if (ink_at(a, x, y) != ink_at(b, x, y))
                return false;
    return true;
}

static void test_letters(void **state)
{
    (void)state;
    for (uint32_t code = 33; code <= 127; code++) {
        struct glyph glyph = font_glyph(code);
        assert_in_range(glyph.columns, 1, 5);
        bool starts_left = false;
        for (int y = 0; y < FONT_HEIGHT; y++) {
            starts_left |= ink_at(code, 0, y);
            for (int x = 0; x < glyph.columns; x++)
                assert_true(glyph.rows[y][x] == '#' || glyph.rows[y][x] == '.');
        }
        if (!starts_left)
            fail_with("letter %c does not start at the left", (char)code);
        assert_true(glyph.advance > glyph.columns);
        for (uint32_t other = 32; other < code; other++)
            if (same_ink(code, other))
                fail_with("letters %c and %c look the same", (char)code, (char)other);
    }
    assert_int_equal(font_glyph(' ').columns, 0);
    for (uint32_t digit = '0'; digit <= '9'; digit++)
        assert_int_equal(font_glyph(digit).advance, font_glyph('0').advance);
    static const uint32_t foreign[] = {0, 9, 31, 128, 0xE9, UINT32_MAX};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_true(same_ink(foreign[i], 127));
}

/* Capitals reach from the baseline to the top; small letters end at the last row or above. */
static void test_letter_heights(void **state)
{
    (void)state;
    for (uint32_t code = 33; code < 127; code++) {
        int top = FONT_HEIGHT, bottom = 0;
        for (int y = 0; y < FONT_HEIGHT; y++)
            for (int x = 0; x < 6; x++)
                if (ink_at(code, x, y)) {
                    top = y < top ? y : top;
                    bottom = y + 1;
                }
        assert_true(top >= FONT_TOP);
        if ((code >= 'A' && code <= 'Z' && code != 'Q') || (code >= '0' && code <= '9')) {
            assert_int_equal(top, FONT_TOP);
            assert_int_equal(bottom, FONT_BASELINE);
        }
    }
}

static void test_characters(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xB1\xE2"; /* a, three of UTF-8, one cut short */
    for (int i = 0; i < 5; i++)
        assert_int_equal(font_next(&text), i ? 127 : 'a');
    const char *end = text;
    assert_int_equal(font_next(&text), 0);
    assert_ptr_equal(text, end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_letter_heights),
        cmocka_unit_test(test_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
