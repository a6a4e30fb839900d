/* png_probe.c - see picture_header.h: walks the chunks of a PNG (W3C PNG, third edition; chapters 5 and 11).
 *
 * Checks what the decoder does not: checksums and the order of chunks. What libpng and Pillow forgive is
 * forgiven here too, because such files are common: a missing end, bytes after the data that are no chunk,
 * tRNS or PLTE where they have no meaning. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/inflate.h"
#include "engine/pictures/png_chunk.h"
#include "engine/pictures/png_crc.h"

#include <string.h>

bool png_chunk_is(const struct png_chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

bool png_chunk_next(const struct picture_bytes *file, size_t *at, struct png_chunk *chunk)
{
    size_t left = file->size - *at;
    if (left < 8)
        return false;
    uint32_t size = read_32be(file->bytes + *at);
    *chunk = (struct png_chunk){file->bytes + *at + 4, file->bytes + *at + 8, size, true};
    for (int i = 0; i < 4; i++)
        if ((chunk->type[i] | 0x20) < 'a' || (chunk->type[i] | 0x20) > 'z')
            return false;
    if (size > left - 8 + (png_chunk_is(chunk, "IDAT") ? PNG_ZLIB_SUM : 0))
        return false;
    chunk->has_sum = left >= PNG_CHUNK_AROUND && size <= left - PNG_CHUNK_AROUND;
    chunk->size = size < left - 8 ? size : (uint32_t)(left - 8);
    *at += chunk->has_sum ? PNG_CHUNK_AROUND + (size_t)size : left;
    return true;
}

/* A chunk's type in a message, as four characters. */
#define SHOWN_TYPE(chunk)                                                                                    \
    shown((chunk)->type[0]), shown((chunk)->type[1]), shown((chunk)->type[2]), shown((chunk)->type[3])

static limn_status fail_header(const struct picture_bytes *file, const char *what, int value,
                               limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: PNG header with %s %d, which the format does not have", file->name,
                what, value);
}

static limn_status read_header(const struct picture_bytes *file, const struct png_chunk *chunk,
                               struct picture_header *header, limn_error *error)
{
    /* Bit d is set where depth d is allowed; the index is the colour type. */
    static const uint32_t depths[] = {[PNG_GREY] = 0x10116,
                                      [PNG_RGB] = 0x10100,
                                      [PNG_PALETTE] = 0x116,
                                      [PNG_GREY_ALPHA] = 0x10100,
                                      [PNG_RGBA] = 0x10100};
    static const char *const methods[] = {"compression", "filtering", "interlacing"};
    if (!png_chunk_is(chunk, "IHDR") || chunk->size != PNG_IHDR)
        return fail(error, LIMN_E_INPUT,
                    "%s: PNG starts with a %u-byte chunk '%c%c%c%c', 13 bytes of 'IHDR' expected", file->name,
                    (unsigned)chunk->size, SHOWN_TYPE(chunk));
    const unsigned char *data = chunk->data;
    int colour = data[9];
    header->kind = PICTURE_PNG;
    header->width = read_32be(data);
    header->height = read_32be(data + 4);
    header->depth = data[8];
    header->alpha = colour == PNG_GREY_ALPHA || colour == PNG_RGBA;
    header->png.colour = colour;
    header->png.interlaced = data[12];
    if (colour > PNG_RGBA || !depths[colour])
        return fail_header(file, "colour type", colour, error);
    if (header->depth > 16 || !(depths[colour] >> header->depth & 1))
        return fail_header(file, "bit depth", header->depth, error);
    for (int i = 0; i < 3; i++)
        if (data[10 + i] > (i == 2 ? 1 : 0))
            return fail_header(file, methods[i], data[10 + i], error);
    return picture_check_size(file->name, header->width, header->height, error);
}

/* iCCP: a name, a zero, the compression method, the profile as a zlib stream. In practice the description is
 * near the start of the profile; if it is not found there, the name is used. */
static void read_profile(const struct png_chunk *chunk, struct picture_header *header)
{
    unsigned char profile[4096];
    const unsigned char *name_end = memchr(chunk->data, 0, chunk->size < 80 ? chunk->size : 80);
    if (!name_end || (size_t)(name_end - chunk->data) + 2 > chunk->size)
        return;
    size_t used = (size_t)(name_end - chunk->data) + 2;
    size_t size = inflate_head(chunk->data + used, chunk->size - used, profile, sizeof profile);
    icc_describe(profile, size, header);
    if (!header->foreign_profile || header->profile[0])
        return;
    size_t length = 0;
    for (; chunk->data[length] && length + 1 < sizeof header->profile; length++)
        header->profile[length] = shown(chunk->data[length]);
    header->profile[length] = '\0';
}

/* Only colour type 3 uses the palette; the others may hold one as a suggestion. */
static limn_status read_palette(const struct picture_bytes *file, const struct png_chunk *chunk,
                                struct picture_header *header, limn_error *error)
{
    if (header->png.colour != PNG_PALETTE || header->png.has_data)
        return LIMN_OK;
    if (chunk->size == 0 || chunk->size % 3 || chunk->size > PNG_PALETTE_BYTES)
        return fail(error, LIMN_E_INPUT, "%s: PNG palette of %u bytes, 3 to 768, a multiple of 3, expected",
                    file->name, (unsigned)chunk->size);
    header->png.palette = chunk->data;
    header->png.colours = (int)chunk->size / 3;
    return LIMN_OK;
}

/* tRNS has no meaning beside an alpha channel, nor after the data. */
static limn_status read_transparency(const struct picture_bytes *file, const struct png_chunk *chunk,
                                     struct picture_header *header, limn_error *error)
{
    static const uint32_t least[] = {[PNG_GREY] = 2, [PNG_RGB] = 6, [PNG_PALETTE] = 0};
    int colour = header->png.colour;
    if (colour == PNG_GREY_ALPHA || colour == PNG_RGBA || header->png.has_data)
        return LIMN_OK;
    if (chunk->size < least[colour])
        return fail(error, LIMN_E_INPUT, "%s: PNG chunk 'tRNS' of %u bytes, %u expected", file->name,
                    (unsigned)chunk->size, (unsigned)least[colour]);
    header->alpha = true;
    header->png.transparency = chunk->data;
    header->png.transparencies = (int)(colour != PNG_PALETTE ? least[colour]
                                       : chunk->size < 256   ? chunk->size
                                                             : 256);
    return LIMN_OK;
}

/* Some writers put the prefix of JPEG's EXIF segment before the TIFF header. */
static void read_exif(const struct png_chunk *chunk, struct picture_header *header)
{
    uint32_t prefix = chunk->size >= 6 && memcmp(chunk->data, "Exif\0\0", 6) == 0 ? 6 : 0;
    header->orientation = exif_orientation(chunk->data + prefix, chunk->size - prefix);
}

/* Chunks that say what the samples mean. The first of this order counts: cICP, iCCP, sRGB, gAMA and cHRM. */
static void read_colours(const struct png_chunk *chunk, struct picture_header *header)
{
    static const unsigned char srgb_points[4] = {1, 13, 0, 1};
    static const uint32_t srgb_primaries[8] = {31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000};
    enum { ROUNDED = 100 }; /* writers round to three digits */
    if (png_chunk_is(chunk, "sRGB") || png_chunk_is(chunk, "iCCP"))
        header->png.srgb = true;
    else if (png_chunk_is(chunk, "cICP") && chunk->size == 4)
        header->png.cicp = memcmp(chunk->data, srgb_points, 4) != 0;
    else if (png_chunk_is(chunk, "gAMA") && chunk->size == 4)
        header->png.gamma = read_32be(chunk->data);
    for (uint32_t i = 0; png_chunk_is(chunk, "cHRM") && chunk->size == 32 && i < 8; i++) {
        int64_t apart = (int64_t)read_32be(chunk->data + 4 * i) - srgb_primaries[i];
        header->png.primaries = header->png.primaries || apart > ROUNDED || apart < -ROUNDED;
    }
}

static limn_status check_sum(const struct picture_bytes *file, const struct png_chunk *chunk,
                             limn_error *error)
{
    bool needed = !(chunk->type[0] & 0x20) || png_chunk_is(chunk, "tRNS");
    if (!needed || !chunk->has_sum ||
        png_crc(0, chunk->type, chunk->size + 4) == read_32be(chunk->data + chunk->size))
        return LIMN_OK;
    return fail(error, LIMN_E_INPUT, "%s: PNG chunk at byte %zu fails its checksum, the file is damaged",
                file->name, (size_t)(chunk->type - 4 - file->bytes));
}

/* Reads a chunk after the header. */
static limn_status read_chunk(const struct picture_bytes *file, const struct png_chunk *chunk,
                              struct picture_header *header, limn_error *error)
{
    limn_status status = check_sum(file, chunk, error);
    if (status)
        return status;
    read_colours(chunk, header);
    if (png_chunk_is(chunk, "IDAT")) {
        header->png.has_data = true;
        header->png.data += chunk->size;
    } else if (png_chunk_is(chunk, "PLTE")) {
        return read_palette(file, chunk, header, error);
    } else if (png_chunk_is(chunk, "tRNS")) {
        return read_transparency(file, chunk, header, error);
    } else if (png_chunk_is(chunk, "eXIf")) {
        read_exif(chunk, header);
    } else if (png_chunk_is(chunk, "iCCP") && !header->foreign_profile && !header->profile[0]) {
        read_profile(chunk, header);
    } else if (!(chunk->type[0] & 0x20)) {
        return fail(error, LIMN_E_INPUT, "%s: unknown critical PNG chunk '%c%c%c%c'", file->name,
                    SHOWN_TYPE(chunk));
    }
    return LIMN_OK;
}

/* True if the data can unpack to the picture: deflate makes at most 258 bytes from 2 bits. */
static bool data_suffices(const struct picture_header *header)
{
    enum { MOST_RATIO = 258 * 8 / 2 };
    static const int channels[] = {
        [PNG_GREY] = 1, [PNG_RGB] = 3, [PNG_PALETTE] = 1, [PNG_GREY_ALPHA] = 2, [PNG_RGBA] = 4};
    int64_t bits = header->width * header->height * header->depth * channels[header->png.colour];
    return header->png.data * MOST_RATIO >= (uint64_t)bits / 8;
}

limn_status png_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    struct png_chunk chunk;
    size_t at = PNG_SIGNATURE;
    if (file->size < at + PNG_CHUNK_AROUND + PNG_IHDR || !png_chunk_next(file, &at, &chunk))
        return picture_ends_early(file, "PNG", error);
    limn_status status = read_header(file, &chunk, header, error);
    if (!status)
        status = check_sum(file, &chunk, error);
    while (!status && !header->png.ended && png_chunk_next(file, &at, &chunk)) {
        header->png.ended = png_chunk_is(&chunk, "IEND");
        if (!header->png.ended)
            status = read_chunk(file, &chunk, header, error);
    }
    if (status)
        return status;
    if (header->png.ended && !header->png.has_data)
        return fail(error, LIMN_E_INPUT, "%s: PNG without picture data (an 'IDAT' chunk)", file->name);
    if (!header->png.has_data || !data_suffices(header))
        return picture_ends_early(file, "PNG", error);
    if (header->png.colour == PNG_PALETTE && !header->png.palette)
        return fail(error, LIMN_E_INPUT, "%s: PNG of colour type 3 without a palette (a 'PLTE' chunk)",
                    file->name);
    return LIMN_OK;
}
