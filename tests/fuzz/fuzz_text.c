/* fuzz_text.c - untrusted text files: grey levels, tables of them, hints. Each input goes to all three. */
#include "engine/base/memory.h"
#include "engine/pipelines/hints.h"
#include "engine/pixels/pixels.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <string.h>

/* ---- grey levels ------------------------------------------------------------------------- */

static void check_plane(const struct picture *plane)
{
    REQUIRE(plane->channels == 1 && plane->width > 0 && plane->height > 0);
    REQUIRE(plane->width <= PICTURE_MOST_SIDE && plane->height <= PICTURE_MOST_SIDE);
}

/* R = G = B keep their level, so that a plane written as text reads back as itself. */
static void check_text_again(const struct picture *plane)
{
    size_t pixels = (size_t)(plane->width * plane->height), size;
    struct picture rgb, again;
    struct output *output;
    limn_error error;
    if (4 * pixels > FUZZ_WRITTEN)
        return;
    REQUIRE(picture_create(plane->width, plane->height, 3, &rgb, &error) == LIMN_OK);
    for (size_t i = 0; i < pixels; i++)
        memset(rgb.pixels + 3 * i, plane->pixels[i], 3);
    REQUIRE(output_open(fuzz_sink(), false, &output, &error) == LIMN_OK);
    REQUIRE(pixels_write_text(&rgb, output, &error) == LIMN_OK);
    REQUIRE(output_commit(output, &error) == LIMN_OK);
    const uint8_t *written = fuzz_written(&size);
    REQUIRE(pixels_read_text(written, size, "again.txt", &again, &error) == LIMN_OK);
    REQUIRE(again.width == plane->width && again.height == plane->height);
    REQUIRE(memcmp(again.pixels, plane->pixels, pixels) == 0);
    picture_free(&rgb);
    picture_free(&again);
}

static void check_text(const uint8_t *data, size_t size)
{
    struct picture plane;
    limn_error error;
    limn_status status = pixels_read_text(data, size, "fuzz.txt", &plane, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.txt");
    REQUIRE((plane.pixels != NULL) == (status == LIMN_OK));
    if (status != LIMN_OK)
        return;
    check_plane(&plane);
    REQUIRE((size_t)(plane.width * plane.height) <= size);
    check_text_again(&plane);
    picture_free(&plane);
}

/* ---- tables ------------------------------------------------------------------------------ */

/* A table of three pictures, the mean picture twice and its negative, has the sums that it was made of. */
static void check_table_again(const struct picture *mean)
{
    enum { LINE_MOST = 64, PLANES = 3 };
    struct picture planes[PLANES] = {*mean, *mean};
    struct pixel_sums again = {0};
    struct output *output;
    limn_error error;
    size_t pixels = (size_t)(mean->width * mean->height), size;
    if (LINE_MOST * (pixels + 2) > FUZZ_WRITTEN)
        return;
    REQUIRE(picture_create(mean->width, mean->height, 1, &planes[2], &error) == LIMN_OK);
    for (size_t i = 0; i < pixels; i++)
        planes[2].pixels[i] = (unsigned char)(255 - mean->pixels[i]);
    REQUIRE(output_open(fuzz_sink(), false, &output, &error) == LIMN_OK);
    REQUIRE(pixels_write_table(planes, PLANES, output, &error) == LIMN_OK);
    REQUIRE(output_commit(output, &error) == LIMN_OK);
    const uint8_t *written = fuzz_written(&size);
    REQUIRE(pixel_sums_read_table(written, size, "again.csv", &again, &error) == LIMN_OK);
    REQUIRE(again.width == mean->width && again.height == mean->height && again.count == PLANES);
    for (size_t i = 0; i < pixels; i++)
        REQUIRE(again.sums[i] == mean->pixels[i] + 255U);
    picture_free(&planes[2]);
    pixel_sums_free(&again);
}

static void check_table(const uint8_t *data, size_t size)
{
    struct pixel_sums sums = {0};
    struct picture mean;
    limn_error error;
    limn_status status = pixel_sums_read_table(data, size, "fuzz.csv", &sums, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.csv");
    REQUIRE((sums.sums != NULL) == (status == LIMN_OK));
    REQUIRE(pixels_is_table(data, size) || status != LIMN_OK);
    if (status != LIMN_OK)
        return;
    REQUIRE(sums.count > 0 && sums.width > 0 && sums.height > 0);
    REQUIRE((size_t)(sums.width * sums.height) <= size);
    for (int64_t i = 0; i < sums.width * sums.height; i++)
        REQUIRE(sums.sums[i] <= 255 * sums.count);
    REQUIRE(pixel_sums_mean(&sums, &mean, &error) == LIMN_OK);
    check_plane(&mean);
    check_table_again(&mean);
    picture_free(&mean);
    pixel_sums_free(&sums);
}

/* ---- hints ------------------------------------------------------------------------------- */

/* What is drawn is the hint's colour, under a mask that is 0 or 1, in channels 1 to 3 only. */
static void check_drawing(const struct hints *hints)
{
    enum { SIDE = 16, CHANNELS = 4, PICTURE = 100 };
    float values[SIDE * SIDE * CHANNELS];
    struct tensor input = tensor_view(values, 1, SIDE, SIDE, CHANNELS, CHANNELS);
    limn_error error;
    int drawn = 0;
    for (int i = 0; i < SIDE * SIDE * CHANNELS; i++)
        values[i] = 7;
    limn_status status = hints_check(hints, PICTURE, PICTURE, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.hints");
    if (status != LIMN_OK)
        return;
    hints_draw(hints, PICTURE, PICTURE, &input);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const float *pixel = values + CHANNELS * i;
        REQUIRE(pixel[0] == 7 && (pixel[3] == 0 || pixel[3] == 1));
        REQUIRE(pixel[3] == 1 || (pixel[1] == 0 && pixel[2] == 0));
        drawn += pixel[3] == 1;
    }
    REQUIRE((drawn > 0) == (hints->count > 0));
}

static void check_hints(const uint8_t *data, size_t size)
{
    struct hints hints;
    limn_error error;
    limn_status status = hints_parse(data, size, "fuzz.hints", &hints, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.hints");
    REQUIRE((hints.name != NULL) == (status == LIMN_OK) && (status == LIMN_OK || !hints.items));
    if (status != LIMN_OK)
        return;
    for (size_t i = 0; i < hints.count; i++) {
        const struct hint *hint = &hints.items[i];
        REQUIRE(hint->x >= 0 && hint->y >= 0 && hint->radius >= 0 && hint->line > 0);
        REQUIRE(fabsf(hint->a) <= 128 && fabsf(hint->b) <= 128);
    }
    check_drawing(&hints);
    size_t count = hints.count;
    hints_free(&hints);
    REQUIRE(hints_read(fuzz_file(data, size), &hints, &error) == LIMN_OK && hints.count == count);
    hints_free(&hints);
}

/* ---- memory ------------------------------------------------------------------------------ */

/* The readers with no memory, or little. */
static void check_memory(const uint8_t *data, size_t size)
{
    struct picture plane;
    struct pixel_sums sums = {0};
    struct hints hints;
    limn_error error;
    for (size_t room = 1; room < 1024; room += 300) {
        mem_set_limit(mem_in_use() + room);
        limn_status status = pixels_read_text(data, size, "fuzz.txt", &plane, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.txt");
        picture_free(&plane);
        status = pixel_sums_read_table(data, size, "fuzz.csv", &sums, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.csv");
        pixel_sums_free(&sums);
        status = hints_parse(data, size, "fuzz.hints", &hints, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.hints");
        hints_free(&hints);
    }
    mem_set_limit(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    check_text(data, size);
    check_table(data, size);
    check_hints(data, size);
    check_memory(data, size);
    REQUIRE(mem_in_use() == held);
    return 0;
}
