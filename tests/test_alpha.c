/* test_alpha.c - hidden pixels: their colours reach no visible pixel, whatever they are. */
#include "engine/base/memory.h"
#include "engine/pictures/alpha.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <stdlib.h>
#include <string.h>

/* Pseudo-random RGBA with hidden regions, borders of partial alpha and single holes; hidden pixels have the
 * given colour. */
static struct picture make_shape(int64_t width, int64_t height, const unsigned char hidden[3])
{
    struct picture picture;
    struct random random = {5};
    assert_ok(picture_create(width, height, 4, &picture, error));
    for (int64_t p = 0; p < width * height; p++) {
        unsigned char *pixel = picture.pixels + 4 * p;
        int64_t x = p % width - width / 2, y = p / width - height / 2, far = x * x + y * y;
        for (int c = 0; c < 3; c++)
            pixel[c] = (unsigned char)random_below(&random, 256);
        pixel[3] = (unsigned char)(far > 100 || random_below(&random, 9) == 0 ? 0 : far > 64 ? 128 : 255);
        if (!pixel[3])
            memcpy(pixel, hidden, 3);
    }
    return picture;
}

static const unsigned char magenta[3] = {255, 0, 255}, green[3] = {0, 255, 0};

static void test_hidden_colours_are_unknown(void **state)
{
    (void)state;
    static const int sizes[][2] = {{64, 48}, {37, 1}, {1, 37}, {1, 1}, {5, 7}, {200, 33}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture a = make_shape(sizes[i][0], sizes[i][1], magenta), first;
        struct picture b = make_shape(sizes[i][0], sizes[i][1], green), second;
        mem_restart_peak();
        size_t before = mem_in_use();
        assert_ok(alpha_fill(&a, &first, error));
        assert_true(!first.pixels || mem_peak() - before <= alpha_fill_bytes(&a) + 1024);
        assert_ok(alpha_fill(&b, &second, error));
        if (first.pixels) {
            assert_int_equal(first.channels, 3);
            assert_memory_equal(first.pixels, second.pixels, (size_t)(3 * a.width * a.height));
            for (int64_t p = 0; p < a.width * a.height; p++)
                assert_true(!a.pixels[4 * p + 3] || memcmp(first.pixels + 3 * p, a.pixels + 4 * p, 3) == 0);
        }
        picture_free(&a);
        picture_free(&b);
        picture_free(&first);
        picture_free(&second);
    }
}

/* A shape of one colour is continued by that colour, to the last pixel. */
static void test_a_flat_shape_has_no_border(void **state)
{
    (void)state;
    static const unsigned char colour[3] = {200, 31, 7};
    struct picture shape = make_shape(101, 67, magenta), filled;
    for (int64_t p = 0; p < shape.width * shape.height; p++)
        if (shape.pixels[4 * p + 3])
            memcpy(shape.pixels + 4 * p, colour, 3);
    assert_ok(alpha_fill(&shape, &filled, error));
    for (int64_t p = 0; p < shape.width * shape.height; p++)
        assert_memory_equal(filled.pixels + 3 * p, colour, 3);
    picture_free(&shape);
    picture_free(&filled);
}

static void test_opaque_pictures_are_not_copied(void **state)
{
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        struct picture picture, filled;
        assert_ok(picture_create(9, 5, channels, &picture, error));
        memset(picture.pixels, 255, (size_t)(9 * 5 * channels));
        assert_ok(alpha_fill(&picture, &filled, error));
        assert_null(filled.pixels);
        assert_int_equal(alpha_fill_bytes(&picture), 0);
        picture_free(&picture);
    }
}

/* Then no colour can reach a visible pixel. */
static void test_nothing_visible(void **state)
{
    (void)state;
    struct picture picture, filled;
    assert_ok(picture_create(9, 5, 4, &picture, error));
    for (int64_t p = 0; p < 9 * 5; p++)
        memcpy(picture.pixels + 4 * p, (unsigned char[]){255, 0, 70, 0}, 4);
    assert_ok(alpha_fill(&picture, &filled, error));
    for (int64_t p = 0; p < 9 * 5; p++)
        assert_memory_equal(filled.pixels + 3 * p, picture.pixels + 4 * p, 3);
    picture_free(&picture);
    picture_free(&filled);
}

/* Each colour comes back within what 8 bits can keep: 255 / alpha, rounded down once. */
static void test_multiply_and_divide(void **state)
{
    (void)state;
    for (int alpha = 0; alpha < 256; alpha++)
        for (int level = 0; level < 256; level++) {
            const unsigned char in[4] = {(unsigned char)level, 255, 0, (unsigned char)alpha};
            unsigned char out[4];
            alpha_multiply(in, 1, out);
            assert_int_equal(out[0], (2 * level * alpha + 255) / 510);
            assert_int_equal(out[1], alpha);
            assert_int_equal(out[3], alpha);
            alpha_divide(out, 1);
            if (alpha)
                assert_true(2 * alpha * abs(out[0] - level) <= 255 + 2 * alpha);
        }
}

static void test_without_memory(void **state)
{
    (void)state;
    struct picture shape = make_shape(33, 21, green), filled;
    size_t before = mem_in_use();
    limn_status status = LIMN_E_MEMORY;
    for (int nth = 1; status != LIMN_OK; nth++) {
        fault_at(FAULT_MEMORY, nth, false);
        status = alpha_fill(&shape, &filled, NULL);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK || (status == LIMN_E_MEMORY && !filled.pixels && nth < 5));
    }
    picture_free(&filled);
    assert_int_equal(mem_in_use(), before);
    picture_free(&shape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden_colours_are_unknown),
        cmocka_unit_test(test_a_flat_shape_has_no_border),
        cmocka_unit_test(test_opaque_pictures_are_not_copied),
        cmocka_unit_test(test_nothing_visible),
        cmocka_unit_test(test_multiply_and_divide),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
