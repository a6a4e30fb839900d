/* picture_header.c - see picture_header.h. */
#include "engine/pictures/picture_header.h"

#include <inttypes.h>

limn_status picture_check_size(const struct picture_bytes *file, int64_t width, int64_t height,
                               limn_error *error)
{
    if (width < 1 || height < 1)
        return fail(error, LIMN_E_INPUT,
                    "%s: a picture of %" PRId64 " x %" PRId64 " pixels, at least 1 x 1 expected", file->name,
                    width, height);
    if (width > PICTURE_MOST_SIDE || height > PICTURE_MOST_SIDE)
        return fail(error, LIMN_E_INPUT,
                    "%s: a picture of %" PRId64 " x %" PRId64 " pixels, at most %" PRId64 " a side expected",
                    file->name, width, height, PICTURE_MOST_SIDE);
    if (width * height > PICTURE_MOST_PIXELS)
        return fail(error, LIMN_E_INPUT,
                    "%s: %" PRId64 " x %" PRId64 " = %" PRId64 " pixels, at most %" PRId64 " expected",
                    file->name, width, height, width * height, PICTURE_MOST_PIXELS);
    return LIMN_OK;
}

limn_status picture_ends_early(const struct picture_bytes *file, const char *format, limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: %s data ends early (%zu bytes), the file is damaged", file->name,
                format, file->size);
}
