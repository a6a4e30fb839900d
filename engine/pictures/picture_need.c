/* picture_need.c - the memory that decoding takes, computed before it starts: see picture_probe.h. Follows
 * the allocations of stb_image 2.x: each sum below adds the blocks that are allocated at the same time. */
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_probe.h"

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

/* IDAT chunks are gathered in a buffer that doubles. *buffer: its final size; *growing: that size and the one
 * before it together. */
static void gather(const struct picture_bytes *file, size_t *buffer, size_t *growing)
{
    size_t have = 0;
    *buffer = *growing = 0;
    for (size_t at = 8; memcmp(file->bytes + at + 4, "IEND", 4) != 0;) {
        size_t size = read_32be(file->bytes + at), before = *buffer;
        if (memcmp(file->bytes + at + 4, "IDAT", 4) == 0) {
            have += size;
            if (!before)
                *buffer = larger_of(size, 4096);
            while (have > *buffer)
                *buffer *= 2;
            if (*buffer > before)
                *growing = before + *buffer;
        }
        at += 12 + size;
    }
}

static size_t png_bytes(const struct picture_bytes *file, const struct picture_header *header)
{
    enum { COLOUR_PALETTE = 3 };
    static const size_t samples[] = {[0] = 1, [2] = 3, [3] = 1, [4] = 2, [6] = 4};
    int colour = file->bytes[25];
    bool interlaced = file->bytes[28];
    size_t width = (size_t)header->width, height = (size_t)header->height, pixels = width * height;
    size_t in = samples[colour], depth = (size_t)header->depth, wide = depth == 16 ? 2 : 1;
    size_t result = header->alpha ? 4 : 3, buffer, growing;
    gather(file, &buffer, &growing);
    /* Rows as in the stream. stb underestimates an interlaced stream, so the block doubles once. */
    size_t raw = (width * depth + 7) / 8 * in * height + height;
    size_t inflating = interlaced ? 3 * raw : raw, inflated = interlaced ? 2 * raw : raw;
    size_t out = header->alpha && in % 2 && colour != COLOUR_PALETTE ? in + 1 : in;
    size_t pass = interlaced ? pixels * out * wide / 2 + 8 * width : 0; /* the last pass: every other row */
    size_t most = larger_of(growing, buffer + inflating);
    most = larger_of(most, inflated + pixels * out * wide + pass);
    if (colour == COLOUR_PALETTE)
        most = larger_of(most, inflated + pixels * (1 + result));
    else if (out != result)
        most = larger_of(most, pixels * (out + result) * wide);
    if (depth == 16)
        most = larger_of(most, pixels * result * 3); /* two-byte and one-byte samples */
    if (header->palette_at && header->palette_colours < 256)
        most += file->size + 768; /* a copy of the file with a full palette */
    return most;
}

/* ---- all --------------------------------------------------------------------------------- */

size_t picture_decoding_bytes(const struct picture_bytes *file, const struct picture_header *header,
                              bool orient)
{
    size_t picture = (size_t)(header->width * header->height) * (header->alpha ? 4 : 3), most = picture;
    if (header->kind == PICTURE_PNG)
        most = png_bytes(file, header);
    else if (header->kind == PICTURE_JPEG)
        most = header->planes + picture;
    if (orient && header->orientation != 1)
        most = larger_of(most, 2 * picture); /* as stored and upright */
    return larger_of(most, picture + header->metadata) + small(header);
}
