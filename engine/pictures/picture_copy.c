/* picture_copy.c - see picture_copy.h. */
#include "engine/pictures/picture_copy.h"
#include "engine/pictures/metadata.h"

#include <inttypes.h>
#include <string.h>

/* An empty copy of width x height pixels. `exchanged`: x and y are. */
static limn_status create_copy(const struct picture *source, int64_t width, int64_t height, bool exchanged,
                               struct picture *copy, limn_error *error)
{
    limn_status status = picture_create(width, height, source->channels, copy, error);
    if (status == LIMN_OK)
        status = metadata_copy(source->metadata, exchanged, &copy->metadata, error);
    if (status == LIMN_OK)
        copy->name = source->name;
    else
        picture_free(copy);
    return status;
}

/* Each orientation maps an upright pixel to a stored one: x and y exchanged, then counted from the right,
 * from the bottom.
 *
 *     1      2      3      4      5      6      7      8
 *     F F F  F F F      F  F      F F F  F          F  F F F
 *     F F        F F  F F  F F    F   F  F F F  F F F  F   F     (the stored F) */
limn_status picture_turn(const struct picture *source, int orientation, struct picture *upright,
                         limn_error *error)
{
    bool exchanged = orientation >= 5;
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int64_t width = source->width, height = source->height, channels = source->channels;
    limn_status status = create_copy(source, exchanged ? height : width, exchanged ? width : height,
                                     exchanged, upright, error);
    if (status != LIMN_OK)
        return status;
    unsigned char *out = upright->pixels;
    for (int64_t y = 0; y < upright->height; y++)
        for (int64_t x = 0; x < upright->width; x++) {
            int64_t sx = exchanged ? y : x, sy = exchanged ? x : y;
            sx = from_right ? width - 1 - sx : sx;
            sy = from_bottom ? height - 1 - sy : sy;
            const unsigned char *in = source->pixels + (sy * width + sx) * channels;
            for (int64_t c = 0; c < channels; c++)
                *out++ = in[c];
        }
    return LIMN_OK;
}

limn_status picture_crop(const struct picture *source, int64_t x, int64_t y, int64_t width, int64_t height,
                         struct picture *part, limn_error *error)
{
    *part = (struct picture){0};
    if (x < 0 || y < 0 || width < 1 || height < 1 || width > source->width || height > source->height ||
        x > source->width - width || y > source->height - height)
        return fail(error, LIMN_E_USAGE,
                    "the part of %" PRId64 " x %" PRId64 " pixels at %" PRId64 ", %" PRId64
                    " is not inside the picture of %" PRId64 " x %" PRId64 " pixels",
                    width, height, x, y, source->width, source->height);
    limn_status status = create_copy(source, width, height, false, part, error);
    size_t row = status == LIMN_OK ? (size_t)(width * source->channels) : 0;
    for (int64_t i = 0; i < part->height; i++)
        memcpy(part->pixels + (size_t)i * row,
               source->pixels + ((y + i) * source->width + x) * source->channels, row);
    return status;
}
