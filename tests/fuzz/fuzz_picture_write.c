/* fuzz_picture_write.c - pictures written and read again: every writer, and the compressor of PNG.
 *
 *     byte 0       the format (6 values), then whether there is alpha, then how much memory there is, where
 * not enough byte 1       width - 1 byte 2       quality byte 3       how often the rest is repeated, less 1
 * (32 values) the rest     samples; a row that is not full is dropped */
#include "engine/base/memory.h"
#include "tests/fuzz/pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 4, MOST_REPEATS = 32 };

static const char *const extensions[] = {"png", "ppm", "bmp", "jpg", "pgm", "pnm"};
enum { PNG, PPM, BMP, JPEG, PGM, PNM, FORMATS };

static char folder[32];

static void remove_folder(void)
{
    rmdir(folder);
}

/* A name is what decides the format, so there has to be a file; in memory, where that is possible. */
static const char *path_of(int format)
{
    static char path[64];
    static bool made = false;
    if (!made) {
        strcpy(folder, "/dev/shm/fuzz-XXXXXX");
        if (!mkdtemp(folder))
            REQUIRE(mkdtemp(strcpy(folder, "/tmp/fuzz-XXXXXX")));
        atexit(remove_folder);
        made = true;
    }
    snprintf(path, sizeof path, "%s/a.%s", folder, extensions[format]);
    return path;
}

/* The picture that `data` describes; false when it has no row, or more than are read. */
static bool make_picture(const uint8_t *data, size_t size, struct picture *picture)
{
    if (size <= HEAD)
        return false;
    int channels = data[0] / FORMATS % 2 ? 4 : 3;
    size_t row = ((size_t)data[1] + 1) * (size_t)channels, samples = size - HEAD;
    size_t rows = samples * (data[3] % MOST_REPEATS + 1u) / row;
    if (rows == 0 || rows > PICTURE_MOST_SIDE)
        return false;
    REQUIRE(picture_create(data[1] + 1, (int64_t)rows, channels, picture, NULL) == LIMN_OK);
    for (size_t i = 0; i < row * rows; i++)
        picture->pixels[i] = data[HEAD + i % samples];
    return true;
}

/* What a format without alpha keeps of a sample: the picture lies over white. */
static int sample_over_white(const struct picture *picture, int64_t pixel, int c)
{
    const unsigned char *samples = picture->pixels + pixel * picture->channels;
    if (picture->channels == 3)
        return samples[c];
    return (samples[c] * samples[3] + 255 * (255 - samples[3]) + 127) / 255;
}

static void check_read(const struct picture *written, const struct picture *read, int format, int quality)
{
    int64_t pixels = written->width * written->height, difference = 0;
    REQUIRE(read->width == written->width && read->height == written->height);
    if (format == PNG) {
        REQUIRE(read->channels == written->channels);
        REQUIRE(memcmp(read->pixels, written->pixels, (size_t)(pixels * written->channels)) == 0);
        return;
    }
    REQUIRE(read->channels == 3);
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            difference += abs(read->pixels[3 * i + c] - sample_over_white(written, i, c));
    if (format == PPM || format == BMP || format == PNM)
        REQUIRE(difference == 0);
    if (format == JPEG && quality > 95)
        REQUIRE(difference <= 8 * 3 * pixels);
    if (format == PGM)
        for (int64_t i = 0; i < pixels; i++)
            REQUIRE(read->pixels[3 * i] == read->pixels[3 * i + 1] &&
                    read->pixels[3 * i] == read->pixels[3 * i + 2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    struct picture written, read;
    if (!make_picture(data, size, &written))
        return 0;
    int format = data[0] % FORMATS, quality = data[2];
    const char *path = path_of(format);
    limn_error error = {0};
    size_t needed = picture_writer_bytes(&(struct picture_target){.path = path}, written.width,
                                         written.height, written.channels);
    size_t share = data[0] / (2 * FORMATS);
    mem_set_limit(mem_in_use() + (share ? needed * share / (256 / (2 * FORMATS)) : needed));
    limn_status status =
        picture_write(&(struct picture_target){.path = path, .quality = quality}, &written, &error);
    mem_set_limit(0);
    if (status == LIMN_OK) {
        REQUIRE(fuzz_age_file(path) && picture_read(path, true, &read, &error) == LIMN_OK);
        REQUIRE(unlink(path) == 0);
        check_read(&written, &read, format, quality);
        picture_free(&read);
    } else {
        REQUIRE(status == LIMN_E_MEMORY && share);
        REQUIRE(rmdir(folder) == 0 && mkdir(folder, 0700) == 0);
    }
    picture_free(&written);
    REQUIRE(mem_in_use() == held);
    return 0;
}
