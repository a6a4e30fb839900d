/* test_hints.c - hints for siggraph17: reading text and JSON, and where on the network's input they land. */
#include "engine/pictures/colour.h"
#include "engine/pipelines/hints.h"
#include "tests/support.h"

#include <math.h>
#include <string.h>

static limn_status parse(const char *text, struct hints *hints, limn_error *error)
{
    return hints_parse((const unsigned char *)text, strlen(text), "h", hints, error);
}

static void check_hint(const struct hint *hint, int64_t x, int64_t y, int64_t radius, int64_t line)
{
    assert_int_equal(hint->x, x);
    assert_int_equal(hint->y, y);
    assert_int_equal(hint->radius, radius);
    assert_int_equal(hint->line, line);
}

static void test_text(void **state)
{
    struct hints hints;
    float lab[3];
    (void)state;
    assert_ok(parse("\xEF\xBB\xBF# a comment\r\n\n  3\t4 #C83232  \r\n5 6 #0000ff 0\n  # more\n7 8 #c83232 9",
                    &hints, error));
    assert_int_equal(hints.count, 3);
    check_hint(&hints.items[0], 3, 4, 2, 3);
    check_hint(&hints.items[1], 5, 6, 0, 4);
    check_hint(&hints.items[2], 7, 8, 9, 6);
    lab_from_rgb((const unsigned char[]){0xC8, 0x32, 0x32}, 3, 1, lab);
    assert_true(hints.items[0].a == lab[1] && hints.items[0].b == lab[2]);
    assert_true(hints.items[2].a == lab[1] && hints.items[2].b == lab[2]);
    hints_free(&hints);
    assert_ok(parse(" \n# nothing\n", &hints, error));
    assert_int_equal(hints.count, 0);
    hints_free(&hints);
}

static void test_json(void **state)
{
    struct hints hints;
    (void)state;
    assert_ok(parse(
        "\n[{\"x\": 3, \"y\": 4, \"color\": \"#808080\"},\n {\"radius\": 7, \"b\": -1.25e1, \"a\": 40,\n"
        "\"y\": 1, \"x\": 0}]\n",
        &hints, error));
    assert_int_equal(hints.count, 2);
    check_hint(&hints.items[0], 3, 4, 2, 2);
    check_hint(&hints.items[1], 0, 1, 7, 3);
    assert_true(hints.items[1].a == 40 && hints.items[1].b == -12.5F);
    hints_free(&hints);
    assert_ok(parse("[]", &hints, error));
    assert_int_equal(hints.count, 0);
    hints_free(&hints);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"1 2", "line 1"},
        {"1 2 #11223", "#rrggbb"},
        {"1 2 #1122334", "#rrggbb"},
        {"1 2 #11223g", "#rrggbb"},
        {"1 2 112233", "#rrggbb"},
        {"\n-1 2 #112233", "line 2"},
        {"1.5 2 #112233", "'1.5'"},
        {"99999999999999999999 2 #112233", "whole number"},
        {"1 2 #112233 x", "radius"},
        {"1 2 #112233 1 1", "end of the line"},
        {"1 2 #112233\n\n1", "line 3"},
        {"{\"x\": 1}", "an array"},
        {"[", "line 1"},
        {"[1]", "an object"},
        {"[{}]", "a hint needs"},
        {"[{\"x\": 1, \"color\": \"#112233\"}]", "a hint needs"},
        {"[{\"x\": 1, \"y\": 1, \"a\": 3}]", "a hint needs"},
        {"[{\"x\": 1, \"y\": 1, \"a\": 3, \"b\": 2, \"color\": \"#112233\"}]", "a hint needs"},
        {"[{\"x\": 1, \"y\": 1, \"a\": 3, \"b\": 128.5}]", "between"},
        {"[{\"x\": 1, \"y\": 1, \"a\": 1e999, \"b\": 1}]", "range"},
        {"[{\"x\": 1, \"y\": 1, \"a\": nan, \"b\": 1}]", "number"},
        {"[{\"x\": 1,\n \"x\": 1}]", "line 2: a name twice"},
        {"[{\"x\": -1}]", "whole number"},
        {"[{\"x\": 1.5}]", "whole number"},
        {"[{\"x\": 100000000}]", "too large"},
        {"[{\"size\": 1}]", "a hint has"},
        {"[{\"a name that is far too long for any\": 1}]", "line 1"},
        {"[{\"x\": 1, \"y\": 1, \"color\": \"red\"}]", "#rrggbb"},
        {"[{\"x\": 1, \"y\": 1, \"color\": \"#112233\"}] x", "after the end"},
        {"[{\"x\": 1, \"y\": 1, \"color\": \"#112233\"},]", "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hints hints;
        limn_error error = {0};
        limn_status status = parse(cases[i].text, &hints, &error);
        if (status != LIMN_E_INPUT || !strstr(error.message, cases[i].message) || hints.items || hints.name)
            fail_with("%s: status %u, message \"%s\", \"%s\" expected", cases[i].text, status, error.message,
                      cases[i].message);
    }
    struct hints hints;
    static const unsigned char zeros[] = "1 2\0#112233\0";
    assert_fails(hints_parse(zeros, sizeof zeros, "h", &hints, error), LIMN_E_INPUT, "line 1");
}

static void test_outside(void **state)
{
    struct hints hints;
    (void)state;
    assert_ok(parse("9 4 #112233\n# x\n10 4 #112233", &hints, error));
    assert_ok(hints_check(&hints, 11, 5, error));
    assert_fails(hints_check(&hints, 10, 5, error), LIMN_E_INPUT, "line 3: 10, 4 is outside");
    assert_fails(hints_check(&hints, 11, 4, error), LIMN_E_INPUT, "line 1: 9, 4 is outside");
    hints_free(&hints);
}

/* Draws onto side x side and compares with the definition in hints.h, in double precision. */
static void check_drawing(const struct hint *items, size_t count, int64_t width, int64_t height)
{
    enum { SIDE = 16, CHANNELS = 5 };
    struct hints hints = {.items = (struct hint *)items, .count = count};
    float values[SIDE * SIDE * CHANNELS];
    for (int i = 0; i < SIDE * SIDE * CHANNELS; i++)
        values[i] = 77;
    struct tensor input = tensor_view(values, 1, SIDE, SIDE, 4, CHANNELS);
    hints_draw(&hints, width, height, &input);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            float want[CHANNELS] = {77, 0, 0, 0, 77};
            double x = (column + 0.5) * (double)width / SIDE, y = (row + 0.5) * (double)height / SIDE;
            for (size_t i = 0; i < count; i++) {
                const struct hint *hint = &items[i];
                double r = (double)hint->radius, left = (double)hint->x, top = (double)hint->y;
                bool across = x >= left - r && x < left + r + 1, down = y >= top - r && y < top + r + 1;
                across = across || column == (int)((left + 0.5) * SIDE / (double)width);
                down = down || row == (int)((top + 0.5) * SIDE / (double)height);
                if (across && down) {
                    want[1] = hint->a;
                    want[2] = hint->b;
                    want[3] = 1;
                }
            }
            const float *got = values + (row * SIDE + column) * CHANNELS;
            for (int c = 0; c < CHANNELS; c++)
                if (got[c] != want[c])
                    fail_with("%d x %d, hint %d,%d radius %d: [%d,%d,%d] want %g, got %g", (int)width,
                              (int)height, (int)items->x, (int)items->y, (int)items->radius, c, row, column,
                              (double)want[c], (double)got[c]);
        }
}

static void test_drawing(void **state)
{
    static const int64_t sizes[][2] = {{16, 16}, {1, 1}, {500, 3}, {3, 500}, {17, 31}, {15, 7}, {1024, 768}};
    static const int64_t radii[] = {0, 1, 2, 5, 40, 2000};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t r = 0; r < sizeof radii / sizeof *radii; r++) {
            int64_t width = sizes[s][0], height = sizes[s][1];
            struct hint hints[] = {
                {.x = 0, .y = height - 1, .radius = radii[r], .a = 1, .b = 2},
                {.x = width - 1, .y = 0, .radius = radii[r], .a = 3, .b = 4},
                {.x = width / 2, .y = height / 2, .radius = radii[r], .a = 5, .b = 6},
                {.x = width / 3, .y = height / 2, .radius = 0, .a = -7, .b = -8},
            };
            check_drawing(hints, 4, width, height);
            for (int i = 0; i < 4; i++)
                check_drawing(&hints[i], 1, width, height);
        }
    check_drawing(NULL, 0, 20, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_json),    cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_outside), cmocka_unit_test(test_drawing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
