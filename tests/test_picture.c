/* test_picture.c - pictures in and out: every kind of file against pixels known beforehand, damage of every
 * kind, and failing memory and disks. Files that our own writers cannot make are built here byte by byte, or
 * lie in tests/pictures. Run from the repository's root. */
#include "pictures/deflate.h"
#include "files.h"
#include "memory.h"
#include "pictures/picture.h"
#include "pictures/png_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- files built byte by byte ------------------------------------------------------------ */

struct blob {
    unsigned char bytes[1 << 17];
    size_t size;
};

static void add(struct blob *blob, const void *bytes, size_t size)
{
    assert_true(blob->size + size <= sizeof blob->bytes);
    memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
}

static void add_text(struct blob *blob, const char *text)
{
    add(blob, text, strlen(text));
}

/* `count` bytes of a number, the high one first (_be) or the low one. */
static void add_be(struct blob *blob, uint32_t value, int count)
{
    for (int i = count - 1; i >= 0; i--)
        add(blob, (unsigned char[]){(unsigned char)(value >> (8 * i))}, 1);
}

static void add_le(struct blob *blob, uint32_t value, int count)
{
    for (int i = 0; i < count; i++)
        add(blob, (unsigned char[]){(unsigned char)(value >> (8 * i))}, 1);
}

static void add_zeros(struct blob *blob, int count)
{
    for (; count > 0; count--)
        add(blob, "", 1);
}

static void add_chunk(struct blob *png, const char *type, const void *data, size_t size)
{
    add_be(png, (uint32_t)size, 4);
    add_text(png, type);
    add(png, data, size);
    add_be(png, png_crc(0, png->bytes + png->size - size - 4, size + 4), 4);
}

static limn_status add_compressed(void *blob, const unsigned char *bytes, size_t size, limn_error *error)
{
    (void)error;
    add(blob, bytes, size);
    return LIMN_OK;
}

static void add_zlib(struct blob *blob, const void *bytes, size_t size)
{
    struct deflate *deflate;
    assert_int_equal(deflate_create(add_compressed, blob, &deflate, NULL), LIMN_OK);
    assert_int_equal(deflate_write(deflate, bytes, size, NULL), LIMN_OK);
    assert_int_equal(deflate_finish(deflate, NULL), LIMN_OK);
    deflate_free(deflate);
}

/* Sample c of pixel x, y in the test PNGs, of `depth` bits. */
static uint32_t sample_at(int x, int y, int c, int depth)
{
    uint32_t mixed =
        ((uint32_t)x * 7919u + (uint32_t)y * 104729u + (uint32_t)c * 1299709u + 12345u) * 2654435761u;
    return mixed >> (32 - depth);
}

struct png_kind {
    int colour, depth, channels;
    bool interlaced, transparent;
    int palette; /* colours in it */
};

/* Unfiltered rows of the pixels x0 + i * dx, y0 + j * dy. */
static void add_rows(struct blob *raw, const struct png_kind *kind, int width, int height, int x0, int y0,
                     int dx, int dy)
{
    for (int y = y0; y < height && x0 < width; y += dy) {
        uint32_t bits = 0;
        int held = 0;
        add_be(raw, 0, 1);
        for (int x = x0; x < width; x += dx)
            for (int c = 0; c < kind->channels; c++) {
                bits = bits << kind->depth | sample_at(x, y, c, kind->depth);
                for (held += kind->depth; held >= 8; held -= 8)
                    add_be(raw, bits >> (held - 8), 1);
            }
        if (held)
            add_be(raw, bits << (8 - held), 1);
    }
}

static void start_png(struct blob *png, const struct png_kind *kind, int width, int height)
{
    struct blob *header = test_calloc(1, sizeof *header);
    png->size = 0;
    add(png, "\x89PNG\r\n\x1a\n", 8);
    add_be(header, (uint32_t)width, 4);
    add_be(header, (uint32_t)height, 4);
    add_be(header, (uint32_t)kind->depth, 1);
    add_be(header, (uint32_t)kind->colour, 1);
    add_be(header, 0, 2);
    add_be(header, kind->interlaced, 1);
    add_chunk(png, "IHDR", header->bytes, header->size);
    test_free(header);
}

static void end_png(struct blob *png, const struct png_kind *kind, int width, int height)
{
    struct blob *raw = test_calloc(1, sizeof *raw), *data = test_calloc(1, sizeof *data);
    static const int passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    if (!kind->interlaced)
        add_rows(raw, kind, width, height, 0, 0, 1, 1);
    for (int p = 0; p < 7 && kind->interlaced; p++)
        add_rows(raw, kind, width, height, passes[p][0], passes[p][1], passes[p][2], passes[p][3]);
    add_zlib(data, raw->bytes, raw->size);
    add_chunk(png, "IDAT", data->bytes, data->size / 2); /* in two pieces */
    add_chunk(png, "IDAT", data->bytes + data->size / 2, data->size - data->size / 2);
    add_chunk(png, "IEND", "", 0);
    test_free(raw);
    test_free(data);
}

/* ---- small helpers ----------------------------------------------------------------------- */

static char folder[] = "/tmp/limn-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char **names;
    size_t count;
    if (folder_list(folder, &names, &count, NULL))
        return -1;
    for (size_t i = 0; i < count; i++)
        unlink(in_folder(names[i]));
    names_free(names, count);
    return rmdir(folder); /* fails when a hidden temporary file was left behind */
}

/* A smooth picture that JPEG keeps well. */
static struct picture make_picture(int64_t width, int64_t height, int channels)
{
    struct picture picture;
    assert_int_equal(picture_create(width, height, channels, &picture, NULL), LIMN_OK);
    unsigned char *out = picture.pixels;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t c = 0; c < channels; c++)
                *out++ =
                    (unsigned char)(c == 3 ? (x * 40 + y) % 256 : 40 + (x * (c + 1) + y * (3 - c)) % 170);
    return picture;
}

static struct picture read_ok(const char *path)
{
    struct picture picture;
    limn_error error = {0};
    if (picture_read(path, true, &picture, &error))
        fail_msg("%s", error.message);
    return picture;
}

static struct picture decode_ok(const struct blob *blob, bool orient)
{
    struct picture picture;
    limn_error error = {0};
    if (picture_decode(blob->bytes, blob->size, "built", orient, &picture, &error))
        fail_msg("%s", error.message);
    return picture;
}

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
        fail_msg("status %d, message '%s', words '%s' expected", status, error.message, words);
    assert_null(picture.pixels);
    assert_int_equal(mem_in_use(), before);
}

static void assert_same(const struct picture *want, const struct picture *got, const char *what)
{
    if (want->width != got->width || want->height != got->height || want->channels != got->channels)
        fail_msg("%s: want %lldx%lldx%d, got %lldx%lldx%d", what, (long long)want->width,
                 (long long)want->height, want->channels, (long long)got->width, (long long)got->height,
                 got->channels);
    for (int64_t i = 0; i < want->width * want->height * want->channels; i++)
        if (want->pixels[i] != got->pixels[i])
            fail_msg("%s: [y=%lld,x=%lld,c=%lld] want %d, got %d", what,
                     (long long)(i / want->channels / want->width),
                     (long long)(i / want->channels % want->width), (long long)(i % want->channels),
                     want->pixels[i], got->pixels[i]);
}

/* Mean absolute difference, for JPEG. */
static void assert_near(const struct picture *want, const struct picture *got, double most, const char *what)
{
    double sum = 0;
    int64_t count = want->width * want->height * 3;
    assert_int_equal(want->width, got->width);
    assert_int_equal(want->height, got->height);
    assert_int_equal(got->channels, 3);
    for (int64_t i = 0; i < count; i++)
        sum += abs(want->pixels[i] - got->pixels[i]);
    if (sum / (double)count > most)
        fail_msg("%s: mean difference %.2f, at most %.2f expected", what, sum / (double)count, most);
}

static void load(const char *path, struct blob *blob)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    blob->size = fread(blob->bytes, 1, sizeof blob->bytes, file);
    fclose(file);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void check_png(const struct png_kind *kind, int width, int height)
{
    static struct blob png;
    unsigned char palette[768], alpha[256];
    uint32_t most = (1u << kind->depth) - 1;
    char what[96];
    snprintf(what, sizeof what, "PNG colour %d, %d bits, %dx%d, interlaced %d, tRNS %d", kind->colour,
             kind->depth, width, height, kind->interlaced, kind->transparent);
    start_png(&png, kind, width, height);
    for (int i = 0; i < 256; i++) {
        alpha[i] = (unsigned char)(200 - i);
        for (int c = 0; c < 3; c++)
            palette[3 * i + c] = (unsigned char)sample_at(i, c, 99, 8);
    }
    if (kind->colour == 3)
        add_chunk(&png, "PLTE", palette, 3 * (size_t)kind->palette);
    if (kind->transparent && kind->colour == 3)
        add_chunk(&png, "tRNS", alpha, (size_t)kind->palette - 1);
    if (kind->transparent && kind->colour != 3) {
        unsigned char keys[6];
        for (int c = 0; c < kind->channels; c++) {
            keys[2 * c] = (unsigned char)(sample_at(0, 0, c, kind->depth) >> 8);
            keys[2 * c + 1] = (unsigned char)sample_at(0, 0, c, kind->depth);
        }
        add_chunk(&png, "tRNS", keys, 2 * (size_t)kind->channels);
    }
    end_png(&png, kind, width, height);

    bool has_alpha = kind->transparent || kind->colour >= 4;
    struct picture want, got = decode_ok(&png, true);
    assert_int_equal(picture_create(width, height, has_alpha ? 4 : 3, &want, NULL), LIMN_OK);
    unsigned char *out = want.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            bool is_key = true;
            uint32_t rgba[4] = {0, 0, 0, 255}, index = sample_at(x, y, 0, kind->depth);
            for (int c = 0; c < 3; c++) {
                uint32_t sample = sample_at(x, y, kind->channels < 3 ? 0 : c, kind->depth);
                is_key = is_key && sample == sample_at(0, 0, kind->channels < 3 ? 0 : c, kind->depth);
                if (kind->colour != 3)
                    rgba[c] = (sample * 510 + most) / (2 * most);
                else if (index < (uint32_t)kind->palette)
                    rgba[c] = palette[3 * index + (uint32_t)c];
            }
            if (kind->colour >= 4)
                rgba[3] = (sample_at(x, y, kind->channels - 1, kind->depth) * 510 + most) / (2 * most);
            else if (kind->transparent && kind->colour == 3)
                rgba[3] = index + 1 < (uint32_t)kind->palette ? alpha[index] : 255;
            else if (kind->transparent)
                rgba[3] = is_key ? 0 : 255;
            for (int c = 0; c < want.channels; c++)
                *out++ = (unsigned char)rgba[c];
        }
    assert_same(&want, &got, what);
    picture_free(&want);
    picture_free(&got);
}

static void test_png_kinds(void **state)
{
    (void)state;
    static const struct png_kind kinds[] = {
        {0, 1, 1, false, false, 0},  {0, 2, 1, false, false, 0},   {0, 4, 1, false, false, 0},
        {0, 8, 1, false, false, 0},  {0, 16, 1, false, false, 0},  {2, 8, 3, false, false, 0},
        {2, 16, 3, false, false, 0}, {3, 1, 1, false, false, 2},   {3, 2, 1, false, false, 3},
        {3, 4, 1, false, false, 16}, {3, 8, 1, false, false, 256}, {3, 8, 1, false, false, 100},
        {4, 8, 2, false, false, 0},  {4, 16, 2, false, false, 0},  {6, 8, 4, false, false, 0},
        {6, 16, 4, false, false, 0},
    };
    static const int sizes[][2] = {{1, 1}, {1, 5}, {7, 1}, {13, 11}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int variant = 0; variant < 4; variant++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                struct png_kind kind = kinds[i];
                kind.interlaced = variant & 1;
                kind.transparent = variant & 2;
                if (kind.colour < 4 || !kind.transparent)
                    check_png(&kind, sizes[s][0], sizes[s][1]);
            }
}

static void test_jpeg_files(void **state)
{
    (void)state;
    struct picture want = read_ok("tests/pictures/original.ppm");
    static const char *const names[] = {"progressive", "subsampled", "restarts"};
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "tests/pictures/%s.jpg", names[i]);
        struct picture got = read_ok(path);
        assert_near(&want, &got, i == 0 ? 2.0 : 4.0, names[i]);
        picture_free(&got);
    }
    struct picture grey = read_ok("tests/pictures/grey.jpg");
    for (int64_t i = 0; i < want.width * want.height; i++) {
        const unsigned char *p = want.pixels + 3 * i, *g = grey.pixels + 3 * i;
        assert_true(g[0] == g[1] && g[1] == g[2]);
        assert_true(abs(g[0] - (p[0] * 299 + p[1] * 587 + p[2] * 114) / 1000) < 16);
    }
    picture_free(&want);
    picture_free(&grey);
}

static void test_pnm(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        unsigned char want[12]; /* 2 x 2 samples of the first channel; P3 and P6: RGB of the first pixels */
    } cases[] = {
#define CASE(text) text, sizeof text - 1
        {CASE("P1 2 2 0 1\n1 0"), {255, 0, 0, 255}},
        {CASE("P1\n# two\n2 # by two\n2\n0110"), {255, 0, 0, 255}},
        {CASE("P2 2 2 4 0 1 2 #half\n 4"), {0, 64, 128, 255}},
        {CASE("P3 2 2 65535 0 129 65535 0 0 0 0 0 0 0 0 0"), {0, 0, 0, 0}},
        {CASE("P4 2 2 \x40\x80"), {255, 0, 0, 255}},
        {CASE("P5 2 2 255\n\x00\x7f\x80\xff"), {0, 127, 128, 255}},
        {CASE("P5 2 2 65535\n\x00\x80\x00\x81\x01\x81\xff\xff"), {0, 1, 1, 255}},
        {CASE("P6 2 2 3\n\0\0\0\1\1\1\2\2\2\3\3\3trailing"), {0, 85, 170, 255}},
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture picture;
        limn_error error = {0};
        if (picture_decode((const unsigned char *)cases[i].text, cases[i].size, "built", true, &picture,
                           &error))
            fail_msg("case %zu: %s", i, error.message);
        for (int p = 0; p < 4; p++)
            if (picture.pixels[3 * p] != cases[i].want[p])
                fail_msg("PNM case %zu pixel %d: want %d, got %d", i, p, cases[i].want[p],
                         picture.pixels[3 * p]);
        picture_free(&picture);
    }
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
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        decode_fails(bad[i][0], strlen(bad[i][0]), bad[i][1]);
}

/* A 4 x 2 BMP. `masks`: count of masks in `mask`, for headers that have them. */
static void build_bmp(struct blob *bmp, uint32_t header_size, int bits, uint32_t compression, bool top_down,
                      int masks, const uint32_t *mask, int colours)
{
    uint32_t masks_behind = header_size == 40 ? 4 * (uint32_t)masks : 0;
    uint32_t entry = header_size == 12 ? 3 : 4,
             pixels_at = 14 + header_size + masks_behind + (uint32_t)colours * entry;
    bmp->size = 0;
    add_text(bmp, "BM");
    add_zeros(bmp, 8);
    add_le(bmp, pixels_at, 4);
    add_le(bmp, header_size, 4);
    add_le(bmp, 4, header_size == 12 ? 2 : 4);
    add_le(bmp, top_down ? (uint32_t)-2 : 2, header_size == 12 ? 2 : 4);
    add_le(bmp, 1, 2);
    add_le(bmp, (uint32_t)bits, 2);
    if (header_size != 12) {
        add_le(bmp, compression, 4);
        add_zeros(bmp, 12);
        add_le(bmp, (uint32_t)colours, 4);
        add_le(bmp, 0, 4);
    }
    for (int i = 0; i < masks; i++)
        add_le(bmp, mask[i], 4);
    add_zeros(bmp, (int)(14 + header_size + masks_behind) - (int)bmp->size);
    for (int i = 0; i < colours; i++) {
        add(bmp, (unsigned char[]){(unsigned char)(30 * i), (unsigned char)(20 * i), (unsigned char)(10 * i)},
            3);
        if (entry == 4)
            add_le(bmp, 0, 1);
    }
}

static void check_bmp(const struct blob *bmp, int channels, const unsigned char *want, const char *what)
{
    struct picture got = decode_ok(bmp, true);
    struct picture wanted = {.width = 4, .height = 2, .channels = channels, .pixels = (unsigned char *)want};
    assert_same(&wanted, &got, what);
    picture_free(&got);
}

static void test_bmp(void **state)
{
    (void)state;
    static struct blob bmp;
    static const uint32_t wide[4] = {0xff0000, 0xff00, 0xff, 0xff000000},
                          narrow[3] = {0xf800, 0x07e0, 0x001f};
    static const unsigned char palette_pixels[24] = {0,  0,  0,  10, 20, 30, 0, 0, 0, 10, 20, 30,
                                                     10, 20, 30, 10, 20, 30, 0, 0, 0, 0,  0,  0};
    build_bmp(&bmp, 40, 1, 0, false, 0, NULL, 2);
    add(&bmp, "\xc0\0\0\0\x50\0\0\0", 8);
    check_bmp(&bmp, 3, palette_pixels, "1 bit");
    build_bmp(&bmp, 40, 4, 0, true, 0, NULL, 2);
    add(&bmp, "\x01\x01\0\0\x11\x00\0\0", 8);
    check_bmp(&bmp, 3, palette_pixels, "4 bits, top down");
    build_bmp(&bmp, 12, 8, 0, false, 0, NULL, 256);
    add(&bmp, "\1\1\0\0\0\1\0\1", 8);
    check_bmp(&bmp, 3, palette_pixels, "8 bits, OS/2");
    build_bmp(&bmp, 124, 8, 0, false, 0, NULL, 2); /* colours 7 and 9 are not in the palette: black */
    add(&bmp, "\1\1\7\x9\0\1\0\1", 8);
    check_bmp(&bmp, 3, palette_pixels, "8 bits, short palette");

    static const unsigned char colours[24] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    build_bmp(&bmp, 40, 16, 0, true, 0, NULL, 0);
    add(&bmp, "\x00\x7c\xe0\x03\x1f\x00\xff\x7f\0\0\0\0\0\0\0\0", 16);
    check_bmp(&bmp, 3, colours, "16 bits, 555");
    build_bmp(&bmp, 40, 16, 3, true, 3, narrow, 0);
    add(&bmp, "\x00\xf8\xe0\x07\x1f\x00\xff\xff\0\0\0\0\0\0\0\0", 16);
    check_bmp(&bmp, 3, colours, "16 bits, 565");
    build_bmp(&bmp, 40, 32, 0, true, 0, NULL, 0);
    add(&bmp, "\0\0\xff\x77\0\xff\0\x77\xff\0\0\x77\xff\xff\xff\x77", 16);
    add_zeros(&bmp, 16);
    check_bmp(&bmp, 3, colours, "32 bits, no alpha");

    static const unsigned char with_alpha[32] = {255, 0, 0,   119, 0,   255, 0,   0,
                                                 0,   0, 255, 255, 255, 255, 255, 1};
    build_bmp(&bmp, 108, 32, 3, true, 4, wide, 0);
    add(&bmp, "\0\0\xff\x77\0\xff\0\x00\xff\0\0\xff\xff\xff\xff\x01", 16);
    add_zeros(&bmp, 16);
    check_bmp(&bmp, 4, with_alpha, "32 bits, alpha");
    for (size_t i = bmp.size - 32 + 3; i < bmp.size; i += 4)
        bmp.bytes[i] = 0;
    struct picture opaque = decode_ok(&bmp, true);
    for (int i = 3; i < 32; i += 4)
        assert_int_equal(opaque.pixels[i], 255);
    picture_free(&opaque);

    build_bmp(&bmp, 40, 8, 1, false, 0, NULL, 2);
    add_zeros(&bmp, 8);
    decode_fails(bmp.bytes, bmp.size, "run-length");
    build_bmp(&bmp, 40, 32, 3, true, 3, (const uint32_t[]){0xff00ff, 1, 2}, 0);
    add_zeros(&bmp, 32);
    decode_fails(bmp.bytes, bmp.size, "colour mask");
}

/* An EXIF block with nothing but an orientation. */
static void add_exif(struct blob *blob, int orientation, bool big)
{
    void (*number)(struct blob *, uint32_t, int) = big ? add_be : add_le;
    add_text(blob, big ? "MM" : "II");
    number(blob, 42, 2);
    number(blob, 8, 4);
    number(blob, 1, 2);
    number(blob, 0x0112, 2);
    number(blob, 3, 2);
    number(blob, 1, 4);
    number(blob, (uint32_t)orientation, 2);
    number(blob, 0, 2);
    number(blob, 0, 4);
}

/* A 2 x 3 picture "ab / cd / ef" after each orientation, as EXIF defines them: where the stored first
 * row and first column belong. */
static void test_orientation(void **state)
{
    (void)state;
    static const char *const upright[9] = {NULL,     "abcdef", "badcfe", "fedcba", "efcdab",
                                           "acebdf", "ecafdb", "fdbeca", "bdface"};
    static const struct png_kind kind = {2, 8, 3, false, false, 0};
    static struct blob png, exif;
    for (int orientation = 1; orientation <= 8; orientation++) {
        exif.size = 0;
        add_exif(&exif, orientation, orientation % 2);
        start_png(&png, &kind, 2, 3);
        add_chunk(&png, "eXIf", exif.bytes, exif.size);
        end_png(&png, &kind, 2, 3);
        struct picture stored = decode_ok(&png, false), got = decode_ok(&png, true);
        assert_int_equal(stored.width, 2);
        assert_int_equal(got.width, orientation >= 5 ? 3 : 2);
        assert_int_equal(got.height, orientation >= 5 ? 2 : 3);
        for (int p = 0; p < 6; p++)
            if (memcmp(got.pixels + 3 * p, stored.pixels + 3 * (upright[orientation][p] - 'a'), 3) != 0)
                fail_msg("orientation %d pixel %d: '%c' expected", orientation, p, upright[orientation][p]);
        picture_free(&stored);
        picture_free(&got);
    }
}

/* Puts a segment behind the start of a JPEG. */
static void insert_segment(struct blob *jpeg, int marker, const void *data, size_t size)
{
    struct blob *rest = test_malloc(sizeof *rest);
    *rest = *jpeg;
    jpeg->size = 2;
    add_be(jpeg, 0xff00 | (uint32_t)marker, 2);
    add_be(jpeg, (uint32_t)size + 2, 2);
    add(jpeg, data, size);
    add(jpeg, rest->bytes + 2, rest->size - 2);
    test_free(rest);
}

static void test_jpeg_orientation(void **state)
{
    (void)state;
    static struct blob jpeg, exif;
    for (int orientation = 0; orientation <= 9; orientation++) {
        load("tests/pictures/restarts.jpg", &jpeg);
        exif.size = 0;
        add(&exif, "Exif\0\0", 6);
        add_exif(&exif, orientation, orientation & 1);
        insert_segment(&jpeg, 0xe1, exif.bytes, exif.size);
        struct picture got = decode_ok(&jpeg, true);
        assert_int_equal(got.width, orientation >= 5 && orientation <= 8 ? 40 : 48);
        picture_free(&got);
        for (size_t cut = 0; cut < exif.size;
             cut++) { /* an EXIF block that ends anywhere is no reason to fail */
            load("tests/pictures/grey.jpg", &jpeg);
            insert_segment(&jpeg, 0xe1, exif.bytes, cut);
            got = decode_ok(&jpeg, true);
            picture_free(&got);
        }
    }
}

/* A profile with nothing but a description, of version 2 or 4. */
static void add_profile(struct blob *blob, const char *name, bool version4)
{
    add_zeros(blob, 128);
    add_be(blob, 1, 4);
    add_text(blob, "desc");
    add_be(blob, 144, 4);
    add_be(blob, version4 ? 28 + 2 * (uint32_t)strlen(name) : 13 + (uint32_t)strlen(name), 4);
    add_text(blob, version4 ? "mluc" : "desc");
    add_be(blob, 0, 4);
    add_be(blob, version4 ? 1 : (uint32_t)strlen(name) + 1, 4);
    if (!version4) {
        add(blob, name, strlen(name) + 1);
        return;
    }
    add_be(blob, 12, 4);
    add_text(blob, "enUS");
    add_be(blob, 2 * (uint32_t)strlen(name), 4);
    add_be(blob, 28, 4);
    for (; *name; name++)
        add_be(blob, (uint32_t)*name, 2);
}

static void test_profiles(void **state)
{
    (void)state;
    static const struct png_kind kind = {2, 8, 3, false, false, 0};
    static struct blob file, profile, chunk;
    static const char *const names[] = {"Display P3", "sRGB IEC61966-2.1"};
    for (int variant = 0; variant < 8; variant++) {
        bool png = variant & 1, version4 = variant & 2, foreign = variant < 4;
        const char *name = names[!foreign];
        profile.size = chunk.size = 0;
        if (png) {
            add_profile(&profile, name, version4);
            add(&chunk, "icc\0\0", 5);
            add_zlib(&chunk, profile.bytes, profile.size);
            start_png(&file, &kind, 3, 3);
            add_chunk(&file, "iCCP", chunk.bytes, chunk.size);
            end_png(&file, &kind, 3, 3);
        } else {
            add(&chunk, "ICC_PROFILE\0\1\1", 14);
            add_profile(&chunk, name, version4);
            load("tests/pictures/grey.jpg", &file);
            insert_segment(&file, 0xe2, chunk.bytes, chunk.size);
        }
        struct picture got = decode_ok(&file, true);
        if (foreign)
            assert_non_null(strstr(got.warning, name));
        else
            assert_string_equal(got.warning, "");
        picture_free(&got);
    }
}

/* ---- refusing ---------------------------------------------------------------------------- */

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
        {"starts with 41 42", "AB", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        decode_fails(cases[i].bytes, cases[i].size, cases[i].name);
    static struct blob jpeg;
    load("tests/pictures/cmyk.jpg", &jpeg);
    decode_fails(jpeg.bytes, jpeg.size, "CMYK");
    load("tests/pictures/grey.jpg", &jpeg);
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
    load("tests/pictures/grey.jpg", &file);
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

static void cut_everywhere(const struct blob *file)
{
    for (size_t sixteenth = 0; sixteenth < 16; sixteenth++)
        decode_fails(file->bytes, file->size * sixteenth / 16, "");
    for (size_t size = 0; size < file->size; size += file->size / 500 + 1)
        decode_fails(file->bytes, size, "");
    decode_fails(file->bytes, file->size - 1, "ends early");
}

static void test_truncated(void **state)
{
    (void)state;
    static struct blob file;
    static const char *const written[] = {"cut.png", "cut.jpg", "cut.bmp", "cut.ppm"};
    struct picture picture = make_picture(52, 30, 3);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        assert_int_equal(picture_write(in_folder(written[i]), &picture, 92, true, NULL), LIMN_OK);
        load(in_folder(written[i]), &file);
        cut_everywhere(&file);
    }
    picture_free(&picture);
    load("tests/pictures/progressive.jpg", &file);
    cut_everywhere(&file);
    static const struct png_kind kind = {3, 4, 1, true, true, 16};
    static const unsigned char palette[48] = {1};
    start_png(&file, &kind, 21, 9);
    add_chunk(&file, "PLTE", palette, sizeof palette);
    add_chunk(&file, "tRNS", palette, 16);
    end_png(&file, &kind, 21, 9);
    cut_everywhere(&file);
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
        const char *path = i < 2 ? names[i] : in_folder(names[i]);
        if (i >= 2)
            assert_int_equal(picture_write(path, &picture, 92, true, NULL), LIMN_OK);
        load(path, &file);
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
                assert_int_equal(picture_write(in_folder(names[n]), &want, 92, true, NULL), LIMN_OK);
                if (channels == 4 && n > 0) { /* these have no alpha: over white */
                    for (int64_t i = 0; i < want.width * want.height; i++)
                        for (int c = 0; c < 3; c++) {
                            int alpha = want.pixels[4 * i + 3], value = want.pixels[4 * i + c];
                            want.pixels[3 * i + c] =
                                (unsigned char)((value * alpha + 255 * (255 - alpha) + 127) / 255);
                        }
                    want.channels = 3;
                }
                struct picture got = read_ok(in_folder(names[n]));
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
        assert_int_equal(picture_write(in_folder("contents.png"), &want, 92, true, NULL), LIMN_OK);
        struct picture got = read_ok(in_folder("contents.png"));
        assert_same(&want, &got, "contents");
        picture_free(&want);
        picture_free(&got);
    }
}

static void test_jpeg_quality(void **state)
{
    (void)state;
    struct picture want = make_picture(61, 47, 3);
    static const int qualities[] = {100, 92, 75};
    static const double most[] = {1.0, 2.5, 8.0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(picture_write(in_folder("quality.jpeg"), &want, qualities[i], true, NULL), LIMN_OK);
        struct picture got = read_ok(in_folder("quality.jpeg"));
        assert_near(&want, &got, most[i], "quality");
        picture_free(&got);
    }
    picture_free(&want);
}

static void test_grey(void **state)
{
    (void)state;
    struct picture picture = make_picture(5, 3, 3);
    assert_int_equal(picture_write(in_folder("grey.pgm"), &picture, 92, true, NULL), LIMN_OK);
    static struct blob file;
    load(in_folder("grey.pgm"), &file);
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
        assert_int_equal(picture_write(in_folder(name), &picture, 92, true, NULL), LIMN_OK);
        load(in_folder(name), &whole);
        struct picture_writer *writer;
        snprintf(name, sizeof name, "bands.%s", extensions[i]);
        assert_int_equal(picture_writer_open(in_folder(name), 150, 103, 4, 92, true, &writer, NULL), LIMN_OK);
        for (int64_t y = 0, rows = 0; y < 103; y += rows) {
            rows = y % 7 < 103 - y ? y % 7 + 1 : 1;
            rows = rows < 103 - y ? rows : 103 - y;
            assert_int_equal(picture_writer_rows(writer, picture.pixels + y * 150 * 4, rows, NULL), LIMN_OK);
        }
        assert_int_equal(picture_writer_commit(writer, NULL), LIMN_OK);
        load(in_folder(name), &bands);
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
    assert_true(picture_format_known("-"));
    assert_true(picture_format_known("a/b.JPG"));
    assert_false(picture_format_known("a.png/b"));
    assert_false(picture_format_known("b.webp"));
    assert_int_equal(picture_write(in_folder("x.webp"), &picture, 92, true, &error), LIMN_E_USAGE);
    assert_int_equal(picture_writer_open(in_folder("x.jpg"), 65536, 1, 3, 92, true, &writer, &error),
                     LIMN_E_OUTPUT);
    assert_non_null(strstr(error.message, "65535"));
    assert_int_equal(picture_writer_open(in_folder("x.bmp"), 40000, 20000, 3, 92, true, &writer, &error),
                     LIMN_E_OUTPUT);
    assert_non_null(strstr(error.message, "40000 x 20000"));
    /* Too few rows, too many rows: nothing is left behind. */
    assert_int_equal(picture_writer_open(in_folder("rows.png"), 4, 4, 3, 92, true, &writer, &error), LIMN_OK);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 3, &error), LIMN_OK);
    assert_int_equal(picture_writer_commit(writer, &error), LIMN_E_OUTPUT);
    assert_int_equal(access(in_folder("rows.png"), F_OK), -1);
    assert_int_equal(picture_writer_open(in_folder("rows.png"), 4, 3, 3, 92, true, &writer, &error), LIMN_OK);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 4, &error), LIMN_E_OUTPUT);
    assert_int_equal(picture_writer_rows(writer, picture.pixels, 1, &error), LIMN_E_OUTPUT);
    assert_int_equal(picture_writer_commit(writer, &error), LIMN_E_OUTPUT);
    assert_int_equal(access(in_folder("rows.png"), F_OK), -1);
    picture_free(&picture);
}

static void test_keeps_what_stands(void **state)
{
    (void)state;
    static struct blob before, after;
    struct picture picture = make_picture(4, 4, 3), other = make_picture(9, 9, 3);
    limn_error error;
    assert_int_equal(picture_write(in_folder("stands.png"), &picture, 92, false, &error), LIMN_OK);
    load(in_folder("stands.png"), &before);
    assert_int_equal(picture_write(in_folder("stands.png"), &other, 92, false, &error), LIMN_E_OUTPUT);
    load(in_folder("stands.png"), &after);
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
        assert_int_equal(symlink("/dev/full", in_folder(names[i])), 0);
        assert_int_equal(picture_write(in_folder(names[i]), &picture, 92, true, &error), LIMN_E_OUTPUT);
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
    assert_int_equal(picture_write(in_folder("memory.png"), &picture, 92, true, NULL), LIMN_OK);
    assert_int_equal(picture_write(in_folder("memory.bmp"), &picture, 92, true, NULL), LIMN_OK);
    picture_free(&picture);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int persistent = 0; persistent < 2; persistent++) {
            limn_status status = LIMN_E_MEMORY;
            size_t before = mem_in_use();
            for (int nth = 1; status; nth++) {
                limn_error error;
                struct picture got;
                mem_fail_at(nth, persistent);
                status = picture_read(i < 3 ? names[i] : in_folder(names[i]), true, &got, &error);
                mem_fail_at(0, false);
                assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
                picture_free(&got);
                assert_int_equal(mem_in_use(), before);
            }
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
        for (int nth = 1; status; nth++) {
            limn_error error;
            struct picture got;
            mem_fail_at(nth, false);
            status = picture_decode(png.bytes, png.size, "built", true, &got, &error);
            mem_fail_at(0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            picture_free(&got);
            assert_int_equal(mem_in_use(), before);
        }
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
        for (int nth = 1; status; nth++) {
            limn_error error;
            mem_fail_at(nth, false);
            status = picture_write(in_folder(names[i]), &picture, 92, false, &error);
            mem_fail_at(0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
            assert_int_equal(access(in_folder(names[i]), F_OK), status ? -1 : 0);
            assert_int_equal(mem_in_use(), before);
        }
    }
    picture_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_kinds),
        cmocka_unit_test(test_jpeg_files),
        cmocka_unit_test(test_pnm),
        cmocka_unit_test(test_bmp),
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_jpeg_orientation),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
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
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
