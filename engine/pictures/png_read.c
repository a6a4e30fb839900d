/* png_read.c - see picture_header.h: decodes a PNG with stb_image.
 *
 * stb gets a PNG of the chunks that the probe accepted, in the order of the specification:
 *
 *     IHDR    PLTE, of 256 colours    tRNS    IDAT, of all the data    IEND
 *
 * It refuses some files that libpng and Pillow read (tRNS before PLTE, a missing IEND), and reads past a
 * short palette. It does not check checksums, so these are left zero. */
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/png_chunk.h"
#include "engine/pictures/stb.h"

#include <string.h>

/* Returns the place for the data of the chunk. */
static unsigned char *start_chunk(unsigned char **out, const char *type, size_t size)
{
    unsigned char *data = *out + 8;
    store_32be(*out, (uint32_t)size);
    memcpy(*out + 4, type, 4);
    memset(data + size, 0, 4);
    *out = data + size + 4;
    return data;
}

static void copy_data(const struct picture_bytes *file, unsigned char *to)
{
    struct png_chunk chunk;
    for (size_t at = PNG_SIGNATURE; png_chunk_next(file, &at, &chunk) && !png_chunk_is(&chunk, "IEND");)
        if (png_chunk_is(&chunk, "IDAT")) {
            memcpy(to, chunk.data, chunk.size);
            to += chunk.size;
        }
}

/* Missing colours are grey: what Pillow makes of indices beyond the palette. */
static void copy_palette(const struct picture_header *header, unsigned char to[PNG_PALETTE_BYTES])
{
    for (int i = 0; i < PNG_PALETTE_BYTES; i++)
        to[i] = (unsigned char)(i / 3);
    memcpy(to, header->png.palette, 3 * (size_t)header->png.colours);
}

/* Of a key, only the bits that a sample has are used. */
static void copy_transparency(const struct picture_header *header, unsigned char *to)
{
    uint32_t most = (1U << header->depth) - 1;
    memcpy(to, header->png.transparency, (size_t)header->png.transparencies);
    for (int i = 0; header->png.colour != PNG_PALETTE && i < header->png.transparencies; i += 2) {
        uint32_t key = read_16be(to + i) & most;
        to[i] = (unsigned char)(key >> 8);
        to[i + 1] = (unsigned char)key;
    }
}

/* Sets the bytes to allocate, then the bytes of the file. NULL: no memory. Release it with mem_free. */
static unsigned char *rebuild(const struct picture_bytes *file, const struct picture_header *header,
                              const unsigned char *palette, size_t *size)
{
    enum { CHUNKS = 5 };
    size_t data = (size_t)header->png.data + PNG_ZLIB_SUM, transparency = (size_t)header->png.transparencies;
    *size = PNG_SIGNATURE + CHUNKS * PNG_CHUNK_AROUND + PNG_IHDR + PNG_PALETTE_BYTES + transparency + data;
    unsigned char *bytes = mem_alloc(*size);
    if (!bytes)
        return NULL;
    unsigned char *out = bytes + PNG_SIGNATURE;
    memcpy(bytes, file->bytes, PNG_SIGNATURE);
    memcpy(start_chunk(&out, "IHDR", PNG_IHDR), file->bytes + PNG_SIGNATURE + 8, PNG_IHDR);
    if (palette)
        memcpy(start_chunk(&out, "PLTE", PNG_PALETTE_BYTES), palette, PNG_PALETTE_BYTES);
    else if (header->png.palette)
        copy_palette(header, start_chunk(&out, "PLTE", PNG_PALETTE_BYTES));
    if (header->png.transparency)
        copy_transparency(header, start_chunk(&out, "tRNS", transparency));
    unsigned char *to = start_chunk(&out, "IDAT", data);
    copy_data(file, to);
    memset(to + data - PNG_ZLIB_SUM, 0, PNG_ZLIB_SUM);
    start_chunk(&out, "IEND", 0);
    *size = (size_t)(out - bytes);
    return bytes;
}

/* Converts 16-bit samples to 8 bits in place: v / 257, rounded. Frees the unused half of the block. */
static unsigned char *narrow_samples(uint16_t *wide, size_t count)
{
    unsigned char *narrow = (unsigned char *)wide;
    for (size_t i = 0; i < count; i++)
        narrow[i] = (unsigned char)((wide[i] + 128) / 257);
    unsigned char *smaller = mem_resize(narrow, count);
    return smaller ? smaller : narrow;
}

limn_status png_read(const struct picture_bytes *file, const struct picture_header *header,
                     const unsigned char palette[PNG_PALETTE_BYTES], size_t most_block,
                     struct picture *picture, limn_error *error)
{
    int channels = header->alpha ? 4 : 3;
    bool sixteen = header->depth == 16;
    size_t samples = (size_t)(header->width * header->height) * (size_t)channels;
    struct stb_failure failure;
    size_t size;
    unsigned char *bytes = rebuild(file, header, palette, &size);
    if (!bytes)
        return fail_memory(error, file->name, size);
    void *decoded = stb_decode(bytes, size, channels, sixteen, most_block, &failure);
    mem_free(bytes);
    if (!decoded && failure.no_memory)
        return fail_memory(error, file->name, failure.no_memory);
    if (!decoded && !header->png.ended)
        return picture_ends_early(file, "PNG", error);
    if (!decoded)
        return fail(error, LIMN_E_INPUT, "%s: PNG data cannot be decoded (%s), the file is damaged",
                    file->name, failure.reason);
    *picture = (struct picture){.width = header->width, .height = header->height, .channels = channels};
    picture->pixels = sixteen ? narrow_samples(decoded, samples) : decoded;
    return LIMN_OK;
}
