/* test_picture_read.c - every kind of picture file against pixels known beforehand. Run from the repository's
 * root. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/picture_probe.h"
#include "tests/support_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes, and checks that it takes no more memory than announced, and at least `share` of it. */
static struct picture decode_announced(const unsigned char *bytes, size_t size, bool orient, double share)
{
    struct picture_bytes file = {bytes, size, "built"};
    struct picture_header header;
    struct picture picture;
    assert_ok(picture_probe(&file, &header, error));
    size_t announced = picture_decoding_bytes(&header, orient), before = mem_in_use();
    mem_restart_peak();
    assert_ok(picture_decode(bytes, size, "built", orient, &picture, error));
    size_t took = mem_peak() - before;
    if (took > announced || (double)took < share * (double)announced)
        fail_with("kind %d, %d bits: %zu bytes were taken, %zu announced", (int)header.kind, header.depth,
                  took, announced);
    return picture;
}

static struct picture decode_ok(const struct blob *blob, bool orient)
{
    return decode_announced(blob->bytes, blob->size, orient, 0);
}

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
                else /* as Pillow */
                    rgba[c] = index;
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

/* What libpng and Pillow forgive. `before` and `after` go around the data; both NULL: nothing follows it. */
static void check_forgiven(const struct png_kind *kind, const char *before, size_t bytes, const char *after,
                           int channels, const char *what)
{
    static struct blob plain, odd;
    start_png(&plain, kind, 7, 5);
    start_png(&odd, kind, 7, 5);
    if (kind->colour == 3) {
        add_chunk(&plain, "PLTE", "aAbbBcccCddd", 12);
        add_chunk(&odd, "PLTE", "aAbbBcccCddd", 12);
    }
    if (before)
        add_chunk(&odd, before, "\0\1\0\1\0\1\0\1\0\1", bytes);
    end_png(&plain, kind, 7, 5);
    end_png(&odd, kind, 7, 5);
    odd.size -= 12; /* IEND */
    if (after)
        add_chunk(&odd, after, "\0\1\0\1\0\1\0\1\0\1", bytes);
    struct picture want = decode_ok(&plain, true), got = decode_ok(&odd, true);
    assert_int_equal(got.channels, channels);
    if (channels == want.channels)
        assert_same(&want, &got, what);
    picture_free(&want);
    picture_free(&got);
}

static void test_forgiven_pngs(void **state)
{
    (void)state;
    static const struct png_kind grey = {0, 8, 1, false, false, 0}, rgb = {2, 8, 3, true, false, 0},
                                 indexed = {3, 2, 1, false, false, 4},
                                 grey_alpha = {4, 8, 2, false, false, 0}, rgba = {6, 16, 4, false, false, 0};
    check_forgiven(&rgb, NULL, 0, NULL, 3, "no IEND");
    check_forgiven(&indexed, NULL, 0, NULL, 3, "no IEND, palette");
    check_forgiven(&rgba, "tRNS", 6, "IEND", 4, "tRNS beside alpha");
    check_forgiven(&grey_alpha, "tRNS", 2, "IEND", 4, "tRNS beside grey's alpha");
    check_forgiven(&rgb, NULL, 6, "tRNS", 3, "tRNS after the data");
    check_forgiven(&indexed, NULL, 3, "tRNS", 3, "tRNS after the data, palette");
    check_forgiven(&indexed, NULL, 9, "PLTE", 3, "PLTE after the data");
    check_forgiven(&rgb, "PLTE", 9, "IEND", 3, "PLTE beside RGB");
    check_forgiven(&rgb, "PLTE", 10, "IEND", 3, "PLTE beside RGB, odd");
    check_forgiven(&grey, "PLTE", 9, "IEND", 3, "PLTE beside grey");
    check_forgiven(&rgb, "IDAT", 0, "IDAT", 3, "empty chunks of data");
    check_forgiven(&grey, "tRNS", 5, "IEND", 4, "a long tRNS");
    check_forgiven(&indexed, "tRNS", 9, "IEND", 4, "a tRNS longer than the palette");
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
#define CASE(text) (text), sizeof(text) - 1
        {CASE("P1 2 2 0 1\n1 0"), {255, 0, 0, 255}},
        {CASE("P1\n# two\n2 # by two\n2\n0110"), {255, 0, 0, 255}},
        {CASE("P2 2 2 4 0 1 2 #half\n 4"), {0, 64, 128, 255}},
        {CASE("P3 2 2 65535 0 129 65535 0 0 0 0 0 0 0 0 0"), {0, 0, 0, 0}},
        {CASE("P4 2 2 \x40\x80"), {255, 0, 0, 255}},
        {CASE("P5 2 2 255\n\x00\x7f\x80\xff"), {0, 127, 128, 255}},
        {CASE("P5 2 2 65535\n\x00\x80\x00\x81\x01\x81\xff\xff"), {0, 1, 1, 255}},
        /* Comments inside the numbers of the header, and at its end: as Pillow reads them. */
        {CASE("P5#a\n#b\r#c\n2#d\n 0#e\n2 2#f\n5#g\r5\n\x00\x7f\x80\xff"), {0, 127, 128, 255}},
        {CASE("P5 2 2 255#h\n \x00\x7f\x80\xff"), {0, 127, 128, 255}},
        {CASE("P5 2 2 255#as netpbm writes\n\x00\x7f\x80\xff"), {0, 127, 128, 255}},
        {CASE("P2\r\n2 2\r\n255\r\n# i\r\n0 127#j\n128 255"), {0, 127, 128, 255}},
        {CASE("P1 2 2#k\n\n0#l\n1#m\n10"), {255, 0, 0, 255}},
        {CASE("P6 2 2 3\n\0\0\0\1\1\1\2\2\2\3\3\3trailing"), {0, 85, 170, 255}},
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture picture;
        limn_error error = {0};
        if (picture_decode((const unsigned char *)cases[i].text, cases[i].size, "built", true, &picture,
                           &error))
            fail_with("case %zu: %s", i, error.message);
        for (int p = 0; p < 4; p++)
            if (picture.pixels[3 * p] != cases[i].want[p])
                fail_with("PNM case %zu pixel %d: want %d, got %d", i, p, cases[i].want[p],
                          picture.pixels[3 * p]);
        picture_free(&picture);
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
    add_bytes(&bmp, "\xc0\0\0\0\x50\0\0\0", 8);
    check_bmp(&bmp, 3, palette_pixels, "1 bit");
    build_bmp(&bmp, 40, 4, 0, true, 0, NULL, 2);
    add_bytes(&bmp, "\x01\x01\0\0\x11\x00\0\0", 8);
    check_bmp(&bmp, 3, palette_pixels, "4 bits, top down");
    build_bmp(&bmp, 12, 8, 0, false, 0, NULL, 256);
    add_bytes(&bmp, "\1\1\0\0\0\1\0\1", 8);
    check_bmp(&bmp, 3, palette_pixels, "8 bits, OS/2");
    static const unsigned char short_pixels[24] = {0,  0,  0,  10, 20, 30, 0, 0, 0, 10, 20, 30,
                                                   10, 20, 30, 10, 20, 30, 7, 7, 7, 9,  9,  9};
    build_bmp(&bmp, 124, 8, 0, false, 0, NULL, 2); /* colours 7 and 9 are not in the palette: greys */
    add_bytes(&bmp, "\1\1\7\x9\0\1\0\1", 8);
    check_bmp(&bmp, 3, short_pixels, "8 bits, short palette");

    static const unsigned char colours[24] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    build_bmp(&bmp, 40, 16, 0, true, 0, NULL, 0);
    add_bytes(&bmp, "\x00\x7c\xe0\x03\x1f\x00\xff\x7f\0\0\0\0\0\0\0\0", 16);
    check_bmp(&bmp, 3, colours, "16 bits, 555");
    build_bmp(&bmp, 40, 16, 3, true, 3, narrow, 0);
    add_bytes(&bmp, "\x00\xf8\xe0\x07\x1f\x00\xff\xff\0\0\0\0\0\0\0\0", 16);
    check_bmp(&bmp, 3, colours, "16 bits, 565");
    build_bmp(&bmp, 40, 32, 0, true, 0, NULL, 0);
    add_bytes(&bmp, "\0\0\xff\x77\0\xff\0\x77\xff\0\0\x77\xff\xff\xff\x77", 16);
    add_zeros(&bmp, 16);
    check_bmp(&bmp, 3, colours, "32 bits, no alpha");

    static const unsigned char with_alpha[32] = {255, 0, 0,   119, 0,   255, 0,   0,
                                                 0,   0, 255, 255, 255, 255, 255, 1};
    build_bmp(&bmp, 108, 32, 3, true, 4, wide, 0);
    add_bytes(&bmp, "\0\0\xff\x77\0\xff\0\x00\xff\0\0\xff\xff\xff\xff\x01", 16);
    add_zeros(&bmp, 16);
    check_bmp(&bmp, 4, with_alpha, "32 bits, alpha");
    for (size_t i = bmp.size - 32 + 3; i < bmp.size; i += 4)
        bmp.bytes[i] = 0;
    struct picture opaque = decode_ok(&bmp, true);
    for (int i = 3; i < 32; i += 4)
        assert_int_equal(opaque.pixels[i], 255);
    picture_free(&opaque);
}

/* Runs, all of the same picture: the lower row 1 1 0 0, the upper one 0 1 0 1. */
static void test_bmp_runs(void **state)
{
    (void)state;
    static const unsigned char want[24] = {0,  0,  0,  10, 20, 30, 0, 0, 0, 10, 20, 30,
                                           10, 20, 30, 10, 20, 30, 0, 0, 0, 0,  0,  0};
    static const struct {
        const char *what, *runs;
        int size, bits;
    } cases[] = {
        {"runs", "\2\1\2\0\0\0\1\0\1\1\1\0\1\1\0\0\0\1", 18, 8},
        {"no end", "\2\1\2\0\0\0\1\0\1\1\1\0\1\1", 14, 8},
        {"indices, padded", "\0\3\1\1\0\0\1\0\0\0\0\4\0\1\0\1\0\1", 18, 8},
        {"rest of the row skipped", "\2\1\0\0\1\0\1\1\1\0\1\1\0\1", 14, 8},
        {"pixels skipped", "\2\1\0\0\0\2\1\0\1\1\1\0\1\1\0\1", 16, 8},
        {"a run that is too long", "\2\1\11\0\0\0\1\0\1\1\1\0\11\1\0\1", 16, 8},
        {"4 bits, alternating", "\2\x11\2\0\0\0\4\1\0\1", 10, 4},
        {"4 bits, an odd count of indices", "\0\3\x11\0\0\0\4\1\0\1", 10, 4},
    };
    static struct blob bmp;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        build_bmp(&bmp, 40, cases[i].bits, cases[i].bits == 8 ? 1 : 2, false, 0, NULL, 2);
        add_bytes(&bmp, cases[i].runs, (size_t)cases[i].size);
        check_bmp(&bmp, 3, want, cases[i].what);
    }
}

/* Offsets of the pixels that some writers get wrong, and masks that say nothing. */
static void test_odd_bmps(void **state)
{
    (void)state;
    static const unsigned char want[24] = {0,  0,  0,  10, 20, 30, 0, 0, 0, 10, 20, 30,
                                           10, 20, 30, 10, 20, 30, 0, 0, 0, 0,  0,  0};
    static const unsigned char offsets[] = {0, 54};
    static struct blob bmp;
    for (size_t i = 0; i < sizeof offsets; i++) {
        build_bmp(&bmp, 40, 8, 0, false, 0, NULL, 2);
        add_bytes(&bmp, "\1\1\0\0\0\1\0\1", 8);
        bmp.bytes[10] = offsets[i];
        check_bmp(&bmp, 3, want, "8 bits, offset");
    }
    static const uint32_t none[3] = {0}, usual[3] = {0xff0000, 0xff00, 0xff};
    static const unsigned char with_alpha[32] = {255, 0, 0,   119, 0,   255, 0,   0,
                                                 0,   0, 255, 255, 255, 255, 255, 1};
    build_bmp(&bmp, 40, 32, 3, true, 3, none, 0);
    add_bytes(&bmp, "\0\0\xff\x77\0\xff\0\x00\xff\0\0\xff\xff\xff\xff\x01", 16);
    add_zeros(&bmp, 16);
    check_bmp(&bmp, 4, with_alpha, "32 bits, masks of zero");
    build_bmp(&bmp, 40, 24, 3, false, 3, usual, 0);
    add_bytes(&bmp, "\x1e\x14\x0a\x1e\x14\x0a\0\0\0\0\0\0", 12);
    add_bytes(&bmp, "\0\0\0\x1e\x14\x0a\0\0\0\x1e\x14\x0a", 12);
    check_bmp(&bmp, 3, want, "24 bits, masks");
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
                fail_with("orientation %d pixel %d: '%c' expected", orientation, p, upright[orientation][p]);
        picture_free(&stored);
        picture_free(&got);
    }
}

static void test_jpeg_orientation(void **state)
{
    (void)state;
    static struct blob jpeg, exif;
    for (int orientation = 0; orientation <= 9; orientation++) {
        load_file("tests/pictures/restarts.jpg", &jpeg);
        exif.size = 0;
        add_bytes(&exif, "Exif\0\0", 6);
        add_exif(&exif, orientation, orientation & 1);
        insert_segment(&jpeg, 0xe1, exif.bytes, exif.size);
        struct picture got = decode_ok(&jpeg, true);
        assert_int_equal(got.width, orientation >= 5 && orientation <= 8 ? 40 : 48);
        picture_free(&got);
        for (size_t cut = 0; cut < exif.size;
             cut++) { /* an EXIF block that ends anywhere is no reason to fail */
            load_file("tests/pictures/grey.jpg", &jpeg);
            insert_segment(&jpeg, 0xe1, exif.bytes, cut);
            got = decode_ok(&jpeg, true);
            picture_free(&got);
        }
    }
}

static void test_profiles(void **state)
{
    (void)state;
    static const struct png_kind kind = {2, 8, 3, false, false, 0};
    static struct blob file, profile, chunk;
    static const char *const names[] = {"Display P3", "sRGB IEC61966-2.1"};
    for (int variant = 0; variant < 12; variant++) {
        bool png = variant & 1, version4 = variant & 2;
        bool stored = variant >= 8, foreign = variant < 4 || stored;
        const char *name = names[!foreign];
        profile.size = chunk.size = 0;
        if (png) {
            add_profile(&profile, name, version4);
            add_bytes(&chunk, "icc\0\0", 5);
            if (stored) { /* zlib's level 0, more than is read */
                add_zeros(&profile, 65535 - (int)profile.size);
                add_bytes(&chunk, "\x78\1\1\xff\xff\0\0", 7);
                add_bytes(&chunk, profile.bytes, profile.size);
                add_zeros(&chunk, 4); /* checksum, not checked */
            } else {
                add_zlib(&chunk, profile.bytes, profile.size);
            }
            start_png(&file, &kind, 3, 3);
            add_chunk(&file, "iCCP", chunk.bytes, chunk.size);
            end_png(&file, &kind, 3, 3);
        } else {
            add_bytes(&chunk, "ICC_PROFILE\0\1\1", 14);
            add_profile(&chunk, name, version4);
            load_file("tests/pictures/grey.jpg", &file);
            insert_segment(&file, 0xe2, chunk.bytes, chunk.size);
        }
        struct picture got = decode_ok(&file, true);
        if (foreign)
            assert_non_null(strstr(got.warning, name));
        else
            assert_string_equal(got.warning, "");
        picture_free(&got);
    }
    /* What does not unpack is known by its name in the PNG, of which a terminal gets nothing but text. */
    start_png(&file, &kind, 3, 3);
    add_chunk(&file, "iCCP", "a\x1b[31m\xe9\0\0x", 10);
    end_png(&file, &kind, 3, 3);
    struct picture got = decode_ok(&file, true);
    assert_non_null(strstr(got.warning, "'a?[31m?'"));
    picture_free(&got);
}

/* What of a PNG is lost or ignored, in the order of the notes; "" where nothing is. */
static void test_notes(void **state)
{
    (void)state;
    static const char
        linear[] = "\0\1\x86\xa0",
        usual[] = "\0\0\xb1\x8f", darker[] = "\0\0\xd6\xd8",
        srgb[] = "\0\0\x7a\x26\0\0\x80\x84\0\0\xfa\0\0\0\x80\xe8\0\0\x75\x30\0\0\xea\x60\0\0:\x98\0\0\x17p";
    static const struct {
        int depth;
        const char *type, *data;
        size_t size;
        const char *with, *note;
    } cases[] = {
        {8, "gAMA", usual, 4, NULL, ""},
        {8, "gAMA", linear, 4, NULL, "the gamma (gAMA 1) is not that of sRGB and is ignored"},
        {8, "gAMA", darker, 4, NULL, "the gamma (gAMA 0.55) is not that of sRGB and is ignored"},
        {8, "gAMA", linear, 4, "sRGB", ""},
        {8, "gAMA", linear, 3, NULL, ""},
        {8, "gAMA", "\0\0\0\0", 4, NULL, ""},
        {8, "cICP", "\1\x0d\0\1", 4, NULL, ""},
        {8, "cICP", "\x09\x10\0\1", 4, NULL, "the colour space (cICP) is not sRGB and is ignored"},
        {8, "cICP", "\x0c\x0d\0\1", 4, "sRGB", "the colour space (cICP) is not sRGB and is ignored"},
        {8, "cHRM", srgb, 32, NULL, ""},
        {8, "cHRM", "0000111122223333444455556666777", 31, NULL, ""},
        {8, "cHRM", "00001111222233334444555566667777", 32, NULL,
         "the primaries (cHRM) are not those of sRGB and are ignored"},
        {8, "cHRM", "00001111222233334444555566667777", 32, "sRGB", ""},
        {16, "gAMA", usual, 4, NULL, "16 bits a sample are reduced to 8"},
        {16, "gAMA", linear, 4, NULL,
         "16 bits a sample are reduced to 8; the gamma (gAMA 1) is not that of sRGB and is ignored"},
    };
    static struct blob png;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct png_kind kind = {2, cases[i].depth, 3, false, false, 0};
        start_png(&png, &kind, 3, 3);
        add_chunk(&png, cases[i].type, cases[i].data, cases[i].size);
        if (cases[i].with)
            add_chunk(&png, cases[i].with, "\0", 1);
        end_png(&png, &kind, 3, 3);
        struct picture got = decode_ok(&png, true);
        if (strcmp(got.warning, cases[i].note) != 0)
            fail_with("case %zu: \"%s\", expected \"%s\"", i, got.warning, cases[i].note);
        picture_free(&got);
    }
}

/* The memory of decoding is announced before it starts, within 15% for a picture of some size. A limit of as
 * much is enough; with a byte less the picture is refused before any work. */
static void test_memory_is_announced(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int channels, quality;
    } files[] = {{"a.png", 3, 0},  {"b.png", 4, 0}, {"a.jpg", 3, 80},
                 {"b.jpg", 3, 95}, {"a.bmp", 3, 0}, {"a.ppm", 3, 0}};
    struct random random = {7};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct picture made, read;
        unsigned char *bytes;
        size_t size;
        const char *path = scratch_path(files[i].name);
        assert_ok(picture_create(901, 777, files[i].channels, &made, error));
        for (int64_t p = 0; p < made.width * made.height * made.channels; p++)
            made.pixels[p] = (unsigned char)(p / 1000 + random_below(&random, 8));
        assert_ok(
            picture_write(&(struct picture_target){.path = path, .quality = files[i].quality}, &made, error));
        picture_free(&made);
        assert_ok(file_read_all(path, PICTURE_MOST_BYTES, LIMN_E_INPUT, &bytes, &size, error));
        read = decode_announced(bytes, size, true, 0.85);
        picture_free(&read);

        struct picture_bytes file = {bytes, size, "built"};
        struct picture_header header;
        assert_ok(picture_probe(&file, &header, error));
        size_t announced = picture_decoding_bytes(&header, true);
        mem_set_limit(mem_in_use() + announced);
        assert_ok(picture_decode(bytes, size, path, true, &read, error));
        picture_free(&read);
        mem_restart_peak();
        mem_set_limit(mem_in_use() + announced - 1);
        assert_fails(picture_decode(bytes, size, path, true, &read, error), LIMN_E_MEMORY,
                     "901 x 777 pixels");
        assert_int_equal(mem_peak(), mem_in_use());
        mem_set_limit(0);
        mem_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_kinds),
        cmocka_unit_test(test_forgiven_pngs),
        cmocka_unit_test(test_jpeg_files),
        cmocka_unit_test(test_pnm),
        cmocka_unit_test(test_bmp_runs),
        cmocka_unit_test(test_odd_bmps),
        cmocka_unit_test(test_bmp),
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_jpeg_orientation),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_memory_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
