/* test_locale.c - a program that uses the library may have set a locale whose numbers have no decimal point.
 */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pipelines/hints.h"
#include "engine/pixels/pixels.h"
#include "tests/support.h"
#include "weights/number.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sets a locale, made for this run by glibc's localedef from Debian's package locales. */
static void set_locale(const char *name)
{
    char folder[512], command[1200], made[32];
    snprintf(folder, sizeof folder, "%s", scratch_path("locales"));
    snprintf(made, sizeof made, "%s.UTF-8", name);
    snprintf(command, sizeof command, "mkdir -p '%s' && localedef -i %s -f UTF-8 '%s/%s' >/dev/null 2>&1",
             folder, name, folder, made);
    if (system(command) == 0 && setenv("LOCPATH", folder, 1) == 0)
        setlocale(LC_ALL, made);
}

/* German has a comma, Pashto a character of two bytes. */
static int set_comma(void **state)
{
    (void)state;
    set_locale("de_DE");
    return 0;
}

static int set_two_bytes(void **state)
{
    (void)state;
    set_locale("ps_AF");
    return 0;
}

/* Skips the test, and says why, if the locale could not be set. */
static void need_comma(void)
{
    if (strcmp(localeconv()->decimal_point, ".") != 0)
        return;
    print_message("no locale without a decimal point: localedef, or Debian's package locales, is not here\n");
    skip();
}

/* Texts, and how many of their characters strtod reads as a number in the C locale. */
static const struct {
    const char *text;
    int length;
    double number;
} numbers[] = {
    {"1.5x", 3, 1.5},
    {"-12.5e3", 7, -12500},
    {".5", 2, 0.5},
    {"5.", 2, 5},
    {" +2", 3, 2},
    {"1,5", 1, 1},
    {",5", 0, 0},
    {"\u066b5", 0, 0},
    {"1\u066b5", 1, 1},
    {".", 0, 0},
    {"-", 0, 0},
    {"", 0, 0},
    {"1e", 1, 1},
    {"1.5.5", 3, 1.5},
    {"2e+", 1, 2},
    {"1e400", 5, INFINITY},
    {"1e-400", 6, 0},
    {"-inf", 4, -INFINITY},
    {"1e-99999999999999999999", 23, 0},
    {"0e99999999999999999999", 22, 0},
    /* between two doubles: half way, to the even one; and a little above */
    {"9007199254740993.000", 20, 9007199254740992},
    {"9007199254740993.001", 20, 9007199254740994.0},
};

static void test_reading(void **state)
{
    (void)state;
    need_comma();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *end;
        double number = number_parse(numbers[i].text, &end);
        if (number != numbers[i].number || end != numbers[i].text + numbers[i].length)
            fail_with("'%s': %g of %td characters", numbers[i].text, number, end - numbers[i].text);
    }
}

/* Zeros that only the exponent makes up for, and digits beyond those that are kept: the last one decides. */
static void test_reading_long_numbers(void **state)
{
    (void)state;
    need_comma();
    char text[3000];
    memset(text, '0', sizeof text);
    text[1] = '.';
    strcpy(text + 2000, "125e1999");
    assert_true(number_parse(text, NULL) == 1.25);
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[2500] = 0;
    assert_true(number_parse(text, NULL) == 9007199254740992);
    text[2499] = '1';
    assert_true(number_parse(text, NULL) == 9007199254740994.0);
}

static void test_printing(void **state)
{
    (void)state;
    need_comma();
    char text[64], cut[8];
    assert_true(strtod("1.5", NULL) == 1); /* what number_parse must avoid */
    assert_int_equal(number_print(text, sizeof text, "%.2f|%g|%s", 1234.5, 0.25, "a"), 14);
    assert_string_equal(text, "1234.50|0.25|a");
    assert_int_equal(
        number_print(text, sizeof text, "%g, %.*g, %8.2f|%-6.1f|%.1e", 5.0, 3, 2.718, 0.5, 0.5, 1e9), 32);
    assert_string_equal(text, "5, 2.72,     0.50|0.5   |1.0e+09");
    assert_int_equal(number_print(text, sizeof text, "%.*s %5d|%-3u|%zu%% %c %04x", 3, "1,5,5", -3, 4U,
                                  sizeof text, 'c', 10U),
                     24);
    assert_string_equal(text, "1,5    -3|4  |64% c 000a");
    assert_int_equal(
        number_print(text, sizeof text, "%lld %ld %" PRIu64 " %td", -5LL, -6L, UINT64_MAX, (ptrdiff_t)-7),
        29);
    assert_string_equal(text, "-5 -6 18446744073709551615 -7");
    assert_int_equal(number_print(cut, sizeof cut, "%s %g", "abcde", 0.25),
                     10); /* as snprintf: the whole length */
    assert_string_equal(cut, "abcde 0");
    snprintf(text, sizeof text, "%.1f", 0.5); /* the program's own numbers are not affected */
    assert_string_not_equal(text, "0.5");
}

static void test_messages(void **state)
{
    (void)state;
    need_comma();
    assert_fails(fail(error, LIMN_E_INPUT, "%.1f and %g", 2.5, 0.25), LIMN_E_INPUT, "2.5 and 0.25");
    assert_fails(fail_memory(error, "it", 1500000), LIMN_E_MEMORY, "needs 1.5 MB");
}

/* A number in the metadata. */
static void test_weights(void **state)
{
    (void)state;
    need_comma();
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, "tests/goldens/siggraph17-centred-mask.safetensors", &model, error));
    assert_string_equal(limn_model_metadata(model, "limn.mask_center"), "0.5");
    limn_model_free(model);
    limn_engine_free(engine);
}

/* The strides of receptive fields have decimals. */
static void test_an_explanation(void **state)
{
    (void)state;
    need_comma();
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = golden_model(engine, "enhancenet");
    char *text;
    assert_ok(limn_model_explain(model, (limn_size){1, 24, 32}, &text, error));
    assert_non_null(strstr(text, "\"stride\": 0.25}"));
    limn_text_free(text);
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_hints(void **state)
{
    (void)state;
    need_comma();
    static const char text[] = "[{\"x\": 1, \"y\": 2, \"a\": 12.75, \"b\": -3.5e0}]";
    struct hints hints;
    assert_ok(hints_parse((const unsigned char *)text, sizeof text - 1, "text", &hints, error));
    assert_int_equal(hints.count, 1);
    assert_true(hints.items[0].a == 12.75F && hints.items[0].b == -3.5F);
    hints_free(&hints);
}

static void test_a_table_of_pixels(void **state)
{
    (void)state;
    need_comma();
    static unsigned char levels[2][2] = {{1, 20}, {2, 40}};
    const struct picture planes[2] = {{.width = 2, .height = 1, .channels = 1, .pixels = levels[0]},
                                      {.width = 2, .height = 1, .channels = 1, .pixels = levels[1]}};
    const char *path = scratch_path("table.csv");
    struct output *output;
    unsigned char *bytes;
    size_t size;
    assert_ok(output_open(path, true, &output, error));
    assert_ok(pixels_write_table(planes, 2, output, error));
    assert_ok(output_commit(output, error));
    assert_ok(file_read_all(path, 1000, LIMN_E_INPUT, &bytes, &size, error));
    assert_non_null(strstr((const char *)bytes, ",1,2,1.5\n"));
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),           cmocka_unit_test(test_reading_long_numbers),
        cmocka_unit_test(test_printing),          cmocka_unit_test(test_messages),
        cmocka_unit_test(test_weights),           cmocka_unit_test(test_hints),
        cmocka_unit_test(test_a_table_of_pixels), cmocka_unit_test(test_an_explanation),
    };
    int failed = cmocka_run_group_tests_name("a comma", tests, set_comma, NULL);
    return failed + cmocka_run_group_tests_name("a decimal point of two bytes", tests, set_two_bytes, NULL);
}
