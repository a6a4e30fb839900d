/* views.c - see views.h. */
#include "engine/pipelines/views.h"
#include "engine/pipelines/check.h"

#include <inttypes.h>
#include <stdio.h>
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

static limn_status check_source(const limn_picture *source, limn_error *error)
{
    limn_status status = check_pointer(source, "no source", error);
    if (status != LIMN_OK)
        return status;
    if (source->channels != 3 && source->channels != 4)
        return fail(error, LIMN_E_INPUT, "the source has %d channels, 3 (RGB) or 4 (RGBA) expected",
                    source->channels);
    status = picture_check_size("the source", source->width, source->height, error);
    return status == LIMN_OK ? check_memory(source, "the source", error) : status;
}

/* LIMN_E_USAGE unless a picture for results has this size and can be written to. */
static limn_status check_made(const limn_picture *picture, const char *what, const struct picture *made,
                              limn_error *error)
{
    if (picture->width != made->width || picture->height != made->height ||
        picture->channels != made->channels)
        return fail(error, LIMN_E_USAGE,
                    "%s: room for %" PRId64 " x %" PRId64 " pixels of %d channels, %" PRId64 " x %" PRId64
                    " of %d are made",
                    what, picture->width, picture->height, picture->channels, made->width, made->height,
                    made->channels);
    return check_memory(picture, what, error);
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* Where the bytes of a picture end, without the padding after its last row. A picture for results has not
 * been checked yet, and may have any numbers. */
static uintptr_t end_of(const limn_picture *picture)
{
    uintptr_t row = (uintptr_t)picture->width * (uintptr_t)picture->channels;
    uintptr_t stride = picture->stride ? (uintptr_t)picture->stride : row;
    return (uintptr_t)picture->pixels + ((uintptr_t)picture->height - 1) * stride + row;
}

/* Whether the memory of the two overlaps. */
static bool meet(const limn_picture *a, const limn_picture *b)
{
    return (uintptr_t)a->pixels < end_of(b) && (uintptr_t)b->pixels < end_of(a);
}

limn_status view_open(const limn_picture *source, const limn_picture *made, struct view *view,
                      limn_error *error)
{
    static const char name[] = "the source";
    *view = (struct view){0};
    limn_status status = check_source(source, error);
    if (status != LIMN_OK)
        return status;
    bool is_dense = stride_of(source) == row_bytes(source);
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

/* ---- results ----------------------------------------------------------------------------- */

static limn_status begin(void *context, const struct picture *made, limn_error *error)
{
    const struct view_target *target = context;
    limn_status status = check_pointer(target->pictures, target->what, error);
    for (int64_t i = 0; status == LIMN_OK && i < target->count; i++) {
        char number[32];
        snprintf(number, sizeof number, "picture %" PRId64, i);
        status = check_made(&target->pictures[i], target->count > 1 ? number : target->what, made, error);
    }
    return status;
}

static limn_status take_rows(void *context, const struct picture *rows, limn_error *error)
{
    struct view_target *target = context;
    int64_t bytes = rows->width * rows->channels;
    (void)error;
    for (int64_t y = 0; y < rows->height; y++, target->rows++) {
        const limn_picture *picture = &target->pictures[target->rows / target->pictures->height];
        memcpy(picture->pixels + target->rows % picture->height * stride_of(picture),
               rows->pixels + y * bytes, (size_t)bytes);
    }
    return LIMN_OK;
}

struct sink view_sink(struct view_target *target)
{
    return (struct sink){.begin = begin, .rows = take_rows, .context = target};
}
