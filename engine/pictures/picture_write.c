/* picture_write.c - see picture.h: one writer for three kinds of file.
 *
 *     PNG        each row goes to png_write.h with its alpha
 *     PPM, PGM   each row is composited over white, made grey for PGM, and written
 *     JPEG, BMP  rows are composited over white and stored; stb encodes the whole picture at commit */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pictures/colour.h"
#include "engine/pictures/metadata.h"
#include "engine/pictures/picture.h"
#include "engine/pictures/png_write.h"
#include "engine/pictures/stb.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *extension;
    enum picture_format format;
} formats[] = {
    {".png", PICTURE_AS_PNG}, {".jpg", PICTURE_AS_JPEG}, {".jpeg", PICTURE_AS_JPEG}, {".bmp", PICTURE_AS_BMP},
    {".ppm", PICTURE_AS_PPM}, {".pnm", PICTURE_AS_PPM},  {".pgm", PICTURE_AS_PGM},
};

struct picture_writer {
    enum picture_format format;
    int64_t width, height, rows; /* rows: written so far */
    int channels, quality;
    struct output *output; /* NULL after a failure */
    struct png_writer *png;
    unsigned char
        *rgb; /* without alpha: a row, or the whole picture (JPEG, BMP); NULL for PNG of 3 or 4 channels */
    unsigned char *metadata; /* of a JPEG: what takes the place of stb's SOI and APP0, or NULL */
    size_t metadata_size;
    size_t skip;       /* bytes of stb's that are still left out */
    limn_error *error; /* for stb's callback, during commit */
    limn_status status;
    char *path;
};

enum picture_format picture_format_of(const struct picture_target *target)
{
    const char *extension = strrchr(system_path_name(target->path), '.');
    if (target->format != PICTURE_BY_NAME)
        return target->format;
    if (strcmp(target->path, "-") == 0)
        return PICTURE_AS_PNG;
    for (size_t i = 0; extension && i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(extension, formats[i].extension) == 0)
            return formats[i].format;
    return PICTURE_BY_NAME;
}

bool picture_format_known(const struct picture_target *target)
{
    return picture_format_of(target) != PICTURE_BY_NAME;
}

const char *picture_extension(enum picture_format format)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].format == format)
            return formats[i].extension;
    return formats[0].extension;
}

static bool is_whole(enum picture_format format)
{
    return format == PICTURE_AS_JPEG || format == PICTURE_AS_BMP;
}

/* Fails if the format, or for JPEG and BMP stb's ints, cannot hold the size. */
static limn_status check_size(const struct picture_writer *writer, limn_error *error)
{
    int64_t width = writer->width, height = writer->height;
    if (width < 1 || height < 1 || (writer->channels != 1 && writer->channels != 3 && writer->channels != 4))
        return fail(error, LIMN_E_OUTPUT,
                    "%s: a picture of %" PRId64 " x %" PRId64 " with %d channels cannot be written",
                    writer->path, width, height, writer->channels);
    int64_t most = writer->format == PICTURE_AS_JPEG ? 65535 : PNG_MOST_SIDE;
    if (width > most || height > most)
        return fail(error, LIMN_E_OUTPUT,
                    "%s: %" PRId64 " x %" PRId64 " pixels, this format has at most %" PRId64 " a side",
                    writer->path, width, height, most);
    enum { BMP_HEADERS = 54 };
    int64_t most_row = (INT_MAX - BMP_HEADERS) / height;
    if (is_whole(writer->format) && (3 * width + 3) / 4 * 4 > most_row)
        return fail(error, LIMN_E_OUTPUT,
                    "%s: %" PRId64 " x %" PRId64
                    " pixels exceed the limit of %d bytes for JPEG and BMP; write a PNG or PPM",
                    writer->path, width, height, INT_MAX);
    return LIMN_OK;
}

static void free_writer(struct picture_writer *writer)
{
    png_writer_free(writer->png);
    mem_free(writer->rgb);
    mem_free(writer->metadata);
    mem_free(writer->path);
    mem_free(writer);
}

static struct metadata_target metadata_target(const struct picture_target *target, enum picture_format format,
                                              int64_t width, int64_t height)
{
    struct metadata_target made = {METADATA_FOR_PNG, width, height, target->metadata, target->software};
    if (format == PICTURE_AS_JPEG)
        made.format = METADATA_FOR_JPEG;
    else if (format != PICTURE_AS_PNG)
        made = (struct metadata_target){.width = width, .height = height};
    return made;
}

static limn_status start_png(struct picture_writer *writer, limn_error *error)
{
    limn_status status = png_writer_create(writer->output, writer->width, writer->height,
                                           writer->channels == 4 ? 4 : 3, &writer->png, error);
    if (!status && writer->metadata)
        status = output_write(writer->output, writer->metadata, writer->metadata_size, error);
    mem_free(writer->metadata);
    writer->metadata = NULL;
    return status;
}

/* Allocates buffers and writes the header. The sizes are checked and the output is open. */
static limn_status start(struct picture_writer *writer, const struct picture_target *target,
                         limn_error *error)
{
    bool png = writer->format == PICTURE_AS_PNG;
    size_t bytes = size_product(writer->width * (is_whole(writer->format) ? writer->height : 1), 3);
    const struct metadata_target metadata =
        metadata_target(target, writer->format, writer->width, writer->height);
    limn_status status = metadata_write(&metadata, &writer->metadata, &writer->metadata_size, error);
    if (status)
        return status;
    if ((!png || writer->channels == 1) && !(writer->rgb = mem_alloc(bytes)))
        return fail_memory(error, writer->path, bytes);
    if (png)
        return start_png(writer, error);
    if (is_whole(writer->format))
        return LIMN_OK;
    char text[64];
    int size = snprintf(text, sizeof text, "P%d\n%" PRId64 " %" PRId64 "\n255\n",
                        writer->format == PICTURE_AS_PPM ? 6 : 5, writer->width, writer->height);
    return output_write(writer->output, text, (size_t)size, error);
}

limn_status picture_writer_open(const struct picture_target *target, int64_t width, int64_t height,
                                int channels, struct picture_writer **writer, limn_error *error)
{
    enum picture_format format = picture_format_of(target);
    const char *path = target->path;
    *writer = NULL;
    if (format == PICTURE_BY_NAME)
        return fail(
            error, LIMN_E_USAGE,
            "%s: unknown picture format; extension .png, .jpg, .jpeg, .bmp, .ppm, .pgm or .pnm expected",
            path);
    struct picture_writer *made = mem_zalloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, path, sizeof *made);
    made->format = format;
    made->width = width;
    made->height = height;
    made->channels = channels;
    made->quality = target->quality < 1 ? 1 : target->quality > 100 ? 100 : target->quality;
    made->path = mem_strdup(strcmp(path, "-") == 0 ? "standard output" : path);
    limn_status status = made->path ? check_size(made, error) : fail_memory(error, path, strlen(path));
    if (!status)
        status = target->bytes ? output_open_bytes(path, target->bytes, target->size, &made->output, error)
                               : output_open(path, target->force, &made->output, error);
    if (!status)
        status = start(made, target, error);
    if (status) {
        output_abandon(made->output);
        free_writer(made);
        return status;
    }
    *writer = made;
    return LIMN_OK;
}

const char *picture_losses(const struct picture_target *target, char *text, size_t room)
{
    const struct metadata_target metadata = metadata_target(target, picture_format_of(target), 1, 1);
    return metadata_losses(&metadata, text, room);
}

size_t picture_writer_bytes(const struct picture_target *target, int64_t width, int64_t height, int channels)
{
    enum { OUTPUT = 80 << 10, COMPRESSOR = 640 << 10 };
    enum picture_format format = picture_format_of(target);
    size_t row = size_product(width, channels == 4 ? 4 : 3), rgb = size_product(width, 3);
    if (format == PICTURE_BY_NAME)
        return 0;
    const struct metadata_target metadata = metadata_target(target, format, width, height);
    size_t bytes = OUTPUT + metadata_write_bytes(&metadata);
    if (format == PICTURE_AS_PNG)
        return size_sum(bytes + COMPRESSOR, size_sum(size_product(3, row), channels == 1 ? rgb : 0));
    return size_sum(bytes, size_product(is_whole(format) ? height : 1, rgb));
}

/* Makes a row RGB. Alpha is composited over white: colour * alpha + white * (1 - alpha), rounded. */
static void make_rgb(const unsigned char *row, int64_t width, int channels, unsigned char *rgb)
{
    if (channels == 3) {
        memcpy(rgb, row, (size_t)width * 3);
        return;
    }
    for (int64_t x = 0; x < width; x++, row += channels, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] =
                channels == 1 ? *row : (unsigned char)((row[c] * row[3] + 255 * (255 - row[3]) + 127) / 255);
}

static limn_status write_row(struct picture_writer *writer, const unsigned char *row, limn_error *error)
{
    unsigned char *rgb = writer->rgb;
    if (is_whole(writer->format))
        rgb += writer->rows * writer->width * 3;
    if (rgb)
        make_rgb(row, writer->width, writer->channels, rgb);
    if (writer->format == PICTURE_AS_PNG)
        return png_writer_row(writer->png, rgb ? rgb : row, error);
    if (is_whole(writer->format))
        return LIMN_OK;
    size_t pixels = (size_t)writer->width;
    if (writer->format == PICTURE_AS_PGM)
        grey_row(rgb, 3, writer->width, GREY_PILLOW, rgb);
    return output_write(writer->output, rgb, writer->format == PICTURE_AS_PGM ? pixels : 3 * pixels, error);
}

/* Removes the unfinished file; later calls fail. */
static limn_status give_up(struct picture_writer *writer, limn_status status)
{
    output_abandon(writer->output);
    writer->output = NULL;
    return status;
}

static limn_status fail_given_up(const struct picture_writer *writer, limn_error *error)
{
    return fail(error, LIMN_E_OUTPUT, "%s: an earlier write failed", writer->path);
}

limn_status picture_writer_rows(struct picture_writer *writer, const unsigned char *rows, int64_t count,
                                limn_error *error)
{
    if (!writer->output)
        return fail_given_up(writer, error);
    if (count < 0 || count > writer->height - writer->rows) {
        fail(error, LIMN_E_OUTPUT, "%s: %" PRId64 " rows after row %" PRId64 " of %" PRId64, writer->path,
             count, writer->rows, writer->height);
        return give_up(writer, LIMN_E_OUTPUT);
    }
    for (; count > 0; count--, rows += writer->width * writer->channels) {
        limn_status status = write_row(writer, rows, error);
        if (status)
            return give_up(writer, status);
        writer->rows++;
    }
    return LIMN_OK;
}

static void take_encoded(void *context, void *bytes, int size)
{
    struct picture_writer *writer = context;
    size_t count = (size_t)size, skipped = writer->skip < count ? writer->skip : count;
    writer->skip -= skipped;
    if (!writer->status)
        writer->status = output_write(writer->output, (const unsigned char *)bytes + skipped, count - skipped,
                                      writer->error);
}

static limn_status encode_whole(struct picture_writer *writer, limn_error *error)
{
    enum { STB_START = 20 }; /* bytes of SOI and APP0 */
    int width = (int)writer->width, height = (int)writer->height;
    writer->error = error;
    if (writer->metadata) {
        writer->skip = STB_START;
        writer->status = output_write(writer->output, writer->metadata, writer->metadata_size, error);
    }
    bool done = writer->format == PICTURE_AS_BMP
                    ? stb_encode_bmp(take_encoded, writer, width, height, writer->rgb)
                    : stb_encode_jpeg(take_encoded, writer, width, height, writer->rgb, writer->quality);
    if (!done && !writer->status)
        return fail(error, LIMN_E_OUTPUT, "%s: the picture could not be encoded", writer->path);
    return writer->status;
}

limn_status picture_writer_commit(struct picture_writer *writer, limn_error *error)
{
    limn_status status = LIMN_OK;
    if (!writer->output)
        status = fail_given_up(writer, error);
    else if (writer->rows != writer->height)
        status = fail(error, LIMN_E_OUTPUT, "%s: incomplete, %" PRId64 " of %" PRId64 " rows were written",
                      writer->path, writer->rows, writer->height);
    else if (writer->png)
        status = png_writer_finish(writer->png, error);
    else if (is_whole(writer->format))
        status = encode_whole(writer, error);
    if (status)
        give_up(writer, status);
    else
        status = output_commit(writer->output, error);
    free_writer(writer);
    return status;
}

void picture_writer_abandon(struct picture_writer *writer)
{
    if (!writer)
        return;
    output_abandon(writer->output);
    free_writer(writer);
}

limn_status picture_write(const struct picture_target *target, const struct picture *picture,
                          limn_error *error)
{
    struct picture_writer *writer;
    limn_status status =
        picture_writer_open(target, picture->width, picture->height, picture->channels, &writer, error);
    if (!status)
        status = picture_writer_rows(writer, picture->pixels, picture->height, error);
    if (!status)
        return picture_writer_commit(writer, error);
    picture_writer_abandon(writer);
    return status;
}
