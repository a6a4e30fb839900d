/* support_pixels.c - see support_pixels.h. */
#include "tests/support_pixels.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pixels/pixels.h"

#include <stdlib.h>
#include <string.h>

struct picture make_source(int64_t width, int64_t height, int channels, uint32_t seed)
{
    struct picture picture;
    assert_ok(picture_create(width, height, channels, &picture, error));
    unsigned char *out = picture.pixels;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < (uint32_t)channels; c++)
                *out++ = (unsigned char)((x * x * 31 + y * y * 17 + x * y * 7 + c * 85 + seed * 53) *
                                             2654435761u >>
                                         24);
    return picture;
}

unsigned char *read_exactly(const char *path, size_t *size)
{
    unsigned char *bytes;
    assert_ok(file_read_all(path, 1 << 24, LIMN_E_INPUT, &bytes, size, error));
    unsigned char *exact = malloc(*size ? *size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, *size);
    mem_free(bytes);
    return exact;
}

unsigned char *text_of(const struct picture *picture, size_t *size)
{
    const char *path = scratch_path("pixels.txt");
    struct output *output;
    assert_ok(output_open(path, true, &output, error));
    assert_ok(pixels_write_text(picture, output, error));
    assert_ok(output_commit(output, error));
    return read_exactly(path, size);
}

unsigned char *table_of(const struct picture *planes, size_t count, size_t *size)
{
    const char *path = scratch_path("pixels.csv");
    struct output *output;
    assert_ok(output_open(path, true, &output, error));
    assert_ok(pixels_write_table(planes, count, output, error));
    assert_ok(output_commit(output, error));
    return read_exactly(path, size);
}

void check_golden(const char *path, const unsigned char *got, size_t got_size)
{
    size_t size;
    unsigned char *want = read_exactly(path, &size);
    for (size_t i = 0; i < size && i < got_size; i++)
        if (got[i] != want[i])
            fail_with("%s: byte %zu: want '%.20s', got '%.20s'", path, i, want + i, got + i);
    assert_int_equal(got_size, size);
    free(want);
}

limn_status read_text(const char *text, struct picture *plane, limn_error *error)
{
    size_t size = strlen(text);
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, text, size);
    limn_status status = pixels_read_text(exact, size, "a.txt", plane, error);
    free(exact);
    if (status != LIMN_OK)
        assert_null(plane->pixels);
    return status;
}

limn_status read_table(const char *text, struct pixel_sums *sums, limn_error *error)
{
    size_t size = strlen(text);
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, text, size);
    *sums = (struct pixel_sums){0};
    limn_status status = pixel_sums_read_table(exact, size, "a.csv", sums, error);
    free(exact);
    if (status != LIMN_OK)
        assert_null(sums->sums);
    return status;
}
