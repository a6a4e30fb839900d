/* support_pictures.c - see support_pictures.h. */
#include "tests/support_pictures.h"

#include "engine/pictures/deflate.h"
#include "engine/pictures/png_crc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- files built byte by byte ------------------------------------------------------------ */

void add_bytes(struct blob *blob, const void *bytes, size_t size)
{
    assert_true(blob->size + size <= sizeof blob->bytes);
    memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
}

void add_text(struct blob *blob, const char *text)
{
    add_bytes(blob, text, strlen(text));
}

void add_be(struct blob *blob, uint32_t value, int count)
{
    for (int i = count - 1; i >= 0; i--)
        add_bytes(blob, (unsigned char[]){(unsigned char)(value >> (8 * i))}, 1);
}

void add_le(struct blob *blob, uint32_t value, int count)
{
    for (int i = 0; i < count; i++)
        add_bytes(blob, (unsigned char[]){(unsigned char)(value >> (8 * i))}, 1);
}

void add_zeros(struct blob *blob, int count)
{
    for (; count > 0; count--)
        add_bytes(blob, "", 1);
}

limn_status add_compressed(void *blob, const unsigned char *bytes, size_t size, limn_error *error)
{
    (void)error;
    add_bytes(blob, bytes, size);
    return LIMN_OK;
}

void add_zlib(struct blob *blob, const void *bytes, size_t size)
{
    struct deflate *deflate;
    assert_int_equal(deflate_create(add_compressed, blob, &deflate, NULL), LIMN_OK);
    assert_int_equal(deflate_write(deflate, bytes, size, NULL), LIMN_OK);
    assert_int_equal(deflate_finish(deflate, NULL), LIMN_OK);
    deflate_free(deflate);
}

/* ---- PNG --------------------------------------------------------------------------------- */

void add_chunk(struct blob *png, const char *type, const void *data, size_t size)
{
    add_be(png, (uint32_t)size, 4);
    add_text(png, type);
    add_bytes(png, data, size);
    add_be(png, png_crc(0, png->bytes + png->size - size - 4, size + 4), 4);
}

uint32_t sample_at(int x, int y, int c, int depth)
{
    uint32_t mixed =
        ((uint32_t)x * 7919u + (uint32_t)y * 104729u + (uint32_t)c * 1299709u + 12345u) * 2654435761u;
    return mixed >> (32 - depth);
}

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

void start_png(struct blob *png, const struct png_kind *kind, int width, int height)
{
    struct blob *header = test_calloc(1, sizeof *header);
    png->size = 0;
    add_bytes(png, "\x89PNG\r\n\x1a\n", 8);
    add_be(header, (uint32_t)width, 4);
    add_be(header, (uint32_t)height, 4);
    add_be(header, (uint32_t)kind->depth, 1);
    add_be(header, (uint32_t)kind->colour, 1);
    add_be(header, 0, 2);
    add_be(header, kind->interlaced, 1);
    add_chunk(png, "IHDR", header->bytes, header->size);
    test_free(header);
}

void end_png(struct blob *png, const struct png_kind *kind, int width, int height)
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

/* ---- BMP --------------------------------------------------------------------------------- */

void build_bmp(struct blob *bmp, uint32_t header_size, int bits, uint32_t compression, bool top_down,
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
        add_bytes(
            bmp, (unsigned char[]){(unsigned char)(30 * i), (unsigned char)(20 * i), (unsigned char)(10 * i)},
            3);
        if (entry == 4)
            add_le(bmp, 0, 1);
    }
}

/* ---- JPEG and what files carry besides pixels -------------------------------------------- */

void insert_segment(struct blob *jpeg, int marker, const void *data, size_t size)
{
    struct blob *rest = test_malloc(sizeof *rest);
    *rest = *jpeg;
    jpeg->size = 2;
    add_be(jpeg, 0xff00 | (uint32_t)marker, 2);
    add_be(jpeg, (uint32_t)size + 2, 2);
    add_bytes(jpeg, data, size);
    add_bytes(jpeg, rest->bytes + 2, rest->size - 2);
    test_free(rest);
}

void add_exif(struct blob *blob, int orientation, bool big)
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

void add_profile(struct blob *blob, const char *name, bool version4)
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
        add_bytes(blob, name, strlen(name) + 1);
        return;
    }
    add_be(blob, 12, 4);
    add_text(blob, "enUS");
    add_be(blob, 2 * (uint32_t)strlen(name), 4);
    add_be(blob, 28, 4);
    for (; *name; name++)
        add_be(blob, (uint32_t)*name, 2);
}

/* ---- pictures ---------------------------------------------------------------------------- */

struct picture make_picture(int64_t width, int64_t height, int channels)
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

struct picture read_ok(const char *path)
{
    struct picture picture;
    limn_error error = {0};
    if (picture_read(path, true, &picture, &error))
        fail_with("%s", error.message);
    return picture;
}

void assert_same(const struct picture *want, const struct picture *got, const char *what)
{
    if (want->width != got->width || want->height != got->height || want->channels != got->channels)
        fail_with("%s: want %" PRId64 "x%" PRId64 "x%d, got %" PRId64 "x%" PRId64 "x%d", what, want->width,
                  want->height, want->channels, got->width, got->height, got->channels);
    for (int64_t i = 0; i < want->width * want->height * want->channels; i++)
        if (want->pixels[i] != got->pixels[i])
            fail_with("%s: [y=%" PRId64 ",x=%" PRId64 ",c=%" PRId64 "] want %d, got %d", what,
                      i / want->channels / want->width, i / want->channels % want->width, i % want->channels,
                      want->pixels[i], got->pixels[i]);
}

void assert_near(const struct picture *want, const struct picture *got, double most, const char *what)
{
    double sum = 0;
    int64_t count = want->width * want->height * 3;
    assert_int_equal(want->width, got->width);
    assert_int_equal(want->height, got->height);
    assert_int_equal(got->channels, 3);
    for (int64_t i = 0; i < count; i++)
        sum += abs(want->pixels[i] - got->pixels[i]);
    if (sum / (double)count > most)
        fail_with("%s: mean difference %.2f, at most %.2f expected", what, sum / (double)count, most);
}

/* ---- files ------------------------------------------------------------------------------- */

void load_file(const char *path, struct blob *blob)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    blob->size = fread(blob->bytes, 1, sizeof blob->bytes, file);
    fclose(file);
}

void test_no_temporary_left(void **state)
{
    (void)state;
    DIR *folder = opendir(scratch_path(""));
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fail_with("%s was not removed", entry->d_name);
    closedir(folder);
}
