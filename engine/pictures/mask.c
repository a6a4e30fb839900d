/* mask.c - see mask.h. */
#include "engine/pictures/mask.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/picture_probe.h"
#include "engine/pictures/png_chunk.h"

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

/* ---- files ------------------------------------------------------------------------------- */

static bool is_stored_as_grey(const struct picture_bytes *file, const struct picture_header *header)
{
    if (header->kind == PICTURE_PNG)
        return header->png.colour == PNG_GREY || header->png.colour == PNG_GREY_ALPHA;
    return header->kind == PICTURE_PNM && file->bytes[1] != '3' && file->bytes[1] != '6';
}

static limn_status decode_mask(const struct picture_bytes *file, bool orient, struct picture *mask,
                               limn_error *error)
{
    struct picture_header header;
    limn_status status = picture_probe(file, &header, error);
    if (status != LIMN_OK)
        return status;
    if (header.kind == PICTURE_JPEG)
        return fail(error, LIMN_E_INPUT, "%s: JPEG is lossy and cannot hold a mask; PNG expected",
                    file->name);
    if (header.depth == 16)
        return fail(error, LIMN_E_INPUT, "%s: a mask of 16 bits a sample, 8 expected", file->name);
    if (header.kind == PICTURE_PNG && header.png.palette) {
        status = picture_decode_indices(file, orient, mask, error);
        if (status == LIMN_OK)
            take_levels(mask);
        return status;
    }
    status = picture_decode(file->bytes, file->size, file->name, orient, mask, error);
    if (status != LIMN_OK)
        return status;
    return is_grey(mask) ? classes_from_levels(file, is_stored_as_grey(file, &header), mask, error)
                         : classes_from_colours(file, mask, error);
}

limn_status mask_read(const char *path, bool orient, struct picture *mask, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    *mask = (struct picture){0};
    limn_status status = file_read_all(path, PICTURE_MOST_BYTES, LIMN_E_INPUT, &bytes, &size, error);
    if (status != LIMN_OK)
        return status;
    struct picture_bytes file = {bytes, size, input_name(path)};
    status = decode_mask(&file, orient, mask, error);
    mem_free(bytes);
    if (status != LIMN_OK)
        picture_free(mask);
    return status;
}
