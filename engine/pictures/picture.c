/* picture.c - see picture.h: the pixels in memory. */
#include "engine/pictures/picture.h"
#include "engine/base/memory.h"
#include "engine/pictures/metadata.h"

#include <inttypes.h>

limn_status picture_create(int64_t width, int64_t height, int channels, struct picture *picture,
                           limn_error *error)
{
    size_t row, bytes;
    *picture = (struct picture){0};
    if (width < 1 || height < 1 || !size_multiply((uint64_t)width, (uint64_t)channels, &row) ||
        !size_multiply(row, (uint64_t)height, &bytes))
        return fail(error, LIMN_E_MEMORY,
                    "a picture of %" PRId64 " x %" PRId64 " pixels cannot be held in memory", width, height);
    unsigned char *pixels = mem_alloc(bytes);
    if (!pixels)
        return fail_memory(error, "a picture", bytes);
    *picture = (struct picture){
        .width = width, .height = height, .channels = channels, .pixels = pixels, .name = "the picture"};
    return LIMN_OK;
}

limn_status picture_check_size(const char *name, int64_t width, int64_t height, limn_error *error)
{
    if (width < 1 || height < 1)
        return fail(error, LIMN_E_INPUT,
                    "%s: a picture of %" PRId64 " x %" PRId64 " pixels, at least 1 x 1 expected", name, width,
                    height);
    if (width > PICTURE_MOST_SIDE || height > PICTURE_MOST_SIDE)
        return fail(error, LIMN_E_INPUT,
                    "%s: a picture of %" PRId64 " x %" PRId64 " pixels, at most %" PRId64 " a side expected",
                    name, width, height, PICTURE_MOST_SIDE);
    if (width * height > PICTURE_MOST_PIXELS)
        return fail(error, LIMN_E_INPUT,
                    "%s: %" PRId64 " x %" PRId64 " = %" PRId64 " pixels, at most %" PRId64 " expected", name,
                    width, height, width * height, PICTURE_MOST_PIXELS);
    return LIMN_OK;
}

void picture_free(struct picture *picture)
{
    mem_free(picture->pixels);
    metadata_free(picture->metadata);
    *picture = (struct picture){0};
}
