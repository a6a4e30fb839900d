/* picture_need.c - the memory that decoding takes, computed before it starts: see picture_probe.h. Follows
 * the allocations of stb_image 2.x: each sum below adds the blocks that are allocated at the same time. */
#include "engine/base/memory.h"
#include "engine/pictures/jpeg_copy.h"
#include "engine/pictures/picture_probe.h"
#include "engine/pictures/png_chunk.h"
#include "layers/sizes.h"

#include <string.h>

/* Small allocations that are not counted one by one: block headers, decoder tables, some rows. */
static size_t small(const struct picture_header *header)
{
    return 32768 + (size_t)header->width * 32;
}

static size_t larger_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- PNG --------------------------------------------------------------------------------- */

/* png_read holds a copy of the data while stb reads it into a buffer of its own, then inflates it. */
static size_t png_bytes(const struct picture_header *header)
{
    static const size_t samples[] = {
        [PNG_GREY] = 1, [PNG_RGB] = 3, [PNG_PALETTE] = 1, [PNG_GREY_ALPHA] = 2, [PNG_RGBA] = 4};
    bool interlaced = header->png.interlaced, indexed = header->png.colour == PNG_PALETTE;
    size_t width = (size_t)header->width, height = (size_t)header->height, pixels = width * height;
    size_t in = samples[header->png.colour], depth = (size_t)header->depth, wide = depth == 16 ? 2 : 1;
    size_t result = header->alpha ? 4 : 3, data = (size_t)header->png.data;
    /* Rows as in the stream. stb underestimates an interlaced stream, so the block doubles once. */
    size_t raw = (width * depth + 7) / 8 * in * height + height; /* below 1 GB */
    size_t inflating = size_product(interlaced ? 3 : 1, raw),
           inflated = size_product(interlaced ? 2 : 1, raw);
    size_t out = header->alpha && in % 2 && !indexed ? in + 1 : in;
    size_t pass = interlaced ? pixels * out * wide / 2 + 8 * width : 0; /* the last pass: every other row */
    size_t most = larger_of(size_sum(larger_of(data, 4096), inflating),
                            size_sum(inflated, size_sum(pixels * out * wide, pass)));
    if (indexed)
        most = larger_of(most, size_sum(inflated, pixels * (1 + result)));
    else if (out != result)
        most = larger_of(most, size_product((int64_t)pixels, (out + result) * wide));
    most = size_sum(most, data); /* the copy */
    if (depth == 16)             /* two-byte and one-byte samples */
        most = larger_of(most, size_product((int64_t)pixels, result * 3));
    return most;
}

/* ---- JPEG -------------------------------------------------------------------------------- */

/* The copy and, for progressive files, a 16-bit coefficient for each sample are freed before the pixels are
 * allocated. */
static size_t jpeg_bytes(const struct picture_header *header, size_t picture)
{
    size_t coefficients = header->jpeg.progressive ? size_product(2, header->jpeg.planes) : 0;
    return size_sum(header->jpeg.planes, larger_of(size_sum(jpeg_copy_bytes(header), coefficients), picture));
}

/* ---- all --------------------------------------------------------------------------------- */

size_t picture_decoding_bytes(const struct picture_header *header, bool orient)
{
    size_t picture = (size_t)(header->width * header->height) * (header->alpha ? 4 : 3), most = picture;
    if (header->kind == PICTURE_PNG)
        most = png_bytes(header);
    else if (header->kind == PICTURE_JPEG)
        most = jpeg_bytes(header, picture);
    if (orient && header->orientation != 1)
        most = larger_of(most, size_product(2, picture)); /* as stored and upright */
    return size_sum(larger_of(most, size_sum(picture, header->metadata)), small(header));
}
