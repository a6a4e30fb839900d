/* test_locale.c - a program around the library may have set a locale whose numbers have a comma. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pipelines/hints.h"
#include "engine/pixels/pixels.h"
#include "tests/support.h"
#include "weights/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A German locale, made for this run by glibc's localedef from Debian's package locales. */
static int set_comma(void **state)
{
    (void)state;
    char folder[512], command[1200];
    snprintf(folder, sizeof folder, "%s", scratch_path("locales"));
    snprintf(command, sizeof command,
             "mkdir -p '%s' && localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", folder, folder);
    if (system(command) == 0 && setenv("LOCPATH", folder, 1) == 0)
        setlocale(LC_ALL, "de_DE.UTF-8");
    return 0;
}

/* Skips the test, and says why, where there is no such locale. */
static void need_comma(void)
{
    if (strcmp(localeconv()->decimal_point, ",") == 0)
        return;
    print_message("no locale with a decimal comma: localedef, or its de_DE (Debian: locales), is not here\n");
    skip();
}

static void test_numbers(void **state)
{
    (void)state;
    need_comma();
    char text[32], *end;
    assert_true(strtod("1.5", NULL) == 1); /* the fault to avoid */
    assert_true(number_parse("1.5x", &end) == 1.5 && *end == 'x');
    assert_int_equal(number_print(text, sizeof text, "%.2f|%g|%s", 1234.5, 0.25, "a"), 14);
    assert_string_equal(text, "1234.50|0.25|a");
    snprintf(text, sizeof text, "%.1f", 0.5); /* the program's own numbers stay as it wants them */
    assert_string_equal(text, "0,5");
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
    assert_ok(output_open(path, false, &output, error));
    assert_ok(pixels_write_table(planes, 2, output, error));
    assert_ok(output_commit(output, error));
    assert_ok(file_read_all(path, 1000, LIMN_E_INPUT, &bytes, &size, error));
    assert_non_null(strstr((const char *)bytes, ",1,2,1.5\n"));
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),           cmocka_unit_test(test_messages),
        cmocka_unit_test(test_weights),           cmocka_unit_test(test_hints),
        cmocka_unit_test(test_a_table_of_pixels),
    };
    return cmocka_run_group_tests(tests, set_comma, NULL);
}
