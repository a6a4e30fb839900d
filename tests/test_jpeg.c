/* test_jpeg.c - the steps of decoding a JPEG against plain references, and whole files against the pixels
 * that Pillow reads (pictures/jpeg). python/test_jpeg.py compares many more. Run from the repository's root.
 */
#include "engine/base/memory.h"
#include "engine/pictures/jpeg_enlarge.h"
#include "engine/pictures/jpeg_idct.h"
#include "engine/pictures/picture_probe.h"
#include "tests/support_faults.h"
#include "tests/support_pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the inverse transform --------------------------------------------------------------- */

/* ITU-T T.81, A.3.3, by its definition. */
static void idct_ref(const int16_t coefficients[64], double samples[64])
{
    const double pi = acos(-1);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            double sum = 0;
            for (int v = 0; v < 8; v++)
                for (int u = 0; u < 8; u++)
                    sum += (u ? 1 : sqrt(0.5)) * (v ? 1 : sqrt(0.5)) * coefficients[8 * v + u] *
                           cos((2 * x + 1) * u * pi / 16) * cos((2 * y + 1) * v * pi / 16);
            samples[8 * y + x] = fmin(fmax(128 + sum / 4, 0), 255);
        }
}

/* Blocks of one to all coefficients, small and large, at a stride that is not 8. The fixed-point result may
 * differ by a little more than the half level of its rounding. */
static void test_idct(void **state)
{
    (void)state;
    enum { STRIDE = 11 };
    struct random random = {5};
    for (int n = 0; n < 3000; n++) {
        int16_t coefficients[64] = {0}, copy[64];
        unsigned char got[8 * STRIDE];
        double want[64];
        int count = n % 65, most = n % 3 ? 20 : 1000;
        for (int i = 0; i < count; i++)
            coefficients[random_below(&random, 64)] = (int16_t)(random_below(&random, 2 * most + 1) - most);
        memcpy(copy, coefficients, sizeof copy);
        memset(got, 77, sizeof got);
        idct_ref(coefficients, want);
        jpeg_idct(got, STRIDE, copy);
        for (int i = 0; i < 8 * STRIDE; i++) {
            int x = i % STRIDE, y = i / STRIDE;
            if (x >= 8 && got[i] != 77)
                fail_with("block %d: [y=%d,x=%d] beyond the block was written", n, y, x);
            if (x < 8 && fabs(got[i] - want[8 * y + x]) > 0.7)
                fail_with("block %d of %d coefficients: [y=%d,x=%d] want %.3f, got %d", n, count, y, x,
                          want[8 * y + x], got[i]);
        }
    }
}

/* Numbers beyond those of any picture, which odd files have: the samples are black or white, as the
 * definition says, not what is left of them in 16 bits. */
static void test_idct_large(void **state)
{
    (void)state;
    struct random random = {6};
    for (int n = 0; n < 1000; n++) {
        int16_t coefficients[64] = {0};
        unsigned char got[64];
        int dc = 2500 + (int)random_below(&random, 5000);
        bool black = n % 2;
        for (int i = 0; i < n % 9; i++)
            coefficients[random_below(&random, 64)] = (int16_t)(random_below(&random, 41) - 20);
        coefficients[0] = (int16_t)(black ? -dc : dc);
        jpeg_idct(got, 8, coefficients);
        for (int i = 0; i < 64; i++)
            if (got[i] != (black ? 0 : 255))
                fail_with("DC %d: sample %d is %d", black ? -dc : dc, i, got[i]);
    }
}

/* ---- enlargement and colours ------------------------------------------------------------- */

/* Runs jpeg_to_rgb on grey planes: what it makes of the enlarged component. */
static void enlarge(struct stb_plane plane, int width, int height, unsigned char *grey)
{
    struct stb_jpeg jpeg = {1, {plane}};
    void *rows = test_malloc(jpeg_rows_bytes(width));
    unsigned char *rgb = test_malloc((size_t)(3 * width * height));
    jpeg_to_rgb(&jpeg, width, height, false, rows, rgb);
    for (int i = 0; i < width * height; i++) {
        assert_true(rgb[3 * i] == rgb[3 * i + 1] && rgb[3 * i] == rgb[3 * i + 2]);
        grey[i] = rgb[3 * i];
    }
    test_free(rgb);
    test_free(rows);
}

/* Worked out by hand from the formulas at the head of jpeg_enlarge.c. */
static void test_enlargement(void **state)
{
    (void)state;
    static const unsigned char three[] = {10, 21, 200}, two_rows[] = {10, 21, 200, 50, 0, 255};
    static const struct {
        struct stb_plane plane;
        int width, height;
        unsigned char want[24];
    } cases[] = {
        /* (3*10+21+2)/4, (3*21+10+1)/4, (3*21+200+2)/4, (3*200+21+1)/4 */
        {{three, 3, 1, 3, 2, 1, NULL}, 6, 1, {10, 13, 18, 66, 155, 200}},
        {{three, 3, 1, 3, 2, 1, NULL}, 5, 1, {10, 13, 18, 66, 155}},
        {{three, 2, 1, 3, 2, 1, NULL}, 4, 1, {10, 10, 21, 21}}, /* two samples: repeated */
        {{three, 3, 1, 3, 4, 1, NULL}, 10, 1, {10, 10, 10, 10, 21, 21, 21, 21, 200, 200}},
        {{three, 1, 3, 1, 1, 2, NULL}, 1, 6, {10, 13, 18, 66, 155, 200}},
        {{three, 1, 3, 1, 1, 3, NULL}, 1, 7, {10, 10, 10, 21, 21, 21, 200}},
        /* Rows 3*near+far: 40 84 800, then 80 63 855, then 160 21 965, then 200 0 1020. */
        {{two_rows, 3, 2, 3, 2, 2, NULL}, 6, 4, {10, 13, 18, 66, 155, 200, 20, 19, 17, 65, 164, 214,
                                                 40, 31, 14, 64, 182, 241, 50, 37, 13, 64, 191, 255}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char got[24];
        enlarge(cases[i].plane, cases[i].width, cases[i].height, got);
        for (int p = 0; p < cases[i].width * cases[i].height; p++)
            if (got[p] != cases[i].want[p])
                fail_with("case %zu: [y=%d,x=%d] want %d, got %d", i, p / cases[i].width, p % cases[i].width,
                          cases[i].want[p], got[p]);
    }
}

/* Every Cb and Cr, with some Y, against T.871 in double precision. The rounded factors are exact enough that
 * no result is off by more than the half level of rounding and a hundredth. */
static void test_colours(void **state)
{
    (void)state;
    enum { SIDE = 256 };
    static unsigned char y[SIDE * SIDE], cb[SIDE * SIDE], cr[SIDE * SIDE], rgb[3 * SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
        y[i] = (unsigned char)(i * 7 + i / 256 * 3);
        cb[i] = (unsigned char)i;
        cr[i] = (unsigned char)(i / SIDE);
    }
    struct stb_jpeg jpeg = {3,
                            {{y, SIDE, SIDE, SIDE, 1, 1, NULL},
                             {cb, SIDE, SIDE, SIDE, 1, 1, NULL},
                             {cr, SIDE, SIDE, SIDE, 1, 1, NULL}}};
    void *rows = test_malloc(jpeg_rows_bytes(SIDE));
    jpeg_to_rgb(&jpeg, SIDE, SIDE, false, rows, rgb);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double want[3] = {y[i] + 1.402 * (cr[i] - 128),
                          y[i] - 0.34414 * (cb[i] - 128) - 0.71414 * (cr[i] - 128),
                          y[i] + 1.772 * (cb[i] - 128)};
        for (int c = 0; c < 3; c++)
            if (fabs(fmin(fmax(want[c], 0), 255) - rgb[3 * i + c]) > 0.51)
                fail_with("Y %d, Cb %d, Cr %d, channel %d: want %.3f, got %d", y[i], cb[i], cr[i], c, want[c],
                          rgb[3 * i + c]);
    }
    jpeg_to_rgb(&jpeg, SIDE, SIDE, true, rows, rgb);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_true(rgb[3 * i] == y[i] && rgb[3 * i + 1] == cb[i] && rgb[3 * i + 2] == cr[i]);
    test_free(rows);
}

/* ---- whole files ------------------------------------------------------------------------- */

static const char *const names[] = {
    "420",       "422-progressive", "440-restarts", "411",     "third-separate",
    "luma-less", "narrow",          "rgb",          "grey-2x2"};
enum { NAMES = sizeof names / sizeof *names };

static void load_named(const char *name, struct blob *jpeg)
{
    char path[64];
    snprintf(path, sizeof path, "tests/pictures/jpeg/%s.jpg", name);
    load_file(path, jpeg);
}

static struct picture read_golden(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "tests/pictures/jpeg/%s.ppm", name);
    return read_ok(path);
}

static void assert_decodes(const struct blob *jpeg, const struct picture *want, const char *what)
{
    struct picture got;
    limn_error error;
    if (picture_decode(jpeg->bytes, jpeg->size, "built", true, &got, &error))
        fail_with("%s: %s", what, error.message);
    assert_same(want, &got, what);
    picture_free(&got);
}

static void test_files(void **state)
{
    (void)state;
    static struct blob jpeg;
    for (int i = 0; i < NAMES; i++) {
        struct picture want = read_golden(names[i]);
        load_named(names[i], &jpeg);
        assert_decodes(&jpeg, &want, names[i]);
        picture_free(&want);
    }
}

/* What libjpeg passes over changes nothing. */
static void test_passed_over(void **state)
{
    (void)state;
    static struct blob jpeg, whole;
    static const char after[] = "\xff\xd8\xff\xda maker's trailer\xff";
    for (int i = 0; i < NAMES; i++) {
        struct picture want = read_golden(names[i]);
        load_named(names[i], &whole);
        jpeg = whole;
        add_bytes(&jpeg, after, sizeof after);
        assert_decodes(&jpeg, &want, "after the end");
        jpeg = whole;
        insert_segment(&jpeg, 0xfe, "\xff\xd9\xff\xda", 4);
        assert_decodes(&jpeg, &want, "comment of markers");
        jpeg = whole;
        jpeg.size -= 2;
        add_bytes(&jpeg, "\xff\xd0\xff\xff\xff\xd9", 6);
        assert_decodes(&jpeg, &want, "restart marker and fill bytes before the end");
        jpeg.size = whole.size - 2;
        add_bytes(&jpeg, " \0 \xff\xd9", 5);
        assert_decodes(&jpeg, &want, "stray bytes before the end");
        jpeg.size = 2;
        add_bytes(&jpeg, "\xff\xff\xff", 3);
        add_bytes(&jpeg, whole.bytes + 2, whole.size - 2);
        assert_decodes(&jpeg, &want, "fill bytes after the start");
        picture_free(&want);
    }
}

/* A baseline file without an end marker, and then anything. */
static void test_no_end(void **state)
{
    (void)state;
    static struct blob jpeg;
    static const struct {
        const char *bytes;
        size_t size;
    } after[] = {
        {"", 0}, {"\xff", 1}, {"\0\0\0\0\0\0\0\0\0\0\0", 11}, {"maker's \xff\0 trailer \xff\x02", 20}};
    for (int i = 0; i < NAMES; i++)
        for (size_t k = 0; k < sizeof after / sizeof *after; k++) {
            struct picture want = read_golden(names[i]), got;
            load_named(names[i], &jpeg);
            bool progressive = memmem(jpeg.bytes, jpeg.size, "\xff\xc2", 2);
            jpeg.size -= 2;
            add_bytes(&jpeg, after[k].bytes, after[k].size);
            if (progressive)
                assert_fails(picture_decode(jpeg.bytes, jpeg.size, "built", true, &got, error), LIMN_E_INPUT,
                             "ends early");
            else
                assert_decodes(&jpeg, &want, after[k].bytes);
            picture_free(&want);
        }
}

/* The standard Huffman tables are used where the file has none, and only in baseline files. */
static void test_no_huffman_tables(void **state)
{
    (void)state;
    static struct blob jpeg, bare;
    static const char *const files[] = {"restarts", "subsampled", "grey", "progressive"};
    for (int i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/pictures/%s.jpg", files[i]);
        struct picture want = read_ok(path), got;
        load_file(path, &jpeg);
        bare.size = 0;
        add_bytes(&bare, jpeg.bytes, 2);
        for (size_t at = 2; at < jpeg.size;) {
            bool scan = jpeg.bytes[at + 1] == 0xda;
            size_t size = scan ? jpeg.size - at : 2 + (size_t)(jpeg.bytes[at + 2] << 8 | jpeg.bytes[at + 3]);
            if (jpeg.bytes[at + 1] != 0xc4)
                add_bytes(&bare, jpeg.bytes + at, size);
            at += size;
        }
        if (i < 3)
            assert_decodes(&bare, &want, path);
        else
            assert_fails(picture_decode(bare.bytes, bare.size, "built", true, &got, error), LIMN_E_INPUT,
                         "table that the file does not have");
        picture_free(&want);
    }
}

/* ---- memory ------------------------------------------------------------------------------ */

/* As much as was announced is enough; each allocation that fails is reported. */
static void test_memory(void **state)
{
    (void)state;
    static struct blob jpeg;
    for (int i = 0; i < NAMES; i++) {
        struct picture_header header;
        struct picture picture;
        limn_error error;
        limn_status status = LIMN_E_MEMORY;
        size_t before = mem_in_use();
        load_named(names[i], &jpeg);
        struct picture_bytes file = {jpeg.bytes, jpeg.size, "built"};
        assert_int_equal(picture_probe(&file, &header, NULL), LIMN_OK);
        mem_set_limit(before + picture_decoding_bytes(&header, true));
        assert_int_equal(picture_decode(jpeg.bytes, jpeg.size, "built", true, &picture, NULL), LIMN_OK);
        mem_set_limit(0);
        picture_free(&picture);
        int nth = 0;
        while (status) {
            fault_at(FAULT_MEMORY, ++nth, false);
            status = picture_decode(jpeg.bytes, jpeg.size, "built", true, &picture, &error);
            fault_at(FAULT_MEMORY, 0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            picture_free(&picture);
            assert_int_equal(mem_in_use(), before);
        }
        assert_true(nth > 4); /* the copy, the decoder, planes, rows, pixels */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idct),        cmocka_unit_test(test_idct_large),
        cmocka_unit_test(test_enlargement), cmocka_unit_test(test_colours),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_no_end),      cmocka_unit_test(test_no_huffman_tables),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
