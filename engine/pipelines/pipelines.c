/* pipelines.c - the pipelines as limn.h offers them, on pictures in the caller's memory: views.h makes a
 * source and a sink of these; segment.h, colorize.h, upscale.h and generate.h check the rest, and do the
 * work. */
#include "engine/base/memory.h"
#include "engine/pictures/draw.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/colorize.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/labels.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"
#include "engine/pipelines/views.h"

#include <string.h>

/* Checks model and source, and opens a view of the source, from which `result` can be written; NULL: a copy.
 */
static limn_status open_source(const limn_model *model, const limn_picture *source,
                               const limn_picture *result, struct view *view, limn_error *error)
{
    limn_status status = check_pointer(model, "no model", error);
    return status == LIMN_OK ? view_open(source, result, view, error) : status;
}

/* ---- segmentation ------------------------------------------------------------------------ */

/* Copies as much of a name as fits, without cutting a character. */
static void copy_name(char *room, size_t size, const char *name)
{
    size_t length = strnlen(name, size);
    if (length == size)
        for (length--; length && ((unsigned char)name[length] & 0xC0) == 0x80;)
            length--;
    memcpy(room, name, length);
    room[length] = 0;
}

limn_status limn_segment_classes(const limn_model *model, limn_class classes[LIMN_CLASSES_MOST], int *count,
                                 limn_error *error)
{
    static const limn_segment_options defaults = {0};
    struct labels labels = {0};
    limn_status status = check_pointer(count, "count", error);
    if (status != LIMN_OK)
        return status;
    *count = 0;
    status = check_pointer(model, "no model", error);
    int found = 0;
    if (status == LIMN_OK)
        status = segment_check(model, &defaults, &found, error);
    if (status == LIMN_OK)
        status = labels_read(model, found, &labels, error);
    if (status != LIMN_OK)
        return status;
    for (int i = 0; classes && i < found; i++) {
        struct rgb colour = palette_voc(i);
        classes[i] = (limn_class){.red = colour.red, .green = colour.green, .blue = colour.blue};
        copy_name(classes[i].name, sizeof classes[i].name, labels.names[i]);
    }
    labels_free(&labels);
    *count = found;
    return LIMN_OK;
}

limn_status limn_segment(limn_model *model, const limn_picture *source, const limn_picture *classes,
                         const limn_segment_options *options, const limn_watch *watch, limn_error *error)
{
    struct watch seen = watch_of(watch);
    struct view view = {0};
    struct view_target target = {.pictures = classes, .count = 1, .what = "the classes"};
    struct segment how = {.options = options ? *options : (limn_segment_options){0},
                          .source = &view.picture,
                          .sink = view_sink(&target),
                          .watch = &seen};
    limn_status status = open_source(model, source, classes, &view, error);
    if (status == LIMN_OK)
        status = segment_picture(model, &how, error);
    view_close(&view);
    return status;
}

/* ---- colorization ------------------------------------------------------------------------ */

static limn_status make_hints(const limn_colorize_options *options, struct hints *hints, limn_error *error)
{
    if (!options->hint_count)
        return LIMN_OK;
    limn_status status = check_pointer(options->hints, "hints", error);
    if (status != LIMN_OK)
        return status;
    hints->items = mem_zalloc(options->hint_count, sizeof *hints->items);
    if (!hints->items)
        return fail_memory(error, "the hints", options->hint_count * sizeof *hints->items);
    hints->count = options->hint_count;
    for (size_t i = 0; i < hints->count; i++) {
        const limn_hint *given = &options->hints[i];
        hints->items[i] = (struct hint){.x = given->x, .y = given->y, .radius = given->radius};
        hint_colour(&hints->items[i], (const unsigned char[]){given->red, given->green, given->blue});
    }
    return LIMN_OK;
}

limn_status limn_colorize(limn_model *model, const limn_picture *source, const limn_picture *result,
                          const limn_colorize_options *options, const limn_watch *watch, limn_error *error)
{
    const limn_colorize_options given = options ? *options : (limn_colorize_options){0};
    struct watch seen = watch_of(watch);
    struct view copy = {0}; /* the result may be the source, which a failure must not change */
    struct view_target target = {.pictures = result, .count = 1, .what = "the result"};
    const struct sink sink = view_sink(&target);
    struct colorize how = {.models = {model},
                           .count = 1,
                           .seed = given.seed,
                           .tint = {given.saturation, given.temperature},
                           .network_size = given.network_size,
                           .spread = given.spread};
    limn_status status = open_source(model, source, NULL, &copy, error);
    if (status == LIMN_OK)
        status = make_hints(&given, &how.hints, error);
    if (status == LIMN_OK)
        status = watch_show(&seen, 0, error);
    if (status == LIMN_OK)
        status = colorize_open(&how, error);
    if (status == LIMN_OK)
        status = colorize_picture(&how, &copy.picture, &sink, &seen, error);
    colorize_close(&how);
    hints_free(&how.hints);
    view_close(&copy);
    return status;
}

/* ---- super-resolution -------------------------------------------------------------------- */

limn_status limn_upscale_factor(const limn_model *model, int *factor, limn_error *error)
{
    int64_t found = 0;
    limn_status status = check_pointer(factor, "factor", error);
    if (status == LIMN_OK)
        status = check_pointer(model, "no model", error);
    if (status == LIMN_OK)
        status = upscale_factor(model, &found, error);
    if (factor)
        *factor = (int)found;
    return status;
}

/* The scale that a result of this size means; 0, which means the factor, if none does. The sink checks the
 * size. */
static int64_t scale_of(const limn_picture *source, const limn_picture *result, int64_t factor)
{
    for (int64_t scale = 2; result && scale < factor; scale++)
        if (result->width == scale * source->width && result->height == scale * source->height)
            return scale;
    return 0;
}

limn_status limn_upscale(limn_model *model, const limn_picture *source, const limn_picture *result,
                         const limn_watch *watch, limn_error *error)
{
    struct watch seen = watch_of(watch);
    struct view view = {0};
    struct view_target target = {.pictures = result, .count = 1, .what = "the result"};
    struct upscale how = {
        .source = &view.picture, .sink = view_sink(&target), .tile = TILE_AUTO, .watch = &seen};
    int64_t factor;
    limn_status status = open_source(model, source, result, &view, error);
    if (status == LIMN_OK)
        status = upscale_factor(model, &factor, error);
    if (status == LIMN_OK) {
        how.scale = scale_of(source, result, factor);
        status = upscale_picture(model, &how, error);
    }
    view_close(&view);
    return status;
}

/* ---- pictures from noise ----------------------------------------------------------------- */

limn_status limn_generate_side(const limn_model *model, int *side, limn_error *error)
{
    struct generator generator = {0};
    limn_status status = check_pointer(side, "side", error);
    if (status == LIMN_OK)
        status = check_pointer(model, "no model", error);
    if (status == LIMN_OK)
        status = generator_of(model, &generator, error);
    if (side)
        *side = status == LIMN_OK ? (int)generator.side : 0;
    return status;
}

limn_status limn_generate(limn_model *model, const limn_picture *pictures, int64_t count,
                          const limn_generate_options *options, const limn_watch *watch, limn_error *error)
{
    const limn_generate_options given = options ? *options : (limn_generate_options){0};
    struct watch seen = watch_of(watch);
    struct view_target target = {.pictures = pictures, .count = count, .what = "pictures"};
    const struct generate how = {.seed = given.seed,
                                 .count = count,
                                 .fixed_range = given.fixed_range,
                                 .sink = view_sink(&target),
                                 .watch = &seen};
    limn_status status = check_pointer(model, "no model", error);
    return status == LIMN_OK ? generate_pictures(model, &how, error) : status;
}
