/* test_draw.c - drawing cut off at every border against plain loops, the palette, the legend. */
#include "engine/base/memory.h"
#include "engine/pictures/draw.h"
#include "engine/pictures/font.h"
#include "engine/pictures/legend.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct rgb red = {200, 10, 20}, black = {0, 0, 0}, white = {255, 255, 255};

/* A picture in which every byte differs from its neighbours. */
static struct picture make_picture(int64_t width, int64_t height, int channels, int seed)
{
    struct picture picture;
    assert_ok(picture_create(width, height, channels, &picture, error));
    for (int64_t i = 0; i < width * height * channels; i++)
        picture.pixels[i] = (unsigned char)(i * 37 + seed);
    return picture;
}

static struct picture make_white(int64_t width, int64_t height)
{
    struct picture picture = make_picture(width, height, 3, 0);
    memset(picture.pixels, 255, (size_t)(width * height * 3));
    return picture;
}

static const unsigned char *pixel(const struct picture *picture, int64_t x, int64_t y)
{
    return picture->pixels + (y * picture->width + x) * picture->channels;
}

/* ---- drawing ----------------------------------------------------------------------------- */

static void test_fill(void **state)
{
    (void)state;
    enum { WIDTH = 5, HEIGHT = 4 };
    for (int channels = 3; channels <= 4; channels++)
        for (int64_t i = 0; i < 11 * 11 * 9 * 9; i++) {
            struct box box = {i % 11 - 3, i / 11 % 11 - 3, i / 121 % 9 - 1, i / 1089 - 1};
            struct picture picture = make_picture(WIDTH, HEIGHT, channels, 0);
            struct picture before = make_picture(WIDTH, HEIGHT, channels, 0);
            draw_fill(&picture, box, red);
            for (int64_t y = 0; y < HEIGHT; y++)
                for (int64_t x = 0; x < WIDTH; x++) {
                    bool inside = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
                    const unsigned char filled[4] = {red.red, red.green, red.blue, 255};
                    const unsigned char *want = inside ? filled : pixel(&before, x, y);
                    if (memcmp(pixel(&picture, x, y), want, (size_t)channels) != 0)
                        fail_with("box %" PRId64 ",%" PRId64 " %" PRId64 "x%" PRId64 ": pixel %" PRId64
                                  ",%" PRId64,
                                  box.x, box.y, box.width, box.height, x, y);
                }
            picture_free(&picture);
            picture_free(&before);
        }
}

static void test_frame(void **state)
{
    (void)state;
    struct picture picture = make_white(9, 8);
    draw_frame(&picture, (struct box){1, 1, 7, 6}, 2, black);
    for (int64_t y = 0; y < 8; y++)
        for (int64_t x = 0; x < 9; x++) {
            bool in = x >= 1 && x < 8 && y >= 1 && y < 7, hole = x >= 3 && x < 6 && y >= 3 && y < 5;
            assert_int_equal(pixel(&picture, x, y)[0], in && !hole ? 0 : 255);
        }
    picture_free(&picture);
}

static bool ink_at(uint32_t code, int x, int y)
{
    struct glyph glyph = font_glyph(code);
    return x < glyph.columns && glyph.rows[y][x] == '#';
}

/* Text at any place and scale is the ink of its letters, one after the other. */
static void check_text(const char *text, int64_t x, int64_t y, int scale)
{
    enum { WIDTH = 40, HEIGHT = 20 };
    struct picture picture = make_white(WIDTH, HEIGHT), want = make_white(WIDTH, HEIGHT);
    draw_text(&picture, x, y, text, scale, red);
    int64_t left = x;
    for (const char *c = text; *c; c++) {
        for (int64_t py = 0; py < HEIGHT; py++)
            for (int64_t px = 0; px < WIDTH; px++) {
                int64_t column = px - left, row = py - y;
                if (column >= 0 && row >= 0 && row / scale < FONT_HEIGHT && column / scale < 6 &&
                    ink_at((unsigned char)*c, (int)(column / scale), (int)(row / scale)))
                    memcpy(want.pixels + 3 * (py * WIDTH + px), &red, 3);
            }
        left += font_glyph((unsigned char)*c).advance * scale;
    }
    if (memcmp(picture.pixels, want.pixels, WIDTH * HEIGHT * 3) != 0)
        fail_with("\"%s\" at %" PRId64 ",%" PRId64 ", scale %d", text, x, y, scale);
    picture_free(&picture);
    picture_free(&want);
}

static void test_text(void **state)
{
    (void)state;
    for (int scale = 1; scale <= 3; scale++)
        for (int64_t y = -31; y <= 21; y += 4)
            for (int64_t x = -60; x <= 41; x += 3)
                check_text("Wij 10%", x, y, scale);
}

static void test_text_width(void **state)
{
    (void)state;
    assert_int_equal(draw_text_width("", 2), 0);
    struct picture picture = make_white(200, 20);
    draw_text(&picture, 0, 0, "A horse, 42%", 2, black);
    int64_t right = 0;
    for (int64_t i = 0; i < 200 * 20; i++)
        if (picture.pixels[3 * i] == 0 && i % 200 + 1 > right)
            right = i % 200 + 1;
    assert_int_equal(draw_text_width("A horse, 42%", 2), right);
    assert_int_equal(draw_text_width("\xC3\xA9", 1), draw_text_width("\x7f", 1));
    picture_free(&picture);
}

static void check_picture(int to_channels, int from_channels, int64_t left, int64_t top)
{
    enum { WIDTH = 5, HEIGHT = 4 };
    struct picture picture = make_picture(WIDTH, HEIGHT, to_channels, 0);
    struct picture before = make_picture(WIDTH, HEIGHT, to_channels, 0);
    struct picture from = make_picture(3, 2, from_channels, 99);
    draw_picture(&picture, left, top, &from);
    for (int64_t y = 0; y < HEIGHT; y++)
        for (int64_t x = 0; x < WIDTH; x++) {
            unsigned char want[4];
            memcpy(want, pixel(&before, x, y), (size_t)to_channels);
            if (x >= left && x < left + 3 && y >= top && y < top + 2) {
                const unsigned char *source = pixel(&from, x - left, y - top);
                bool mixed = to_channels == 3 && from_channels == 4;
                for (int c = 0; c < 3; c++)
                    want[c] = mixed ? (unsigned char)lround(
                                          (source[c] * source[3] + want[c] * (255 - source[3])) / 255.0)
                                    : source[c];
                want[3] = from_channels == 4 ? source[3] : 255;
            }
            if (memcmp(pixel(&picture, x, y), want, (size_t)to_channels) != 0)
                fail_with("%d channels onto %d at %" PRId64 ",%" PRId64 ": pixel %" PRId64 ",%" PRId64,
                          from_channels, to_channels, left, top, x, y);
        }
    picture_free(&picture);
    picture_free(&before);
    picture_free(&from);
}

static void test_picture(void **state)
{
    (void)state;
    for (int channels = 0; channels < 4; channels++)
        for (int64_t y = -3; y <= 5; y++)
            for (int64_t x = -4; x <= 6; x++)
                check_picture(3 + channels / 2, 3 + channels % 2, x, y);
}

/* ---- palette ----------------------------------------------------------------------------- */

static void test_palette(void **state)
{
    (void)state;
    static const struct {
        int index;
        struct rgb colour;
    } known[] = {
        {0, {0, 0, 0}},     {1, {128, 0, 0}},     {2, {0, 128, 0}},       {3, {128, 128, 0}},
        {4, {0, 0, 128}},   {7, {128, 128, 128}}, {8, {64, 0, 0}},        {15, {192, 128, 128}},
        {20, {0, 64, 128}}, {21, {128, 64, 128}}, {255, {224, 224, 192}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct rgb colour = palette_voc(known[i].index);
        assert_memory_equal(&colour, &known[i].colour, sizeof colour);
    }
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < a; b++) {
            struct rgb left = palette_voc(a), right = palette_voc(b);
            assert_memory_not_equal(&left, &right, sizeof left);
        }
}

/* ---- legend ------------------------------------------------------------------------------ */

static const struct legend_entry entries[] = {
    {{0, 0, 0}, "background", 0.625},
    {{128, 0, 0}, "aeroplane", 0.9996},
    {{0, 128, 0}, "bicycle", 0.0001},
    {{0, 64, 128}, "tv/monitor", 0},
};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* Whether `text` is drawn in dark ink with its right end at `right`, its line starting at y. */
static bool has_text(const struct picture *legend, const char *text, int64_t right, int64_t y, int scale)
{
    int64_t width = draw_text_width(text, scale);
    struct picture want = make_white(legend->width, legend->height);
    draw_text(&want, right - width, y, text, scale, black);
    bool same = true;
    for (int64_t row = y; row < y + FONT_HEIGHT * scale; row++)
        for (int64_t x = right - width; x < right; x++)
            same &= (pixel(legend, x, row)[0] < 128) == (pixel(&want, x, row)[0] < 128);
    picture_free(&want);
    return same;
}

static void test_legend(void **state)
{
    (void)state;
    static const char *const shares[] = {"62.5%", ">99.9%", "<0.1%", "0.0%"};
    for (int scale = 1; scale <= 3; scale++) {
        int64_t height, width;
        struct picture legend;
        legend_size(entries, ENTRIES, scale, &height, &width);
        assert_ok(legend_draw(entries, ENTRIES, scale, height, width, &legend, error));
        assert_int_equal(legend.height, height);
        assert_int_equal(legend.width, width);
        for (int i = 0; i < ENTRIES; i++) {
            int64_t top = (6 + 14 * i) * scale;
            assert_memory_equal(pixel(&legend, 10 * scale, top + 4 * scale), &entries[i].colour, 3);
            assert_true(has_text(&legend, shares[i], width - 6 * scale, top, scale));
            assert_true(has_text(&legend, entries[i].name,
                                 20 * scale + draw_text_width(entries[i].name, scale), top, scale));
        }
        assert_memory_equal(pixel(&legend, width - 1, height - 1), &white, 3);
        picture_free(&legend);
    }
}

static void test_legend_cut(void **state)
{
    (void)state;
    struct picture legend;
    assert_ok(
        legend_draw(entries, ENTRIES, 1, 50, 90, &legend, error)); /* three lines, narrower than wanted */
    assert_true(has_text(&legend, "62.5%", 84, 6, 1));
    assert_true(has_text(&legend, "backg..", 20 + draw_text_width("backg..", 1), 6, 1));
    assert_true(has_text(&legend, "and 2 more", 20 + draw_text_width("and 2 more", 1), 34, 1));
    picture_free(&legend);
    /* Nothing fits, or nearly nothing: the legend must only stay inside the picture. */
    for (int64_t side = 1; side < 60; side++) {
        assert_ok(legend_draw(entries, ENTRIES, 1 + (int)(side % 2), side, 60 - side, &legend, error));
        picture_free(&legend);
    }
    assert_ok(legend_draw(NULL, 0, 1, 20, 20, &legend, error));
    picture_free(&legend);
}

static void test_legend_long_name(void **state)
{
    (void)state;
    char name[4001];
    for (int i = 0; i < 4000; i += 2)
        memcpy(name + i, "\xC3\xA9", 3);
    struct legend_entry entry = {{9, 9, 9}, name, 0.5};
    int64_t height, width;
    struct picture legend;
    legend_size(&entry, 1, 1, &height, &width);
    assert_ok(legend_draw(&entry, 1, 1, height, width, &legend, error));
    picture_free(&legend);
    fault_at(FAULT_MEMORY, 1, false);
    assert_fails(legend_draw(&entry, 1, 1, height, width, &legend, error), LIMN_E_MEMORY, "out of memory");
    fault_at(FAULT_MEMORY, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_width),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_legend),
        cmocka_unit_test(test_legend_cut),
        cmocka_unit_test(test_legend_long_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
