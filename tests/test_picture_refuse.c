/* test_picture_refuse.c - what the readers of pictures refuse, and with which words: other formats,
 * impossible headers, pictures that are too large, files that end early or are damaged. Run from the
 * repository's root. */
#include "tests/support_pictures.h"

#include "engine/base/memory.h"
#include "engine/pictures/deflate.h"

#include <string.h>

/* Decoding must fail as bad input, with a message that names the file and contains `words`. */
static void decode_fails(const void *bytes, size_t size, const char *words)
{
    struct picture picture;
    limn_error error = {0};
    size_t before = mem_in_use();
    /* In a block of its own, so that the sanitizers see a step beyond the end. */
    unsigned char *copy = test_malloc(size + !size);
    memcpy(copy, bytes, size);
    limn_status status = picture_decode(copy, size, "built", true, &picture, &error);
    test_free(copy);
    if (status != LIMN_E_INPUT || strncmp(error.message, "built: ", 7) != 0 || !strstr(error.message, words))
        fail_with("status %u, message '%s', words '%s' expected", status, error.message, words);
    assert_null(picture.pixels);
    assert_int_equal(mem_in_use(), before);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t size;
    } cases[] = {
        {"WebP", "RIFF\0\0\0\0WEBPVP8 ", 16},
        {"AVIF",
         "\0\0\0\x1c"
         "ftypavif",
         12},
        {"HEIC",
         "\0\0\0\x1c"
         "ftypheic",
         12},
        {"TIFF", "II*\0\x08\0\0\0", 8},
        {"TIFF", "MM\0*\0\0\0\x08", 8},
        {"GIF", "GIF89a\1\0\1\0", 10},
        {"JPEG XL", "\xff\x0a\0\0", 4},
        {"JPEG XL", "\0\0\0\x0cJXL \r\n\x87\n", 12},
        {"JPEG 2000", "\0\0\0\x0cjP  ", 8},
        {"PSD", "8BPS\0\1", 6},
        {"JPEG-LS", "\xff\xd8\xff\xf7\0\0", 6},
        {"PAM", "P7\nWIDTH 1\n", 11},
        {"empty", "", 0},
        {"is text, not a picture", "AB", 2},
        {"is a web page (HTML), not a picture; download the file itself", "<html>", 6},
        {"is a safetensors file, not a picture", "\2\0\0\0\0\0\0\0{}", 10},
        {"starts with 41 42 00", "AB", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        decode_fails(cases[i].bytes, cases[i].size, cases[i].name);
    static struct blob jpeg;
    load_file("tests/pictures/cmyk.jpg", &jpeg);
    decode_fails(jpeg.bytes, jpeg.size, "CMYK");
    load_file("tests/pictures/grey.jpg", &jpeg);
    unsigned char *frame = memmem(jpeg.bytes, jpeg.size, "\xff\xc0", 2);
    assert_non_null(frame);
    frame[1] = 0xc9;
    decode_fails(jpeg.bytes, jpeg.size, "arithmetic-coded");
    frame[1] = 0xc3;
    decode_fails(jpeg.bytes, jpeg.size, "lossless");
    frame[1] = 0xc0;
    frame[4] = 12;
    decode_fails(jpeg.bytes, jpeg.size, "12 bits");
}

static void test_pnm_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"P2 2 2 4 0 1 5 4", "at byte 13 is 5"},
        {"P2 2 2 4 0 x 2 4", "expected at byte 11"},
        {"P2 2 2 70000 0", "maxval at byte 7"},
        {"P2 2 2 0 0 0 0 0", "maxval is 0"},
        {"P5 2 2 255x0123", "whitespace expected"},
        {"P2 2 2 4 0 1 2", "ends early"},
        {"P5 2 2 255\n012", "ends early"},
        {"P6 20000 10 255\n", "20000 x 10"},
        {"P6 0 10 255\n", "0 x 10"},
        {"P1 2 2 0 1 1 2", "at most 1"},
        {"P1 16000 5000 1", "ends early"},
        {"P2 2\x1b[31m", "'?' found"},
        {"P2 2 2 255\xe9", "ends with '?'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        decode_fails(bad[i][0], strlen(bad[i][0]), bad[i][1]);
}

static void test_bmp_refused(void **state)
{
    (void)state;
    static struct blob bmp;
    build_bmp(&bmp, 40, 8, 1, false, 0, NULL, 2);
    add_bytes(&bmp, "\4\1\0\0\3\1", 6);
    for (size_t cut = 0; cut < 6; cut++)
        decode_fails(bmp.bytes, bmp.size - cut, "BMP data ends early");
    build_bmp(&bmp, 40, 8, 1, false, 0, NULL, 2);
    add_bytes(&bmp, "\4\1\0\0\0\5\1\1\1\1\1", 11); /* the last indices lack their padding */
    decode_fails(bmp.bytes, bmp.size, "BMP data ends early");
    build_bmp(&bmp, 40, 8, 2, false, 0, NULL, 2);
    add_zeros(&bmp, 8);
    decode_fails(bmp.bytes, bmp.size, "BMP with compression 2 is not supported");
    build_bmp(&bmp, 40, 24, 4, false, 0, NULL, 0);
    add_zeros(&bmp, 24);
    decode_fails(bmp.bytes, bmp.size, "BMP with JPEG data");
    build_bmp(&bmp, 40, 24, 3, false, 3, (const uint32_t[]){0xff, 0xff00, 0xff0000}, 0);
    add_zeros(&bmp, 24);
    decode_fails(bmp.bytes, bmp.size, "BMP with a colour mask 255");
    build_bmp(&bmp, 40, 32, 3, true, 3, (const uint32_t[]){0xff00ff, 1, 2}, 0);
    add_zeros(&bmp, 32);
    decode_fails(bmp.bytes, bmp.size, "colour mask");
}

static void test_limits(void **state)
{
    (void)state;
    static const struct png_kind kind = {2, 8, 3, false, false, 0};
    static struct blob file;
    start_png(&file, &kind, 20000, 10);
    decode_fails(file.bytes, file.size, "at most 16384 a side");
    start_png(&file, &kind, 10000, 10000);
    decode_fails(file.bytes, file.size, "100000000 pixels, at most 89478485");
    start_png(&file, &kind, 0, 10);
    decode_fails(file.bytes, file.size, "at least 1 x 1");
    load_file("tests/pictures/grey.jpg", &file);
    unsigned char *frame = memmem(file.bytes, file.size, "\xff\xc0", 2);
    memcpy(frame + 5, "\x27\x10\x27\x10", 4);
    decode_fails(file.bytes, file.size, "100000000 pixels");
    build_bmp(&file, 40, 24, 0, false, 0, NULL, 0);
    memcpy(file.bytes + 18, "\x20\x4e\0\0", 4);
    decode_fails(file.bytes, file.size, "20000 x 2");
    /* Data that unpacks to far more than the header says must not be unpacked. */
    start_png(&file, &kind, 4, 4);
    struct blob *data = test_calloc(1, sizeof *data);
    struct deflate *deflate;
    assert_int_equal(deflate_create(add_compressed, data, &deflate, NULL), LIMN_OK);
    static const unsigned char zeros[65536];
    for (int i = 0; i < 512; i++)
        assert_int_equal(deflate_write(deflate, zeros, sizeof zeros, NULL), LIMN_OK);
    assert_int_equal(deflate_finish(deflate, NULL), LIMN_OK);
    deflate_free(deflate);
    add_chunk(&file, "IDAT", data->bytes, data->size);
    add_chunk(&file, "IEND", "", 0);
    test_free(data);
    decode_fails(file.bytes, file.size, "unpacks to more than its header says");
}

/* A few bytes that would take seconds to decode: a huge size over little data, and scans that come again. */
static void test_costly(void **state)
{
    (void)state;
    static const struct png_kind kind = {6, 16, 4, true, false, 0};
    static struct blob file, scan;
    start_png(&file, &kind, 16384, 5461);
    end_png(&file, &kind, 16, 16);
    decode_fails(file.bytes, file.size, "PNG data ends early");

    load_file("tests/pictures/restarts.jpg", &file);
    unsigned char *frame = memmem(file.bytes, file.size, "\xff\xc0", 2);
    memcpy(frame + 5, "\x15\x55\x40\x00", 4);
    decode_fails(file.bytes, file.size, "JPEG data ends early");

    static const char *const names[] = {"tests/pictures/restarts.jpg", "tests/pictures/progressive.jpg"};
    for (int progressive = 0; progressive < 2; progressive++) {
        load_file(names[progressive], &file);
        size_t at = file.size - 2;
        while (memcmp(file.bytes + at, "\xff\xda", 2) != 0)
            at--;
        scan.size = 0;
        add_bytes(&scan, file.bytes + at, file.size - 2 - at);
        file.size -= 2;
        for (int i = 0; i < (progressive ? 50 : 1); i++)
            add_bytes(&file, scan.bytes, scan.size);
        add_bytes(&file, "\xff\xd9", 2);
        decode_fails(file.bytes, file.size, "JPEG scan repeats coefficients");
    }
}

static void cut_everywhere(const struct blob *file)
{
    for (size_t sixteenth = 0; sixteenth < 16; sixteenth++)
        decode_fails(file->bytes, file->size * sixteenth / 16, "");
    for (size_t size = 0; size < file->size; size += file->size / 500 + 1)
        decode_fails(file->bytes, size, "");
    decode_fails(file->bytes, file->size - 1, "ends early");
}

/* A PNG is read without its last chunk (12 bytes) and without the two checksums before that. */
static void cut_png_everywhere(const struct blob *file)
{
    enum { CAN_LACK = 12 + 4 + 4 };
    struct picture want, got;
    assert_int_equal(picture_decode(file->bytes, file->size, "built", true, &want, NULL), LIMN_OK);
    for (size_t size = 0; size < file->size; size++)
        if (size < file->size - CAN_LACK) {
            decode_fails(file->bytes, size, size > 8 ? "ends early" : "");
        } else {
            assert_int_equal(picture_decode(file->bytes, size, "built", true, &got, NULL), LIMN_OK);
            assert_same(&want, &got, "cut PNG");
            picture_free(&got);
        }
    picture_free(&want);
}

/* Of a baseline JPEG, the end marker is not needed, nor the bits that fill the last byte or two of its data.
 * A shorter one is refused, and a longer one is the same picture. */
static void cut_jpeg_everywhere(const struct blob *file)
{
    struct picture want, got;
    size_t shortest = file->size;
    limn_error error;
    assert_int_equal(picture_decode(file->bytes, file->size, "built", true, &want, &error), LIMN_OK);
    for (size_t size = file->size; size-- > 0;) {
        unsigned char *copy = test_malloc(size + !size);
        memcpy(copy, file->bytes, size);
        limn_status status = picture_decode(copy, size, "built", true, &got, &error);
        test_free(copy);
        if (status == LIMN_OK && size + 1 == shortest) {
            assert_same(&want, &got, "JPEG without its end");
            shortest = size;
        } else {
            assert_int_equal(status, LIMN_E_INPUT);
        }
        picture_free(&got);
    }
    assert_in_range(file->size - shortest, 2, 4);
    picture_free(&want);
}

static void test_truncated(void **state)
{
    (void)state;
    static struct blob file;
    static const char *const written[] = {"cut.png", "cut.bmp", "cut.ppm"};
    struct picture picture = make_picture(52, 30, 3);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        assert_int_equal(
            picture_write(
                &(struct picture_target){.path = scratch_path(written[i]), .quality = 92, .force = true},
                &picture, NULL),
            LIMN_OK);
        load_file(scratch_path(written[i]), &file);
        if (i == 0)
            cut_png_everywhere(&file);
        else
            cut_everywhere(&file);
    }
    static const char *const jpegs[] = {"tests/pictures/grey.jpg", "tests/pictures/subsampled.jpg",
                                        "tests/pictures/restarts.jpg"};
    for (size_t i = 0; i < sizeof jpegs / sizeof *jpegs; i++) {
        load_file(jpegs[i], &file);
        cut_jpeg_everywhere(&file);
    }
    const struct picture_target target = {.path = scratch_path("cut.jpg"), .quality = 92, .force = true};
    assert_int_equal(picture_write(&target, &picture, NULL), LIMN_OK);
    load_file(scratch_path("cut.jpg"), &file);
    cut_jpeg_everywhere(&file);
    picture_free(&picture);
    load_file("tests/pictures/progressive.jpg", &file);
    cut_everywhere(&file);
    static const struct png_kind kind = {3, 4, 1, true, true, 16};
    static const unsigned char palette[48] = {1};
    start_png(&file, &kind, 21, 9);
    add_chunk(&file, "PLTE", palette, sizeof palette);
    add_chunk(&file, "tRNS", palette, 16);
    end_png(&file, &kind, 21, 9);
    cut_png_everywhere(&file);
}

/* Every byte changed in turn: an error or a picture, and for PNG, which has checksums, the same picture or an
 * error. */
static void test_damaged(void **state)
{
    (void)state;
    static struct blob file;
    static const char *const names[] = {"tests/pictures/progressive.jpg", "tests/pictures/restarts.jpg",
                                        "damaged.png", "damaged.bmp"};
    struct picture picture = make_picture(20, 14, 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = i < 2 ? names[i] : scratch_path(names[i]);
        if (i >= 2)
            assert_int_equal(
                picture_write(&(struct picture_target){.path = path, .quality = 92, .force = true}, &picture,
                              NULL),
                LIMN_OK);
        load_file(path, &file);
        for (size_t at = 0; at < file.size; at++) {
            struct picture got;
            limn_error error;
            unsigned char was = file.bytes[at];
            file.bytes[at] = (unsigned char)(was ^ (1 << at % 8));
            if (picture_decode(file.bytes, file.size, "built", true, &got, &error) == LIMN_OK && i == 2)
                assert_same(&picture, &got, "damaged PNG");
            picture_free(&got);
            file.bytes[at] = was;
        }
    }
    picture_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_pnm_refused),
        cmocka_unit_test(test_bmp_refused), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_costly),      cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),     cmocka_unit_test(test_no_temporary_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
