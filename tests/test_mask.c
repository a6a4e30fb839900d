/* test_mask.c - every encoding of a mask in a file, and those that are refused. Run from the repository's
 * root.
 */
#include "engine/base/memory.h"
#include "engine/pictures/mask.h"
#include "engine/pictures/png_crc.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <stdio.h>
#include <string.h>

/* ---- files ------------------------------------------------------------------------------- */

/* A PNM of 3 x 2 pixels: the header up to the samples, then the samples. */
static const char *pnm_file(const char *magic, const void *samples, size_t size)
{
    char bytes[64];
    int header = snprintf(bytes, sizeof bytes, "%s 3 2 255\n", magic);
    memcpy(bytes + header, samples, size);
    const char *path = scratch_path("mask.pnm");
    write_file(path, bytes, (size_t)header + size);
    return path;
}

static void check_pixels(const char *path, bool binary, const unsigned char want[6])
{
    struct picture mask;
    assert_ok(mask_read(path, true, binary, &mask, error));
    assert_int_equal(mask.width, 3);
    assert_int_equal(mask.height, 2);
    assert_int_equal(mask.channels, 1);
    for (int i = 0; i < 6; i++)
        if (mask.pixels[i] != want[i])
            fail_with("%s, pixel %d: want %d, got %d", path, i, want[i], mask.pixels[i]);
    picture_free(&mask);
}

static void check_mask(const char *path, const unsigned char want[6])
{
    check_pixels(path, false, want);
}

static void check_binary(const char *path, const unsigned char want[6])
{
    check_pixels(path, true, want);
}

static void refuse_mask(const char *path, const char *part)
{
    struct picture mask;
    assert_fails(mask_read(path, true, false, &mask, error), LIMN_E_INPUT, part);
    assert_null(mask.pixels);
}

static void test_grey_masks(void **state)
{
    (void)state;
    static const unsigned char levels[6] = {0, 1, 20, 255, 128, 7};
    static const unsigned char two[6] = {0, 255, 255, 0, 0, 255}, two_classes[6] = {0, 1, 1, 0, 0, 1};
    static const unsigned char white[6] = {255, 255, 255, 255, 255, 255}, ones[6] = {1, 1, 1, 1, 1, 1};
    static const unsigned char zeros[6] = {0}, car_grey[6] = {0, 128, 0, 0, 128, 0};
    check_mask(pnm_file("P5", levels, 6), levels);
    check_mask(pnm_file("P5", two, 6), two_classes);
    check_mask(pnm_file("P5", white, 6), ones);
    check_mask(pnm_file("P5", zeros, 6), zeros);
    check_mask(pnm_file("P5", car_grey, 6), car_grey);
}

static void test_coloured_masks(void **state)
{
    (void)state;
    /* Classes 0, 1 (aeroplane), 15 (person), 20 (screen), 7 (car), 255 (border). */
    static const unsigned char colours[18] = {0, 0,  0,   128, 0,   0,   192, 128, 128,
                                              0, 64, 128, 128, 128, 128, 224, 224, 192};
    static const unsigned char classes[6] = {0, 1, 15, 20, 7, 255};
    static const unsigned char foreign[18] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 34, 56};
    static const unsigned char beyond[18] = {0, 0, 32}; /* would be index 256 */
    static const unsigned char car[18] = {0, 0, 0, 128, 128, 128};
    check_mask(pnm_file("P6", colours, 18), classes);
    refuse_mask(pnm_file("P6", foreign, 18), "pixel x = 1, y = 1 is #0c2238");
    refuse_mask(pnm_file("P6", beyond, 18), "pixel x = 0, y = 0 is #000020");
    refuse_mask(pnm_file("P6", car, 18), "class 7 of the VOC palette");
}

/* ---- PNG masks, built chunk by chunk ----------------------------------------------------- */

struct blob {
    unsigned char bytes[1024];
    size_t size;
};

static void put_32(struct blob *blob, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        blob->bytes[blob->size++] = (unsigned char)(value >> shift);
}

static void put_chunk(struct blob *blob, const char *type, const void *data, size_t size)
{
    put_32(blob, (uint32_t)size);
    unsigned char *start = blob->bytes + blob->size;
    memcpy(start, type, 4);
    memcpy(start + 4, data, size);
    blob->size += 4 + size;
    put_32(blob, png_crc(0, start, 4 + size));
}

/* A PNG of 3 x 2 pixels whose rows, with their filter bytes, are stored uncompressed. */
static const char *png_file(unsigned char depth, unsigned char colour_type, const void *palette,
                            size_t colours, const unsigned char *rows, size_t size)
{
    static struct blob png;
    const unsigned char header[13] = {0, 0, 0, 3, 0, 0, 0, 2, depth, colour_type};
    struct blob data = {{0x78, 1, 1, (unsigned char)size, 0, (unsigned char)~size, 255}, 7};
    uint32_t low = 1, high = 0; /* Adler-32 */
    for (size_t i = 0; i < size; i++) {
        data.bytes[data.size++] = rows[i];
        low += rows[i];
        high += low;
    }
    put_32(&data, high % 65521 << 16 | low % 65521);
    png.size = 8;
    memcpy(png.bytes, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&png, "IHDR", header, 13);
    if (colours)
        put_chunk(&png, "PLTE", palette, 3 * colours);
    put_chunk(&png, "IDAT", data.bytes, data.size);
    put_chunk(&png, "IEND", "", 0);
    const char *path = scratch_path("mask.png");
    write_file(path, png.bytes, png.size);
    return path;
}

/* The colours of the palette do not matter, not even if they are all alike or too few. 0 and 255 stay. */
static void test_palette_masks(void **state)
{
    (void)state;
    static const unsigned char palette[3 * 21] = {9, 9, 9, 9, 9, 9};
    static const unsigned char rows[] = {0, 0, 1, 20, 0, 255, 3, 7}, classes[] = {0, 1, 20, 255, 3, 7};
    static const unsigned char border[] = {0, 0, 0, 255, 0, 255, 0, 0}, kept[] = {0, 0, 255, 255, 0, 0};
    static const unsigned char bits[] = {0, 0x60, 0, 0x80}, two[] = {0, 1, 1, 1, 0, 0};
    check_mask(png_file(8, 3, palette, 21, rows, sizeof rows), classes);
    check_mask(png_file(8, 3, palette, 1, rows, sizeof rows), classes);
    check_mask(png_file(8, 3, palette, 21, border, sizeof border), kept);
    check_mask(png_file(1, 3, palette, 2, bits, sizeof bits), two);
}

static void test_other_png_masks(void **state)
{
    (void)state;
    static const unsigned char palette[6] = {1, 2, 3, 4, 5, 6};
    static const unsigned char bits[] = {0, 0x60, 0, 0x80}, two[] = {0, 1, 1, 1, 0, 0};
    static const unsigned char grey[] = {0, 0, 1, 128, 0, 255, 3, 7}, levels[] = {0, 1, 128, 255, 3, 7};
    static const unsigned char alpha[] = {0, 0, 9, 1, 8, 2, 7, 0, 3, 6, 4, 5, 5, 4},
                               up[] = {0, 1, 2, 3, 4, 5};
    static const unsigned char rgb[20] = {0, 0, 0, 0, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0},
                               classes[6] = {0, 1, 2};
    check_mask(png_file(1, 0, NULL, 0, bits, sizeof bits), two);
    check_mask(png_file(8, 0, NULL, 0, grey, sizeof grey), levels);
    check_mask(png_file(8, 4, NULL, 0, alpha, sizeof alpha), up);
    check_mask(png_file(8, 2, palette, 2, rgb, sizeof rgb),
               classes); /* a palette that is only a suggestion */
    refuse_mask("tests/pictures/grey.jpg", "JPEG");
    refuse_mask(scratch_path("absent.png"), "absent.png");
}

/* The right values are those that NumPy and Pillow store: big-endian levels, not scaled. */
static void test_masks_of_16_bits(void **state)
{
    (void)state;
    static const unsigned char classes[6] = {0, 1, 255, 7, 200, 0}, two[6] = {0, 1, 1, 0, 0, 1};
    static const unsigned char grey[14] = {0, 0, 0, 0, 1, 0, 255, 0, 0, 7, 0, 200, 0, 0};
    static const unsigned char filtered[14] = {1, 0, 0, 0, 1, 0, 254, 2, 0, 7, 0, 199, 0, 1}; /* Sub, Up */
    static const unsigned char alpha[26] = {0, 0, 0, 9, 9, 0, 1,   255, 255, 0, 255, 0, 0,
                                            0, 0, 7, 1, 2, 0, 200, 3,   4,   0, 0,   5, 6};
    static const unsigned char white[14] = {0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 255, 255};
    static const unsigned char instances[14] = {0, 0, 0, 1, 0, 3, 233, 0, 0, 0, 0, 0, 0, 5}, rgb[38] = {0};
    static const unsigned char joined[6] = {0, 1, 1, 0, 0, 1};
    check_mask(png_file(16, 0, NULL, 0, grey, sizeof grey), classes);
    check_mask(png_file(16, 0, NULL, 0, filtered, sizeof filtered), classes);
    check_mask(png_file(16, 4, NULL, 0, alpha, sizeof alpha), classes);
    check_mask(png_file(16, 0, NULL, 0, white, sizeof white), two);
    refuse_mask(png_file(16, 2, NULL, 0, rgb, sizeof rgb), "16-bit colours");
    const char *path = png_file(16, 0, NULL, 0, instances, sizeof instances);
    struct picture mask;
    refuse_mask(path, "labels up to 1001, classes 0 to 255 expected");
    assert_reason(mask_read(path, true, false, &mask, error), LIMN_REASON_LABELS);
    check_binary(path, joined);
}

static void test_pnm_masks_of_16_bits(void **state)
{
    (void)state;
    static const char plain[] = "P2 3 2 1001\n0 1 1001\n0 0 5\n", ppm[] = "P3 1 1 65535 0 0 0\n";
    static const unsigned char raw[] = "P5 3 2 65535\n\0\0\0\1\0\377\0\7\0\310\0";
    static const unsigned char joined[6] = {0, 1, 1, 0, 0, 1}, classes[6] = {0, 1, 255, 7, 200, 0};
    const char *path = scratch_path("mask.pgm");
    write_file(path, raw, sizeof raw);
    check_mask(path, classes);
    write_file(path, plain, sizeof plain - 1);
    refuse_mask(path, "labels up to 1001");
    check_binary(path, joined);
    write_file(path, ppm, sizeof ppm - 1);
    refuse_mask(path, "16-bit colours");
}

static void test_binary_masks(void **state)
{
    (void)state;
    static const unsigned char levels[6] = {0, 1, 20, 255, 128, 0}, joined[6] = {0, 1, 1, 1, 1, 0};
    static const unsigned char palette[3 * 21] = {9}, rows[] = {0, 0, 1, 20, 0, 255, 3, 0};
    static const unsigned char car[18] = {0, 0, 0, 128, 128, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 128, 128};
    static const unsigned char of_car[6] = {0, 1, 0, 0, 0, 1};
    check_binary(pnm_file("P5", levels, 6), joined);
    check_binary(png_file(8, 3, palette, 21, rows, sizeof rows), joined);
    refuse_mask(pnm_file("P6", car, 18), "ambiguous");
    check_binary(pnm_file("P6", car, 18), of_car);
}

static void fail_each_allocation(const char *path)
{
    size_t before = mem_in_use();
    limn_status status = LIMN_E_MEMORY;
    int nth = 0;
    while (status != LIMN_OK) {
        struct picture mask;
        fault_at(FAULT_MEMORY, ++nth, false);
        status = mask_read(path, true, false, &mask, NULL);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
        picture_free(&mask);
        assert_int_equal(mem_in_use(), before);
    }
    assert_true(nth > 1);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const unsigned char palette[9] = {0}, rows[] = {0, 0, 1, 2, 0, 2, 1, 0}, wide[14] = {0};
    fail_each_allocation(png_file(8, 3, palette, 3, rows, sizeof rows));
    fail_each_allocation(png_file(16, 0, NULL, 0, wide, sizeof wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grey_masks),       cmocka_unit_test(test_coloured_masks),
        cmocka_unit_test(test_palette_masks),    cmocka_unit_test(test_other_png_masks),
        cmocka_unit_test(test_masks_of_16_bits), cmocka_unit_test(test_pnm_masks_of_16_bits),
        cmocka_unit_test(test_binary_masks),     cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
