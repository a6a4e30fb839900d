/* png_write.c - see png_write.h. The format: W3C PNG, third edition.
 *
 *     signature, IHDR, IDAT ..., IEND; each chunk is length, type, data, CRC-32 of type and data
 *
 * The IDAT chunks together are one zlib stream of filtered rows, each preceded by the number of its filter. A
 * filter (9.2) predicts each byte from its neighbours in the same channel and stores the difference:
 *
 *     c b      0 none, 1 a, 2 b, 3 (a + b) / 2, 4 Paeth: whichever of a, b, c is nearest to a + b - c
 *     a x
 *
 * Each row uses the filter with the smallest sum of absolute differences (12.7). */
#include "engine/pictures/png_write.h"
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/deflate.h"
#include "engine/pictures/png_crc.h"
#include "layers/sizes.h"

#include <stdlib.h>
#include <string.h>

struct png_writer {
    struct output *output;
    struct deflate *deflate;
    size_t row_bytes;
    int channels;
    unsigned char *above;        /* the row before, zeros for the first */
    unsigned char *best, *trial; /* filter number and filtered row */
};

/* ---- chunks ------------------------------------------------------------------------------ */

static limn_status write_chunk(struct output *output, const char *type, const unsigned char *data,
                               size_t size, limn_error *error)
{
    unsigned char head[8], tail[4];
    store_32be(head, (uint32_t)size);
    memcpy(head + 4, type, 4);
    store_32be(tail, png_crc(png_crc(0, head + 4, 4), data, size));
    limn_status status = output_write(output, head, sizeof head, error);
    if (!status)
        status = output_write(output, data, size, error);
    if (!status)
        status = output_write(output, tail, sizeof tail, error);
    return status;
}

static limn_status write_data(void *context, const unsigned char *bytes, size_t size, limn_error *error)
{
    struct png_writer *writer = context;
    return write_chunk(writer->output, "IDAT", bytes, size, error);
}

/* ---- filters ----------------------------------------------------------------------------- */

static int paeth(int a, int b, int c)
{
    int to_a = abs(b - c), to_b = abs(a - c), to_c = abs(a + b - 2 * c);
    int nearest = to_b <= to_c ? b : c;
    return to_a <= to_b && to_a <= to_c ? a : nearest;
}

static inline int predict(int filter, int a, int b, int c)
{
    switch (filter) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return (a + b) >> 1;
    case 4:
        return paeth(a, b, c);
    default:
        return 0;
    }
}

/* Filters a row into writer->trial, and keeps it as the best if the sum of its absolute differences, read as
 * signed bytes, is below *least. With a constant `filter` the compiler makes a loop for each of the five. */
static inline __attribute__((always_inline)) void try_filter(struct png_writer *writer, unsigned char filter,
                                                             const unsigned char *row, uint64_t *least)
{
    const unsigned char *above = writer->above;
    unsigned char *trial = writer->trial, *out = trial + 1;
    size_t channels = (size_t)writer->channels, size = writer->row_bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < channels; i++) {
        out[i] = (unsigned char)(row[i] - predict(filter, 0, above[i], 0));
        sum += (uint64_t)abs((signed char)out[i]);
    }
    for (size_t i = channels; i < size; i++) {
        out[i] = (unsigned char)(row[i] - predict(filter, row[i - channels], above[i], above[i - channels]));
        sum += (uint64_t)abs((signed char)out[i]);
    }
    if (sum >= *least)
        return;
    *least = sum;
    trial[0] = filter;
    writer->trial = writer->best;
    writer->best = trial;
}

limn_status png_writer_row(struct png_writer *writer, const unsigned char *row, limn_error *error)
{
    uint64_t least = UINT64_MAX;
    try_filter(writer, 0, row, &least);
    try_filter(writer, 1, row, &least);
    try_filter(writer, 2, row, &least);
    try_filter(writer, 3, row, &least);
    try_filter(writer, 4, row, &least);
    memcpy(writer->above, row, writer->row_bytes);
    return deflate_write(writer->deflate, writer->best, writer->row_bytes + 1, error);
}

/* ---- the file ---------------------------------------------------------------------------- */

limn_status png_writer_create(struct output *output, int64_t width, int64_t height, int channels,
                              struct png_writer **writer, limn_error *error)
{
    enum { COLOUR_RGB = 2, COLOUR_RGBA = 6 };
    unsigned char header[13] = {[8] = 8, [9] = channels == 4 ? COLOUR_RGBA : COLOUR_RGB};
    struct png_writer *made = *writer = mem_zalloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, "a PNG writer", sizeof *made);
    store_32be(header, (uint32_t)width);
    store_32be(header + 4, (uint32_t)height);
    made->output = output;
    made->channels = channels;
    made->row_bytes = size_product(width, (size_t)channels);
    made->above = mem_zalloc(made->row_bytes, 1);
    made->best = mem_alloc(size_sum(made->row_bytes, 1));
    made->trial = mem_alloc(size_sum(made->row_bytes, 1));
    limn_status status = LIMN_OK;
    if (!made->above || !made->best || !made->trial)
        status = fail_memory(error, "a row of a PNG", made->row_bytes);
    if (!status)
        status = deflate_create(write_data, made, &made->deflate, error);
    if (!status)
        status = output_write(output, "\x89PNG\r\n\x1a\n", 8, error);
    if (!status)
        status = write_chunk(output, "IHDR", header, sizeof header, error);
    if (status) {
        png_writer_free(made);
        *writer = NULL;
    }
    return status;
}

limn_status png_writer_finish(struct png_writer *writer, limn_error *error)
{
    limn_status status = deflate_finish(writer->deflate, error);
    return status ? status : write_chunk(writer->output, "IEND", (const unsigned char *)"", 0, error);
}

void png_writer_free(struct png_writer *writer)
{
    if (!writer)
        return;
    mem_free(writer->above);
    mem_free(writer->best);
    mem_free(writer->trial);
    deflate_free(writer->deflate);
    mem_free(writer);
}
