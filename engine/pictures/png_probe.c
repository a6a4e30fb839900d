/* png_probe.c - see picture_header.h: walks the chunks of a PNG (W3C PNG, third edition; chapters 5 and 11).
 *
 *     length (4)  type (4)  data (length)  CRC-32 of type and data (4)
 *
 * The decoder checks neither checksums nor the order of chunks, so this probe does. */
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"
#include "engine/pictures/png_crc.h"
#include "engine/pictures/stb.h"

#include <string.h>

enum colour_type { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGBA = 6 };

struct chunk {
    const unsigned char *type, *data;
    uint32_t size;
};

static bool chunk_is(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
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

static limn_status read_header(const struct picture_bytes *file, const struct chunk *chunk,
                               struct picture_header *header, limn_error *error)
{
    /* Bit d is set where depth d is allowed; the index is the colour type. */
    static const uint32_t depths[] = {
        [GREY] = 0x10116, [RGB] = 0x10100, [PALETTE] = 0x116, [GREY_ALPHA] = 0x10100, [RGBA] = 0x10100};
    static const char *const methods[] = {"compression", "filtering", "interlacing"};
    if (!chunk_is(chunk, "IHDR") || chunk->size != 13)
        return fail(error, LIMN_E_INPUT,
                    "%s: PNG starts with a %u-byte chunk '%c%c%c%c', 13 bytes of 'IHDR' expected", file->name,
                    (unsigned)chunk->size, SHOWN_TYPE(chunk));
    const unsigned char *data = chunk->data;
    int colour = data[9];
    header->kind = PICTURE_PNG;
    header->width = read_32be(data);
    header->height = read_32be(data + 4);
    header->depth = data[8];
    header->alpha = colour == GREY_ALPHA || colour == RGBA;
    if (colour > RGBA || !depths[colour])
        return fail_header(file, "colour type", colour, error);
    if (header->depth > 16 || !(depths[colour] >> header->depth & 1))
        return fail_header(file, "bit depth", header->depth, error);
    for (int i = 0; i < 3; i++)
        if (data[10 + i] > (i == 2 ? 1 : 0))
            return fail_header(file, methods[i], data[10 + i], error);
    return picture_check_size(file->name, header->width, header->height, error);
}

/* iCCP: a name, a zero, the compression method, the profile as a zlib stream. In practice the description is
 * near the start of the profile; if it is not found there, the name is used. At most MOST_PACKED bytes of the
 * stream are unpacked, because a long stream may unpack to nothing. */
static void read_profile(const struct chunk *chunk, struct picture_header *header)
{
    enum { MOST_PACKED = 8192 };
    unsigned char profile[4096];
    const unsigned char *name_end = memchr(chunk->data, 0, chunk->size < 80 ? chunk->size : 80);
    if (!name_end || (size_t)(name_end - chunk->data) + 2 > chunk->size)
        return;
    size_t used = (size_t)(name_end - chunk->data) + 2;
    size_t packed = chunk->size - used < MOST_PACKED ? chunk->size - used : MOST_PACKED;
    stb_inflate_prefix(chunk->data + used, packed, profile, (int)sizeof profile);
    icc_describe(profile, sizeof profile, header);
    if (!header->foreign_profile || header->profile[0])
        return;
    size_t length = 0;
    for (; chunk->data[length] && length + 1 < sizeof header->profile; length++)
        header->profile[length] = shown(chunk->data[length]);
    header->profile[length] = '\0';
}

/* Reads a chunk after the header. `data_seen`: an IDAT chunk came before it. */
static limn_status read_chunk(const struct picture_bytes *file, const struct chunk *chunk, bool data_seen,
                              struct picture_header *header, limn_error *error)
{
    if (chunk_is(chunk, "PLTE")) {
        if (chunk->size == 0 || chunk->size % 3 || chunk->size > 768 || data_seen || header->palette_at)
            return fail(error, LIMN_E_INPUT,
                        "%s: PNG palette of %u bytes%s, one of 3 to 768 before the data expected", file->name,
                        (unsigned)chunk->size, data_seen ? " after the data" : "");
        header->palette_at = (size_t)(chunk->type - 4 - file->bytes);
        header->palette_colours = (int)chunk->size / 3;
    } else if (chunk_is(chunk, "tRNS")) {
        header->alpha = true;
    } else if (chunk_is(chunk, "eXIf")) {
        header->orientation = exif_orientation(chunk->data, chunk->size);
    } else if (chunk_is(chunk, "iCCP") && !header->foreign_profile && !header->profile[0]) {
        read_profile(chunk, header);
    } else if (!chunk_is(chunk, "IDAT") && !chunk_is(chunk, "IEND") && !(chunk->type[0] & 0x20)) {
        return fail(error, LIMN_E_INPUT, "%s: unknown critical PNG chunk '%c%c%c%c'", file->name,
                    SHOWN_TYPE(chunk));
    }
    return LIMN_OK;
}

/* True if `data` bytes can unpack to the picture: deflate makes at most 258 bytes from 2 bits. */
static bool data_suffices(const struct picture_bytes *file, const struct picture_header *header,
                          uint64_t data)
{
    enum { COLOUR_TYPE_AT = 25, MOST_RATIO = 258 * 8 / 2 };
    static const int channels[] = {[GREY] = 1, [RGB] = 3, [PALETTE] = 1, [GREY_ALPHA] = 2, [RGBA] = 4};
    int64_t bits = header->width * header->height * header->depth * channels[file->bytes[COLOUR_TYPE_AT]];
    return data * MOST_RATIO >= (uint64_t)bits / 8;
}

limn_status png_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    bool data_seen = false;
    uint64_t data = 0; /* bytes in IDAT chunks */
    for (size_t at = 8;;) {
        size_t left = file->size - at;
        bool first = at == 8;
        if (left < (first ? 25 : 12))
            return picture_ends_early(file, "PNG", error);
        struct chunk chunk = {file->bytes + at + 4, file->bytes + at + 8, read_32be(file->bytes + at)};
        limn_status status = LIMN_OK;
        /* The header is checked first: its errors are more useful than that the file ends early. */
        if (first)
            status = read_header(file, &chunk, header, error);
        if (!status && chunk.size > left - 12)
            status = picture_ends_early(file, "PNG", error);
        if (status)
            return status;
        bool checked = !(chunk.type[0] & 0x20) || chunk_is(&chunk, "tRNS");
        if (checked && png_crc(0, chunk.type, chunk.size + 4) != read_32be(chunk.data + chunk.size))
            return fail(error, LIMN_E_INPUT,
                        "%s: PNG chunk at byte %zu fails its checksum, the file is damaged", file->name, at);
        if (!first)
            status = read_chunk(file, &chunk, data_seen, header, error);
        if (status)
            return status;
        if (chunk_is(&chunk, "IEND"))
            break;
        if (chunk_is(&chunk, "IDAT")) {
            data_seen = true;
            data += chunk.size;
        }
        at += 12 + (size_t)chunk.size;
    }
    if (!data_seen)
        return fail(error, LIMN_E_INPUT, "%s: PNG without picture data (an 'IDAT' chunk)", file->name);
    if (!data_suffices(file, header, data))
        return picture_ends_early(file, "PNG", error);
    return LIMN_OK;
}

unsigned char *png_with_palette(const struct picture_bytes *file, const struct picture_header *header,
                                const unsigned char palette[PNG_PALETTE_BYTES], size_t *size)
{
    size_t data_at = header->palette_at + 8, rest_at = data_at + 3 * (size_t)header->palette_colours;
    size_t rest = file->size - rest_at;
    *size = data_at + PNG_PALETTE_BYTES + rest;
    unsigned char *bytes = mem_alloc(*size);
    if (!bytes)
        return NULL;
    unsigned char *data = bytes + data_at, *end = data + PNG_PALETTE_BYTES;
    memcpy(bytes, file->bytes, data_at);
    memcpy(data, palette, PNG_PALETTE_BYTES);
    memcpy(end, file->bytes + rest_at, rest);
    store_32be(data - 8, PNG_PALETTE_BYTES);
    store_32be(end, png_crc(0, data - 4, 4 + PNG_PALETTE_BYTES));
    return bytes;
}
