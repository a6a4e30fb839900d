/* test_picture_write.c - writing pictures: what is read back, the bytes of the file, what is refused, full
 * disks; and readers and writers when each of their allocations fails in turn. Run from the repository's
 * root. */
#include "tests/support_faults.h"
#include "tests/support_pictures.h"

#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- writing ----------------------------------------------------------------------------- */

static void test_round_trips(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 9}, {11, 1}, {2, 2}, {33, 17}, {400, 301}};
    static const char *const names[] = {"round.png", "round.ppm", "round.PNM", "round.bmp"};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int channels = 3; channels <= 4; channels++)
            for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
                struct picture want = make_picture(sizes[s][0], sizes[s][1], channels);
                assert_int_equal(picture_write(&(struct picture_target){.path = scratch_path(names[n]),
                                                                        .quality = 92,
                                                                        .force = true},
                                               &want, NULL),
                                 LIMN_OK);
                if (channels == 4 && n > 0) { /* these have no alpha: over white */
                    for (int64_t i = 0; i < want.width * want.height; i++)
                        for (int c = 0; c < 3; c++) {
                            int alpha = want.pixels[4 * i + 3], value = want.pixels[4 * i + c];
                            want.pixels[3 * i + c] =
                                (unsigned char)((value * alpha + 255 * (255 - alpha) + 127) / 255);
                        }
                    want.channels = 3;
                }
                struct picture got = read_ok(scratch_path(names[n]));
                assert_same(&want, &got, names[n]);
                picture_free(&want);
                picture_free(&got);
            }
}

/* Noise that does not compress, and long repetitions across the compressor's blocks. */
static void test_png_contents(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct picture want;
        assert_int_equal(picture_create(517, 301, 4, &want, NULL), LIMN_OK);
        uint32_t random = 1;
        for (int64_t i = 0; i < 517 * 301 * 4; i++) {
            random = random * 1664525u + 1013904223u;
            want.pixels[i] = (unsigned char)(kind == 0       ? random >> 24
                                             : kind == 1     ? 7
                                             : i % 4000 < 40 ? random >> 24
                                                             : i % 97);
        }
        assert_int_equal(
            picture_write(
                &(struct picture_target){.path = scratch_path("contents.png"), .quality = 92, .force = true},
                &want, NULL),
            LIMN_OK);
        struct picture got = read_ok(scratch_path("contents.png"));
        assert_same(&want, &got, "contents");
        picture_free(&want);
        picture_free(&got);
    }
}

/* The mean of the squared quantisation steps of table 0 (luma) or 1 (chroma) of a JPEG (T.81, B.2.4.1), and
 * the step of the DC coefficient. */
static double squared_step(const struct blob *file, int table, int *dc)
{
    for (size_t at = 2; at + 4 < file->size && file->bytes[at] == 0xff;) {
        const unsigned char *segment = file->bytes + at + 2, *t = segment + 2;
        size_t length = (size_t)segment[0] << 8 | segment[1];
        for (; file->bytes[at + 1] == 0xdb && t < segment + length; t += 65) {
            double sum = 0;
            for (int i = 1; i <= 64; i++)
                sum += t[i] * t[i];
            *dc = t[1];
            if (t[0] == table)
                return sum / 64;
        }
        at += 2 + length;
    }
    fail_with("no quantisation table %d", table);
    return 0;
}

/* Noise in 64 .. 191: in each channel, or the same in all, with a constant tint. */
static struct picture make_noise(bool colour)
{
    struct picture picture = make_picture(61, 47, 3);
    uint32_t random = 1;
    for (int64_t i = 0; i < picture.width * picture.height * 3; i++) {
        if (colour || i % 3 == 0)
            random = random * 1664525u + 1013904223u;
        picture.pixels[i] = (unsigned char)(64 + (random >> 25) + (colour ? 0 : 30 - 30 * (i % 3)));
    }
    return picture;
}

/* The root mean square error follows from the quantisation steps q in the file. The DCT is orthonormal, and
 * the errors of wide-spread coefficients are uniform in -q/2 .. q/2, so the variance of a plane is the mean
 * of q^2/12; rounding the decoded plane to 8 bits adds 1/12. With R = Y + 1.402 Cr, G = Y - 0.344 Cb - 0.714
 * Cr, B = Y + 1.772 Cb, a variance of Y counts once in the mean over R, G, B, and one of Cb and Cr (1.402^2 +
 * 0.344^2 + 0.714^2 + 1.772^2) / 3 times; rounding RGB adds 1/12. 5% is six standard deviations of the
 * estimate from 8601 samples.
 *
 * Up to quality 90 the chroma planes have half the width and height: there the picture has constant chroma,
 * whose only error is that of the DC coefficient, 8 times the mean of a block. */
static void test_jpeg_quality(void **state)
{
    (void)state;
    static const struct {
        int quality, dc; /* dc: the luma step 16 of T.81, table K.1, in percent of 200 - 2 x quality */
        bool colour;
    } cases[] = {{100, 1, true}, {92, 3, true}, {75, 8, false}};
    static const double chroma_weight = (1.402 * 1.402 + 0.344 * 0.344 + 0.714 * 0.714 + 1.772 * 1.772) / 3;
    static struct blob file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture want = make_noise(cases[i].colour);
        assert_int_equal(picture_write(&(struct picture_target){.path = scratch_path("quality.jpeg"),
                                                                .quality = cases[i].quality,
                                                                .force = true},
                                       &want, NULL),
                         LIMN_OK);
        load_file(scratch_path("quality.jpeg"), &file);
        int dc, chroma_dc;
        double luma = squared_step(&file, 0, &dc) / 12 + 1.0 / 12;
        double chroma = squared_step(&file, 1, &chroma_dc) / 12 + 1.0 / 12;
        if (!cases[i].colour)
            chroma = chroma_dc / 16.0 * (chroma_dc / 16.0) + 1.0 / 12;
        assert_int_equal(dc, cases[i].dc);

        struct picture got = read_ok(scratch_path("quality.jpeg"));
        double sum = 0, most = 1.05 * sqrt(luma + chroma_weight * chroma + 1.0 / 12);
        int64_t samples = want.width * want.height * 3;
        assert_int_equal(got.width * got.height * got.channels, samples);
        for (int64_t s = 0; s < samples; s++)
            sum += (want.pixels[s] - got.pixels[s]) * (want.pixels[s] - got.pixels[s]);
        if (sqrt(sum / (double)samples) > most)
            fail_with("quality %d: error %.3f, at most %.3f expected", cases[i].quality,
                      sqrt(sum / (double)samples), most);
        picture_free(&got);
        picture_free(&want);
    }
}

static void test_grey(void **state)
{
    (void)state;
    struct picture picture = make_picture(5, 3, 3);
    assert_int_equal(
        picture_write(
            &(struct picture_target){.path = scratch_path("grey.pgm"), .quality = 92, .force = true},
            &picture, NULL),
        LIMN_OK);
    static struct blob file;
    load_file(scratch_path("grey.pgm"), &file);
    assert_memory_equal(file.bytes, "P5\n5 3\n255\n", 11);
    assert_int_equal(file.size, 11 + 15);
    for (int i = 0; i < 15; i++) {
        const unsigned char *p = picture.pixels + 3 * i;
        assert_int_equal(file.bytes[11 + i], (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 32768) >> 16);
    }
    picture_free(&picture);
}

static void test_bands(void **state)
{
    (void)state;
    static const char *const extensions[] = {"png", "ppm", "pgm", "jpg", "bmp"};
    static struct blob whole, bands;
    struct picture picture = make_picture(150, 103, 4);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        char name[16];
        snprintf(name, sizeof name, "whole.%s", extensions[i]);
        assert_int_equal(
            picture_write(&(struct picture_target){.path = scratch_path(name), .quality = 92, .force = true},
                          &picture, NULL),
            LIMN_OK);
        load_file(scratch_path(name), &whole);
        struct picture_writer *writer;
        snprintf(name, sizeof name, "bands.%s", extensions[i]);
        assert_int_equal(
            picture_writer_open(
                &(struct picture_target){.path = scratch_path(name), .quality = 92, .force = true}, 150, 103,
                4, &writer, NULL),
            LIMN_OK);
        for (int64_t y = 0, rows = 0; y < 103; y += rows) {
            rows = y % 7 < 103 - y ? y % 7 + 1 : 1;
            rows = rows < 103 - y ? rows : 103 - y;
            assert_int_equal(picture_writer_rows(writer, picture.pixels + y * 150 * 4, rows, NULL), LIMN_OK);
        }
        assert_int_equal(picture_writer_commit(writer, NULL), LIMN_OK);
        load_file(scratch_path(name), &bands);
        assert_int_equal(whole.size, bands.size);
        assert_memory_equal(whole.bytes, bands.bytes, whole.size);
    }
    picture_free(&picture);
}

static void test_refuses_to_write(void **state)
{
    (void)state;
    limn_error error;
    struct picture_writer *writer;
    struct picture picture = make_picture(4, 4, 3);
    assert_true(picture_format_known(&(struct picture_target){.path = "-"}));
    assert_true(picture_format_known(&(struct picture_target){.path = "a/b.JPG"}));
    assert_false(picture_format_known(&(struct picture_target){.path = "a.png/b"}));
    assert_false(picture_format_known(&(struct picture_target){.path = "b.webp"}));
    assert_int_equal(
        picture_write(&(struct picture_target){.path = scratch_path("x.webp"), .quality = 92, .force = true},
                      &picture, &error),
        LIMN_E_USAGE);
    assert_int_equal(
        picture_writer_open(
            &(struct picture_target){.path = scratch_path("x.jpg"), .quality = 92, .force = true}, 65536, 1,
            3, &writer, &error),
        LIMN_E_OUTPUT);
    assert_non_null(strstr(error.message, "65535"));
    assert_int_equal(
        picture_writer_open(
            &(struct picture_target){.path = scratch_path("x.bmp"), .quality = 92, .force = true}, 40000,
            20000, 3, &writer, &error),
        LIMN_E_OUTPUT);
    assert_non_null(strstr(error.message, "40000 x 20000"));
    /* Too few rows, too many rows: no file is left. */
    assert_int_equal(
        picture_writer_open(
            &(struct picture_target){.path = scratch_path("rows.png"), .quality = 92, .force = true}, 4, 4, 3,
            &writer, &error),
        LIMN_OK);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 3, &error), LIMN_OK);
    assert_int_equal(picture_writer_commit(writer, &error), LIMN_E_OUTPUT);
    assert_int_equal(access(scratch_path("rows.png"), F_OK), -1);
    assert_int_equal(
        picture_writer_open(
            &(struct picture_target){.path = scratch_path("rows.png"), .quality = 92, .force = true}, 4, 3, 3,
            &writer, &error),
        LIMN_OK);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 4, &error), LIMN_E_OUTPUT);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 1, &error), LIMN_E_OUTPUT);
    assert_int_equal(picture_writer_commit(writer, &error), LIMN_E_OUTPUT);
    assert_int_equal(access(scratch_path("rows.png"), F_OK), -1);
    picture_free(&picture);
}

static void test_keeps_what_stands(void **state)
{
    (void)state;
    static struct blob before, after;
    struct picture picture = make_picture(4, 4, 3), other = make_picture(9, 9, 3);
    limn_error error;
    assert_int_equal(
        picture_write(&(struct picture_target){.path = scratch_path("existing.png"), .quality = 92}, &picture,
                      &error),
        LIMN_OK);
    load_file(scratch_path("existing.png"), &before);
    assert_int_equal(
        picture_write(&(struct picture_target){.path = scratch_path("existing.png"), .quality = 92}, &other,
                      &error),
        LIMN_E_OUTPUT);
    load_file(scratch_path("existing.png"), &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    picture_free(&picture);
    picture_free(&other);
}

static void test_full_disk(void **state)
{
    (void)state;
    static const char *const names[] = {"full.png", "full.jpg", "full.bmp", "full.ppm"};
    struct picture picture = make_picture(300, 300, 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        limn_error error;
        assert_int_equal(symlink("/dev/full", scratch_path(names[i])), 0);
        assert_int_equal(
            picture_write(
                &(struct picture_target){.path = scratch_path(names[i]), .quality = 92, .force = true},
                &picture, &error),
            LIMN_E_OUTPUT);
        assert_non_null(strstr(error.message, names[i]));
    }
    picture_free(&picture);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void test_reading_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"tests/pictures/progressive.jpg", "tests/pictures/grey.jpg",
                                        "tests/pictures/original.ppm", "memory.png", "memory.bmp"};
    struct picture picture = make_picture(31, 12, 4);
    assert_int_equal(
        picture_write(
            &(struct picture_target){.path = scratch_path("memory.png"), .quality = 92, .force = true},
            &picture, NULL),
        LIMN_OK);
    assert_int_equal(
        picture_write(
            &(struct picture_target){.path = scratch_path("memory.bmp"), .quality = 92, .force = true},
            &picture, NULL),
        LIMN_OK);
    picture_free(&picture);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int persistent = 0; persistent < 2; persistent++) {
            limn_status status = LIMN_E_MEMORY;
            size_t before = mem_in_use();
            int nth = 0;
            while (status) {
                limn_error error;
                struct picture got;
                fault_at(FAULT_MEMORY, ++nth, persistent);
                status = picture_read(i < 3 ? names[i] : scratch_path(names[i]), true, &got, &error);
                fault_at(FAULT_MEMORY, 0, false);
                assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
                picture_free(&got);
                assert_int_equal(mem_in_use(), before);
            }
            assert_true(nth > 1);
        }
}

/* The decoders with the most steps: 16-bit interlaced with a key, and a short palette turned by EXIF. */
static void test_decoding_out_of_memory(void **state)
{
    (void)state;
    static const struct png_kind kinds[] = {{2, 16, 3, true, true, 0}, {3, 4, 1, false, true, 5}};
    static struct blob png, exif;
    for (int i = 0; i < 2; i++) {
        exif.size = 0;
        add_exif(&exif, 6, true);
        start_png(&png, &kinds[i], 9, 7);
        add_chunk(&png, "eXIf", exif.bytes, exif.size);
        if (kinds[i].palette)
            add_chunk(&png, "PLTE", "aAbbBcccCdddDee", 15);
        add_chunk(&png, "tRNS", "aAbbBc", kinds[i].palette ? 4 : 6);
        end_png(&png, &kinds[i], 9, 7);
        limn_status status = LIMN_E_MEMORY;
        size_t before = mem_in_use();
        int nth = 0;
        while (status) {
            limn_error error;
            struct picture got;
            fault_at(FAULT_MEMORY, ++nth, false);
            status = picture_decode(png.bytes, png.size, "built", true, &got, &error);
            fault_at(FAULT_MEMORY, 0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            picture_free(&got);
            assert_int_equal(mem_in_use(), before);
        }
        assert_true(nth > 1);
    }
}

static void test_writing_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"nomem.png", "nomem.jpg", "nomem.bmp", "nomem.pgm"};
    struct picture picture = make_picture(31, 12, 4);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        limn_status status = LIMN_E_MEMORY;
        size_t before = mem_in_use();
        int nth = 0;
        while (status) {
            limn_error error;
            fault_at(FAULT_MEMORY, ++nth, false);
            status = picture_write(&(struct picture_target){.path = scratch_path(names[i]), .quality = 92},
                                   &picture, &error);
            fault_at(FAULT_MEMORY, 0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            assert_int_equal(access(scratch_path(names[i]), F_OK), status ? -1 : 0);
            assert_int_equal(mem_in_use(), before);
        }
        assert_true(nth > 1);
    }
    picture_free(&picture);
}

/* The bytes in memory are those of the file. Each allocation fails in turn; a picture of 180 KB takes several
 * for the bytes. */
static void test_writing_to_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"memory.png", "memory.jpg", "memory.bmp", "memory.ppm"};
    struct picture picture = make_picture(300, 200, 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned char *want, *bytes = NULL;
        size_t want_size, size;
        struct picture_target target = {.path = scratch_path(names[i]), .quality = 92, .force = true};
        assert_int_equal(picture_write(&target, &picture, NULL), LIMN_OK);
        assert_int_equal(
            file_read_all(scratch_path(names[i]), SIZE_MAX - 1, LIMN_E_INPUT, &want, &want_size, NULL),
            LIMN_OK);
        target.path = names[i];
        target.bytes = &bytes;
        target.size = &size;
        limn_status status = LIMN_E_MEMORY;
        size_t before = mem_in_use();
        int nth = 0;
        while (status) {
            fault_at(FAULT_MEMORY, ++nth, false);
            status = picture_write(&target, &picture, NULL);
            fault_at(FAULT_MEMORY, 0, false);
            if (status) {
                assert_int_equal(status, LIMN_E_MEMORY);
                assert_null(bytes);
                assert_int_equal(mem_in_use(), before);
            }
        }
        assert_true(nth > 3);
        assert_int_equal(size, want_size);
        assert_memory_equal(bytes, want, size);
        assert_int_equal(access(names[i], F_OK), -1);
        mem_free(bytes);
        mem_free(want);
    }
    picture_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_png_contents),
        cmocka_unit_test(test_jpeg_quality),
        cmocka_unit_test(test_grey),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_keeps_what_stands),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_reading_out_of_memory),
        cmocka_unit_test(test_decoding_out_of_memory),
        cmocka_unit_test(test_writing_out_of_memory),
        cmocka_unit_test(test_writing_to_memory),
        cmocka_unit_test(test_no_temporary_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
