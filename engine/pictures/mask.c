/* mask.c - see mask.h. */
#include "engine/pictures/mask.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_probe.h"
#include "engine/pictures/png_chunk.h"
#include "engine/pictures/png_crc.h"

#include <inttypes.h>
#include <string.h>

/* ---- levels and colours ------------------------------------------------------------------ */

/* The index of a colour in the VOC palette, or -1. */
static int voc_index(const unsigned char *rgb)
{
    int index = 0;
    for (int c = 0; c < 3; c++) {
        if (rgb[c] & 0x1f)
            return -1;
        for (int bit = 0; bit < 3; bit++)
            index |= (rgb[c] >> (7 - bit) & 1) << (3 * bit + c);
    }
    return index < 256 ? index : -1;
}

/* Makes the picture a single plane and frees the unused part of the block. */
static void keep_one_channel(struct picture *picture)
{
    int64_t pixels = picture->width * picture->height;
    picture->channels = 1;
    unsigned char *smaller = mem_resize(picture->pixels, (size_t)pixels);
    picture->pixels = smaller ? smaller : picture->pixels;
}

static bool is_grey(const struct picture *picture)
{
    const unsigned char *p = picture->pixels;
    for (int64_t i = 0; i < picture->width * picture->height; i++, p += picture->channels)
        if (p[0] != p[1] || p[0] != p[2])
            return false;
    return true;
}

static void take_levels(struct picture *picture)
{
    for (int64_t i = 0; i < picture->width * picture->height; i++)
        picture->pixels[i] = picture->pixels[i * picture->channels];
    keep_one_channel(picture);
}

/* True if `level` occurs in a mask, and no other level except 0. */
static bool holds_only(const struct picture *mask, unsigned char level)
{
    bool found = false;
    for (int64_t i = 0; i < mask->width * mask->height; i++) {
        if (mask->pixels[i] && mask->pixels[i] != level)
            return false;
        found = found || mask->pixels[i];
    }
    return found;
}

static limn_status classes_from_levels(const struct picture_bytes *file, bool stored_as_grey,
                                       struct picture *picture, limn_error *error)
{
    take_levels(picture);
    if (!stored_as_grey && holds_only(picture, 128))
        return fail(error, LIMN_E_INPUT,
                    "%s: ambiguous mask: grey 128 stored as RGB is level 128 or class 7 of the VOC palette; "
                    "a mask stored as grey or with a palette expected",
                    file->name);
    if (holds_only(picture, 255))
        for (int64_t i = 0; i < picture->width * picture->height; i++)
            picture->pixels[i] &= 1;
    return LIMN_OK;
}

static limn_status classes_from_colours(const struct picture_bytes *file, struct picture *picture,
                                        limn_error *error)
{
    for (int64_t i = 0; i < picture->width * picture->height; i++) {
        const unsigned char *rgb = picture->pixels + i * picture->channels;
        int index = voc_index(rgb);
        if (index < 0)
            return fail(error, LIMN_E_INPUT,
                        "%s: pixel x = %" PRId64 ", y = %" PRId64
                        " is #%02x%02x%02x, neither a grey nor a colour of the VOC palette",
                        file->name, i % picture->width, i / picture->width, rgb[0], rgb[1], rgb[2]);
        picture->pixels[i] = (unsigned char)index;
    }
    keep_one_channel(picture);
    return LIMN_OK;
}

/* ---- encodings --------------------------------------------------------------------------- */

static bool is_stored_as_grey(const struct picture_bytes *file, const struct picture_header *header)
{
    if (header->kind == PICTURE_PNG)
        return header->png.colour == PNG_GREY || header->png.colour == PNG_GREY_ALPHA;
    return header->kind == PICTURE_PNM && file->bytes[1] != '3' && file->bytes[1] != '6';
}

/* ---- 16 bits ----------------------------------------------------------------------------- */

enum { PNG_DEPTH_AT = 24, PNG_COLOUR_AT = 25, PNG_HEADER_CRC_AT = 29 };

/* Makes a copy of a 16-bit grey PNG that says it has 8 bits and twice as many samples. Rows, filters and
 * interlacing are the same, so decoding it gives both bytes of each level:
 *
 *     grey          => grey, alpha       R = G = B = high byte, A = low byte
 *     grey, alpha   => R, G, B, A        R = high byte, G = low byte
 *
 * A tRNS chunk, which applies to the 16-bit levels, gets a name that no reader knows. */
static unsigned char *png_of_bytes(const struct picture_bytes *file)
{
    unsigned char *bytes = mem_alloc(file->size);
    if (!bytes)
        return NULL;
    memcpy(bytes, file->bytes, file->size);
    bytes[PNG_DEPTH_AT] = 8;
    bytes[PNG_COLOUR_AT] = bytes[PNG_COLOUR_AT] == PNG_GREY_ALPHA ? PNG_RGBA : PNG_GREY_ALPHA;
    store_32be(bytes + PNG_HEADER_CRC_AT, png_crc(0, bytes + 12, 17));
    struct png_chunk chunk;
    for (size_t at = PNG_SIGNATURE; png_chunk_next(file, &at, &chunk);)
        if (png_chunk_is(&chunk, "tRNS"))
            bytes[chunk.type - file->bytes + 3] = 'x';
    return bytes;
}

static limn_status decode_wide_png(const struct picture_bytes *file, bool orient, struct picture *picture,
                                   limn_error *error)
{
    unsigned char *bytes = png_of_bytes(file);
    if (!bytes)
        return fail_memory(error, file->name, file->size);
    limn_status status = picture_decode(bytes, file->size, file->name, orient, picture, error);
    mem_free(bytes);
    return status;
}

static unsigned wide_level(const struct picture *picture, int64_t i, int low)
{
    const unsigned char *pixel = picture->pixels + i * picture->channels;
    return (unsigned)pixel[0] << 8 | pixel[low];
}

/* `low`: the channel of the low byte; the high one is in channel 0. */
static limn_status classes_from_wide_levels(const struct picture_bytes *file, int low, bool binary,
                                            struct picture *picture, limn_error *error)
{
    int64_t pixels = picture->width * picture->height;
    unsigned largest = 0;
    bool two = true; /* no levels but 0 and the largest */
    for (int64_t i = 0; i < pixels; i++) {
        unsigned level = wide_level(picture, i, low);
        two = two && (!level || !largest || level == largest);
        largest = level > largest ? level : largest;
    }
    bool white = two && (largest == 255 || largest == 65535);
    if (largest > 255 && !white && !binary)
        return fail_because(error, LIMN_E_INPUT, LIMN_REASON_LABELS,
                            "%s: a mask of 16 bits with labels up to %u, classes 0 to 255 expected",
                            file->name, largest);
    for (int64_t i = 0; i < pixels; i++) {
        unsigned level = wide_level(picture, i, low);
        picture->pixels[i] = (unsigned char)(white || binary ? level > 0 : level);
    }
    keep_one_channel(picture);
    return LIMN_OK;
}

static limn_status decode_wide_mask(const struct picture_bytes *file, const struct picture_header *header,
                                    bool orient, bool binary, struct picture *mask, limn_error *error)
{
    if (!is_stored_as_grey(file, header))
        return fail(error, LIMN_E_INPUT, "%s: a mask of 16-bit colours, grey or 8-bit colours expected",
                    file->name);
    bool png = header->kind == PICTURE_PNG;
    limn_status status = png ? decode_wide_png(file, orient, mask, error) : pnm_read_wide(file, mask, error);
    int low = png && header->png.colour == PNG_GREY ? 3 : 1;
    return status == LIMN_OK ? classes_from_wide_levels(file, low, binary, mask, error) : status;
}

/* ---- files ------------------------------------------------------------------------------- */

static void join_classes(struct picture *mask)
{
    for (int64_t i = 0; i < mask->width * mask->height; i++)
        mask->pixels[i] = mask->pixels[i] > 0;
}

static limn_status decode_mask(const struct picture_bytes *file, bool orient, bool binary,
                               struct picture *mask, limn_error *error)
{
    struct picture_header header;
    limn_status status = picture_probe(file, &header, error);
    if (status != LIMN_OK)
        return status;
    if (header.kind == PICTURE_JPEG)
        return fail(error, LIMN_E_INPUT, "%s: JPEG is lossy and cannot hold a mask; PNG expected",
                    file->name);
    if (header.depth == 16)
        return decode_wide_mask(file, &header, orient, binary, mask, error);
    bool indices = header.kind == PICTURE_PNG && header.png.palette;
    status = indices ? picture_decode_indices(file, orient, mask, error)
                     : picture_decode(file->bytes, file->size, file->name, orient, mask, error);
    if (status == LIMN_OK && indices)
        take_levels(mask);
    else if (status == LIMN_OK)
        status = is_grey(mask)
                     ? classes_from_levels(file, binary || is_stored_as_grey(file, &header), mask, error)
                     : classes_from_colours(file, mask, error);
    if (status == LIMN_OK && binary)
        join_classes(mask);
    return status;
}

limn_status mask_read(const char *path, bool orient, bool binary, struct picture *mask, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    *mask = (struct picture){0};
    limn_status status = file_read_all(path, PICTURE_MOST_BYTES, LIMN_E_INPUT, &bytes, &size, error);
    if (status != LIMN_OK)
        return status;
    struct picture_bytes file = {bytes, size, input_name(path)};
    status = decode_mask(&file, orient, binary, mask, error);
    mem_free(bytes);
    if (status != LIMN_OK)
        picture_free(mask);
    return status;
}
