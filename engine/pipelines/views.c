/* views.c - see views.h. */
#include "engine/pipelines/views.h"

#include <inttypes.h>
#include <string.h>

static int64_t row_bytes(const limn_picture *picture)
{
    return picture->width * picture->channels;
}

static int64_t stride_of(const limn_picture *picture)
{
    return picture->stride ? picture->stride : row_bytes(picture);
}

/* ---- checks ------------------------------------------------------------------------------ */

/* The picture's size must have been checked. */
static limn_status check_memory(const limn_picture *picture, const char *what, limn_error *error)
{
    if (!picture->pixels)
        return fail(error, LIMN_E_USAGE, "%s has no pixels: NULL", what);
    if (stride_of(picture) < row_bytes(picture) || stride_of(picture) > INT64_MAX / picture->height)
        return fail(error, LIMN_E_USAGE,
                    "%s: a stride of %" PRId64 " bytes, at least %" PRId64 " expected, or 0 for dense rows",
                    what, picture->stride, row_bytes(picture));
    return LIMN_OK;
}

limn_status view_check_source(const limn_picture *source, limn_error *error)
{
    if (!source)
        return fail(error, LIMN_E_USAGE, "no source: NULL");
    if (source->channels != 3 && source->channels != 4)
        return fail(error, LIMN_E_INPUT, "the source has %d channels, 3 (RGB) or 4 (RGBA) expected",
                    source->channels);
    if (source->width < 1 || source->height < 1 || source->width > PICTURE_MOST_SIDE ||
        source->height > PICTURE_MOST_SIDE || source->width * source->height > PICTURE_MOST_PIXELS)
        return fail(error, LIMN_E_INPUT,
                    "a source of %" PRId64 " x %" PRId64 " pixels; 1 to %" PRId64
                    " a side, and at most %" PRId64 " in all expected",
                    source->width, source->height, PICTURE_MOST_SIDE, PICTURE_MOST_PIXELS);
    return check_memory(source, "the source", error);
}

limn_status view_check_made(const limn_picture *made, const char *what, int64_t width, int64_t height,
                            int channels, limn_error *error)
{
    if (!made)
        return fail(error, LIMN_E_USAGE, "%s: NULL", what);
    if (made->width != width || made->height != height || made->channels != channels)
        return fail(error, LIMN_E_USAGE,
                    "%s: room for %" PRId64 " x %" PRId64 " pixels of %d channels, %" PRId64 " x %" PRId64
                    " of %d are made",
                    what, made->width, made->height, made->channels, width, height, channels);
    return check_memory(made, what, error);
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* Where the bytes of a picture end, padding behind its last row left out. */
static uintptr_t end_of(const limn_picture *picture)
{
    return (uintptr_t)picture->pixels +
           (uintptr_t)((picture->height - 1) * stride_of(picture) + row_bytes(picture));
}

/* Whether both have bytes between the first and the last of the other. */
static bool meet(const limn_picture *a, const limn_picture *b)
{
    return (uintptr_t)a->pixels < end_of(b) && (uintptr_t)b->pixels < end_of(a);
}

limn_status view_open(const limn_picture *source, const limn_picture *made, struct view *view,
                      limn_error *error)
{
    static const char name[] = "the source";
    bool is_dense = stride_of(source) == row_bytes(source);
    limn_status status = LIMN_OK;
    *view = (struct view){{.width = source->width,
                           .height = source->height,
                           .channels = source->channels,
                           .pixels = source->pixels,
                           .name = name},
                          {0}};
    if (is_dense && made && !meet(source, made))
        return LIMN_OK;
    status = picture_create(source->width, source->height, source->channels, &view->copy, error);
    if (status != LIMN_OK)
        return status;
    for (int64_t y = 0; y < source->height; y++)
        memcpy(view->copy.pixels + y * row_bytes(source), source->pixels + y * stride_of(source),
               (size_t)row_bytes(source));
    view->picture.pixels = view->copy.pixels;
    return LIMN_OK;
}

void view_close(struct view *view)
{
    picture_free(&view->copy);
    *view = (struct view){0};
}

void view_put(const limn_picture *made, int64_t first, const unsigned char *rows, int64_t count)
{
    int64_t bytes = row_bytes(made);
    for (int64_t y = 0; y < count; y++)
        memcpy(made->pixels + (first + y) * stride_of(made), rows + y * bytes, (size_t)bytes);
}
