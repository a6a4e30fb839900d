/* pipelines.c - the pipelines as limn.h offers them: what callers give is checked, and put into the terms of
 * segment.h, colorize.h, upscale.h and generate.h, which do the work. */
#include "engine/base/memory.h"
#include "engine/pictures/palette.h"
#include "engine/pipelines/colorize.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/labels.h"
#include "engine/pipelines/latents.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"
#include "engine/pipelines/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* LIMN_E_USAGE for NULL where there must be a model. */
static limn_status check_model(const limn_model *model, limn_error *error)
{
    return model ? LIMN_OK : fail(error, LIMN_E_USAGE, "no model: NULL");
}

/* The same where a pointer for a result, called `what`, must be. */
static limn_status check_room(const void *room, const char *what, limn_error *error)
{
    return room ? LIMN_OK : fail(error, LIMN_E_USAGE, "%s: NULL", what);
}

/* LIMN_E_USAGE for a number out of its range, or NaN. */
static limn_status check_range(const char *name, double number, double least, double most, limn_error *error)
{
    if (number >= least && number <= most)
        return LIMN_OK;
    return fail(error, LIMN_E_USAGE, "%s %g: %g to %g expected", name, number, least, most);
}

/* ---- segmentation ------------------------------------------------------------------------ */

/* A name as far as it fits, never a part of a character. */
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
    static const struct segment defaults = {0};
    struct labels labels = {0};
    limn_status status = check_room(count, "count", error);
    if (status != LIMN_OK)
        return status;
    *count = 0;
    status = check_model(model, error);
    int found = 0;
    if (status == LIMN_OK)
        status = segment_prepare(model, &defaults, &found, error);
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

static limn_status check_segment(const limn_segment_options *options, limn_error *error)
{
    limn_status status = check_range("--resize", (double)options->resize, 0, PICTURE_MOST_SIDE, error);
    if (status == LIMN_OK)
        status = check_range("--scale", options->scale, 0, 100, error);
    if (status == LIMN_OK)
        status = check_range("--threshold", options->threshold, 0, 1, error);
    return status;
}

limn_status limn_segment(limn_model *model, const limn_picture *source, const limn_picture *classes,
                         const limn_segment_options *options, const limn_watch *watch, limn_error *error)
{
    const limn_segment_options given = options ? *options : (limn_segment_options){0};
    struct watch seen = watch_of(watch);
    struct segment how = {
        .resize = given.resize, .scale = given.scale, .threshold = given.threshold, .watch = &seen};
    struct view view = {0};
    struct picture made = {0};
    int count;
    limn_status status = check_model(model, error);
    if (status == LIMN_OK)
        status = check_segment(&given, error);
    if (status == LIMN_OK)
        status = segment_prepare(model, &how, &count, error);
    if (status == LIMN_OK)
        status = view_check_source(source, error);
    if (status == LIMN_OK)
        status = view_check_made(classes, "the classes", source->width, source->height, 1, error);
    if (status == LIMN_OK)
        status = view_open(source, classes, &view, error);
    if (status == LIMN_OK)
        status = segment_picture(model, &view.picture, &how, &made, NULL, error);
    if (status == LIMN_OK)
        view_put(classes, 0, made.pixels, made.height);
    picture_free(&made);
    view_close(&view);
    return status;
}

/* ---- colorization ------------------------------------------------------------------------ */

static limn_status check_colorize(const limn_colorize_options *options, limn_error *error)
{
    limn_status status = check_range("saturation", options->saturation, -1, 9, error);
    if (status == LIMN_OK)
        status = check_range("temperature", options->temperature, -100, 100, error);
    if (status == LIMN_OK && options->hint_count)
        status = check_room(options->hints, "hints", error);
    return status;
}

/* Whether the network takes what the options offer. */
static limn_status check_wishes(const struct colorizer *colorizer, const limn_colorize_options *options,
                                limn_error *error)
{
    const char *name = limn_model_name(colorizer->model);
    if (options->hint_count && !colorizer->takes_hints)
        return fail(error, LIMN_E_USAGE, "hints go with siggraph17, %s takes none", name);
    if (options->seed && !colorizer->latent)
        return fail(error, LIMN_E_USAGE, "a seed goes with vae, %s always makes the same picture", name);
    return LIMN_OK;
}

static limn_status make_hints(const limn_colorize_options *options, struct hints *hints, limn_error *error)
{
    *hints = (struct hints){.items = mem_zalloc(options->hint_count, sizeof *hints->items)};
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

/* Opens a copy of the source, which so stays as it is until all has gone well, and colours that. */
static limn_status colorize_copy(struct colorizer *colorizer, const limn_picture *source,
                                 const limn_colorize_options *options, struct watch *watch, struct view *copy,
                                 limn_error *error)
{
    const struct colorize_tint tint = {(float)(1 + options->saturation), (float)options->temperature};
    const struct picture size = {
        .width = source->width, .height = source->height, .channels = source->channels};
    size_t bytes = (size_t)(size.width * size.height * size.channels);
    double share = colorizer_run_share(colorizer, &size);
    struct hints hints = {0};
    struct colorize_wish wish = {&hints, options->seed, watch};
    limn_status status = colorize_check_memory(&size, bytes + colorizer_run_bytes(colorizer, &size), error);
    if (status == LIMN_OK)
        status = view_open(source, NULL, copy, error);
    if (status == LIMN_OK)
        status = make_hints(options, &hints, error);
    watch_part(watch, 0, share);
    if (status == LIMN_OK)
        status = colorizer_run(colorizer, &copy->picture, &wish, error);
    watch_part(watch, share, 1);
    if (status == LIMN_OK)
        status = colorizer_paint(colorizer, tint, watch, &copy->picture, error);
    if (status == LIMN_OK)
        status = watch_show(watch, 1, error);
    hints_free(&hints);
    return status;
}

limn_status limn_colorize(limn_model *model, const limn_picture *source, const limn_picture *result,
                          const limn_colorize_options *options, const limn_watch *watch, limn_error *error)
{
    const limn_colorize_options given = options ? *options : (limn_colorize_options){0};
    struct watch seen = watch_of(watch);
    struct view view = {0};
    struct colorizer *colorizer = NULL;
    limn_status status = check_model(model, error);
    if (status == LIMN_OK)
        status = check_colorize(&given, error);
    if (status == LIMN_OK)
        status = view_check_source(source, error);
    if (status == LIMN_OK)
        status =
            view_check_made(result, "the result", source->width, source->height, source->channels, error);
    if (status == LIMN_OK)
        status = watch_show(&seen, 0, error);
    if (status == LIMN_OK)
        status = colorizer_create(model, &colorizer, error);
    if (status == LIMN_OK)
        status = check_wishes(colorizer, &given, error);
    if (status == LIMN_OK)
        status = colorize_copy(colorizer, source, &given, &seen, &view, error);
    if (status == LIMN_OK)
        view_put(result, 0, view.picture.pixels, view.picture.height);
    view_close(&view);
    colorizer_free(colorizer);
    return status;
}

/* ---- super-resolution -------------------------------------------------------------------- */

limn_status limn_upscale_factor(const limn_model *model, int *factor, limn_error *error)
{
    int64_t found = 0;
    limn_status status = check_room(factor, "factor", error);
    if (status == LIMN_OK)
        status = check_model(model, error);
    if (status == LIMN_OK)
        status = upscale_factor(model, &found, error);
    if (factor)
        *factor = (int)found;
    return status;
}

/* Where rows of an enlarged picture go. */
struct enlarged {
    const limn_picture *result;
    int64_t rows;
};

static limn_status take_rows(void *context, const unsigned char *rows, int64_t count, limn_error *error)
{
    struct enlarged *enlarged = context;
    (void)error;
    view_put(enlarged->result, enlarged->rows, rows, count);
    enlarged->rows += count;
    return LIMN_OK;
}

limn_status limn_upscale(limn_model *model, const limn_picture *source, const limn_picture *result,
                         const limn_watch *watch, limn_error *error)
{
    struct watch seen = watch_of(watch);
    struct enlarged enlarged = {.result = result};
    const struct upscale how = {.tile = TILE_AUTO, .rows = take_rows, .context = &enlarged, .watch = &seen};
    struct view view = {0};
    int factor;
    limn_status status = limn_upscale_factor(model, &factor, error);
    if (status == LIMN_OK)
        status = view_check_source(source, error);
    if (status == LIMN_OK)
        status = view_check_made(result, "the result", factor * source->width, factor * source->height,
                                 source->channels, error);
    if (status == LIMN_OK)
        status = view_open(source, result, &view, error);
    if (status == LIMN_OK)
        status = upscale_picture(model, &view.picture, &how, error);
    view_close(&view);
    return status;
}

/* ---- pictures from noise ----------------------------------------------------------------- */

limn_status limn_generate_side(const limn_model *model, int *side, limn_error *error)
{
    struct generator generator = {0};
    limn_status status = check_room(side, "side", error);
    if (status == LIMN_OK)
        status = check_model(model, error);
    if (status == LIMN_OK)
        status = generator_of(model, &generator, error);
    if (side)
        *side = status == LIMN_OK ? (int)generator.side : 0;
    return status;
}

static limn_status take_picture(void *context, int64_t index, const struct picture *picture,
                                limn_error *error)
{
    const limn_picture *const *pictures = context;
    (void)error;
    view_put(&(*pictures)[index], 0, picture->pixels, picture->height);
    return LIMN_OK;
}

static limn_status check_pictures(const limn_picture *pictures, int64_t count, int64_t side,
                                  limn_error *error)
{
    char what[32];
    limn_status status = check_room(pictures, "pictures", error);
    if (status == LIMN_OK && (count < 1 || count > GENERATE_MOST))
        status = fail(error, LIMN_E_USAGE, "%" PRId64 " pictures; 1 to %d expected", count, GENERATE_MOST);
    for (int64_t i = 0; status == LIMN_OK && i < count; i++) {
        snprintf(what, sizeof what, "picture %" PRId64, i);
        status = view_check_made(&pictures[i], what, side, side, 3, error);
    }
    return status;
}

limn_status limn_generate(limn_model *model, const limn_picture *pictures, int64_t count,
                          const limn_generate_options *options, const limn_watch *watch, limn_error *error)
{
    const limn_generate_options given = options ? *options : (limn_generate_options){0};
    struct watch seen = watch_of(watch);
    struct generator generator = {0};
    float *latents = NULL;
    limn_status status = check_model(model, error);
    if (status == LIMN_OK)
        status = generator_of(model, &generator, error);
    if (status == LIMN_OK)
        status = check_pictures(pictures, count, generator.side, error);
    if (status == LIMN_OK)
        status = latents_create(given.seed, count, generator.latent, &latents, error);
    const struct generate how = {.latents = latents,
                                 .count = count,
                                 .fixed_range = given.fixed_range,
                                 .picture = take_picture,
                                 .context = &pictures,
                                 .watch = &seen};
    if (status == LIMN_OK)
        status = generate_pictures(model, &generator, &how, error);
    mem_free(latents);
    return status;
}
