/* picture_read.c - see picture.h: probes, decodes, applies the orientation.
 *
 * The probes check limits and structure before a decoder reads the data. A decoder gets no block larger than
 * the header calls for. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/metadata.h"
#include "engine/pictures/picture_copy.h"
#include "engine/pictures/picture_probe.h"
#include "weights/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static limn_status turn_upright(struct picture *picture, int orientation, limn_error *error)
{
    struct picture upright;
    limn_status status = picture_turn(picture, orientation, &upright, error);
    if (status != LIMN_OK)
        return status;
    picture_free(picture);
    *picture = upright;
    return LIMN_OK;
}

/* Fails before decoding starts if there is too little memory. */
static limn_status check_memory(const struct picture_bytes *file, const struct picture_header *header,
                                bool orient, limn_error *error)
{
    char what[400];
    size_t bytes = picture_decoding_bytes(header, orient);
    if (bytes <= mem_available())
        return LIMN_OK;
    snprintf(what, sizeof what, "reading %s, %" PRId64 " x %" PRId64 " pixels,", file->name, header->width,
             header->height);
    return fail_need(error, LIMN_REASON_NONE, what, bytes, "a smaller picture");
}

static void add_note(struct picture *picture, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_note(struct picture *picture, const char *format, ...)
{
    size_t used = strlen(picture->warning), room = sizeof picture->warning - used;
    va_list arguments;
    va_start(arguments, format);
    if (used && room > 2)
        used += (size_t)snprintf(picture->warning + used, room, "; ");
    number_vprint(picture->warning + used, sizeof picture->warning - used, format, arguments);
    va_end(arguments);
}

/* Pixels are taken for sRGB. */
static void note_losses(const struct picture_header *header, struct picture *picture)
{
    enum { SRGB_GAMMA = 45455, NEAR = 2000 }; /* 1 / 2.2; libpng too ignores differences of 5% */
    uint32_t gamma = header->png.gamma;
    if (header->depth == 16)
        add_note(picture, "16 bits a sample are reduced to 8");
    if (header->foreign_profile)
        add_note(picture, "the embedded ICC profile '%s' is not sRGB: colours are not converted",
                 header->profile);
    if (header->png.cicp)
        add_note(picture, "the colour space (cICP) is not sRGB and is ignored");
    if (header->png.cicp || header->png.srgb)
        return;
    if (gamma && (gamma < SRGB_GAMMA - NEAR || gamma > SRGB_GAMMA + NEAR))
        add_note(picture, "the gamma (gAMA %.5g) is not that of sRGB and is ignored", gamma / 1e5);
    if (header->png.primaries)
        add_note(picture, "the primaries (cHRM) are not those of sRGB and are ignored");
}

static limn_status decode(const struct picture_bytes *file, const unsigned char *palette, bool orient,
                          struct picture *picture, limn_error *error)
{
    struct picture_header header;
    *picture = (struct picture){0};
    limn_status status = picture_probe(file, &header, error);
    if (!status)
        status = check_memory(file, &header, orient, error);
    if (status)
        return status;
    /* The bound of all blocks together bounds each one. */
    size_t most_block = picture_decoding_bytes(&header, false);
    switch (header.kind) {
    case PICTURE_PNG:
        status = png_read(file, &header, palette, most_block, picture, error);
        break;
    case PICTURE_JPEG:
        status = jpeg_read(file, &header, most_block, picture, error);
        break;
    case PICTURE_BMP:
        status = bmp_read(file, picture, error);
        break;
    case PICTURE_PNM:
        status = pnm_read(file, picture, error);
        break;
    }
    if (!status && orient && header.orientation != 1)
        status = turn_upright(picture, header.orientation, error);
    if (!status)
        status = metadata_read(file->bytes, file->size, orient ? header.orientation : 1, &picture->metadata,
                               error);
    if (status) {
        picture_free(picture);
        return status;
    }
    note_losses(&header, picture);
    picture->name = file->name;
    return LIMN_OK;
}

limn_status picture_decode(const unsigned char *bytes, size_t size, const char *name, bool orient,
                           struct picture *picture, limn_error *error)
{
    struct picture_bytes file = {bytes, size, name};
    return decode(&file, NULL, orient, picture, error);
}

limn_status picture_decode_indices(const struct picture_bytes *file, bool orient, struct picture *picture,
                                   limn_error *error)
{
    unsigned char greys[PNG_PALETTE_BYTES];
    for (int i = 0; i < PNG_PALETTE_BYTES; i++)
        greys[i] = (unsigned char)(i / 3);
    return decode(file, greys, orient, picture, error);
}

limn_status picture_read(const char *path, bool orient, struct picture *picture, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    *picture = (struct picture){0};
    limn_status status = file_read_all(path, PICTURE_MOST_BYTES, LIMN_E_INPUT, &bytes, &size, error);
    if (status)
        return status;
    status = picture_decode(bytes, size, input_name(path), orient, picture, error);
    mem_free(bytes);
    return status;
}
