/* colorize.c - see colorize.h. */
#include "engine/pipelines/colorize.h"
#include "engine/base/memory.h"
#include "engine/pictures/resample.h"
#include "engine/pictures/sheet.h"
#include "engine/pipelines/check.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- networks and options ---------------------------------------------------------------- */

limn_status colorize_check(const struct colorize *how, limn_error *error)
{
    const char *name = how->models[0]->kind->name;
    bool takes_hints = false, takes_sizes = false, latent = colorizer_has_latent(how->models[0]);
    for (int i = 0; i < how->count; i++) {
        takes_hints = takes_hints || colorizer_takes_hints(how->models[i]);
        takes_sizes = takes_sizes || colorizer_takes_sizes(how->models[i]);
    }
    limn_status status = check_range("saturation", how->tint.saturation, -1, 9, error);
    if (status == LIMN_OK)
        status = check_range("temperature", how->tint.temperature, -100, 100, error);
    if (status == LIMN_OK && (how->hints.count || how->hints.name) && !takes_hints)
        status = fail(error, LIMN_E_USAGE, "hints are an option of siggraph17; %s takes none", name);
    if (status == LIMN_OK && ((int)how->spread < LIMN_SPREAD_BY_WEIGHTS || how->spread > LIMN_SPREAD_OFF))
        status = fail(error, LIMN_E_USAGE, "spread %d: expected a limn_spread, 0 to %d", (int)how->spread,
                      LIMN_SPREAD_OFF);
    if (status == LIMN_OK && how->spread && !takes_hints)
        status = fail(error, LIMN_E_USAGE, "spread is an option of siggraph17; %s takes no hints", name);
    if (status == LIMN_OK && how->network_size && !takes_sizes)
        status = fail(error, LIMN_E_USAGE,
                      "network size is an option of eccv16 and siggraph17; %s has one size", name);
    if (status == LIMN_OK && how->network_size)
        status = colorizer_check_side(how->network_size, error);
    if (status == LIMN_OK && how->seed && !latent)
        status = fail(error, LIMN_E_USAGE, "samples and seeds are options of vae; %s has one result", name);
    if (status == LIMN_OK && how->encode && !latent)
        status = fail(error, LIMN_E_USAGE, "encode is an option of vae; %s has no latent vector", name);
    return status;
}

limn_status colorize_open(struct colorize *how, limn_error *error)
{
    limn_status status = colorize_check(how, error);
    for (int i = 0; status == LIMN_OK && i < how->count; i++) {
        int64_t side = colorizer_takes_sizes(how->models[i]) ? how->network_size : 0;
        status = colorizer_create(how->models[i], side, how->encode, &how->colorizers[i], error);
        if (status == LIMN_OK && how->spread)
            how->colorizers[i]->spreads =
                how->spread == LIMN_SPREAD_ON && colorizer_takes_hints(how->models[i]);
    }
    if (status != LIMN_OK)
        colorize_close(how);
    return status;
}

void colorize_close(struct colorize *how)
{
    for (int i = 0; i < how->count; i++) {
        colorizer_free(how->colorizers[i]);
        how->colorizers[i] = NULL;
    }
}

/* ---- sheets ------------------------------------------------------------------------------ */

enum { PICTURE_SIDE = 512, ROW_WIDTH = 4096 };

/* A sheet to be made: its cells, and the size of the picture in each. */
struct layout {
    int cells, columns;
    int64_t width, height;
};

/* A sheet being made: the source at its size on the sheet, and a copy to paint. */
struct work {
    const struct colorize *how;
    const struct picture *source;
    struct picture small, copy;
    struct sheet sheet;
    int cells; /* so far */
};

static bool makes_sheet(const struct colorize *how)
{
    return how->compare || how->samples > 1;
}

/* Networks in a row, samples in a square. */
static struct layout lay_out(const struct colorize *how, const struct picture *source)
{
    int cells = how->compare ? how->count + 2 : how->samples, columns = how->compare ? cells : 1;
    while (columns * columns < cells)
        columns++;
    int64_t most = smaller(ROW_WIDTH / columns, PICTURE_SIDE), longer = larger(source->width, source->height);
    return (struct layout){cells, columns, resample_side(source->width, most, longer),
                           resample_side(source->height, most, longer)};
}

/* The most that make_sheet holds at a time; at most `run_bytes` while a network runs. */
static size_t make_sheet_bytes(const struct colorize *how, const struct picture *source, size_t run_bytes)
{
    struct layout layout = lay_out(how, source);
    size_t begun = picture_resample_bytes(source, layout.width, layout.height, RESAMPLE_BICUBIC);
    size_t cells = size_product(2 * layout.width * layout.height, (size_t)source->channels);
    size_t sheet = sheet_bytes(layout.width, layout.height, layout.cells, layout.columns, 0);
    sheet = size_sum(size_sum(cells, sheet), run_bytes);
    return begun > sheet ? begun : sheet;
}

static void copy_small(struct work *work)
{
    const struct picture *small = &work->small;
    memcpy(work->copy.pixels, small->pixels, (size_t)(small->width * small->height * small->channels));
}

/* Runs a network on the whole picture, and puts the result into the next cell. */
static limn_status add(struct work *work, struct colorizer *colorizer, const uint64_t *seed,
                       const char *caption, limn_error *error)
{
    const struct colorizer_inputs inputs = {.hints = &work->how->hints, .seed = seed};
    limn_status status = colorizer_run(colorizer, work->source, &inputs, NULL, error);
    if (status != LIMN_OK)
        return status;
    copy_small(work);
    status = colorizer_paint(colorizer, work->how->tint, NULL, &work->copy, error);
    if (status == LIMN_OK)
        sheet_put(&work->sheet, work->cells++, &work->copy, caption);
    return status;
}

static limn_status add_networks(struct work *work, limn_error *error)
{
    const struct colorize *how = work->how;
    limn_status status = LIMN_OK;
    copy_small(work);
    colorize_grey(how->models[0]->engine, &work->copy);
    sheet_put(&work->sheet, work->cells++, &work->small, "input");
    sheet_put(&work->sheet, work->cells++, &work->copy, "grey");
    for (int i = 0; status == LIMN_OK && i < how->count; i++)
        status = add(work, how->colorizers[i], how->seed, how->captions[i], error);
    return status;
}

static limn_status add_samples(struct work *work, limn_error *error)
{
    uint64_t seed = *work->how->seed;
    limn_status status = LIMN_OK;
    for (int i = 0; status == LIMN_OK && i < work->how->samples; i++, seed++) {
        char caption[32];
        snprintf(caption, sizeof caption, "seed %" PRIu64, seed);
        status = add(work, work->how->colorizers[0], &seed, caption, error);
    }
    return status;
}

/* The networks run on the whole picture; alpha is laid over the sheet's white. On failure *sheet is empty. */
static limn_status make_sheet(const struct colorize *how, const struct picture *source, struct picture *sheet,
                              limn_error *error)
{
    struct work work = {.how = how, .source = source};
    struct layout layout = lay_out(how, source);
    limn_status status =
        picture_resample(source, layout.width, layout.height, RESAMPLE_BICUBIC, &work.small, error);
    if (status == LIMN_OK)
        status = picture_create(layout.width, layout.height, source->channels, &work.copy, error);
    if (status == LIMN_OK)
        status =
            sheet_create(layout.width, layout.height, layout.cells, layout.columns, 0, &work.sheet, error);
    if (status == LIMN_OK)
        status = how->compare ? add_networks(&work, error) : add_samples(&work, error);
    *sheet = work.sheet.picture;
    if (status != LIMN_OK)
        picture_free(sheet);
    picture_free(&work.small);
    picture_free(&work.copy);
    return status;
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* What is held at a time, besides the sessions. */
static size_t bytes_of_all(const struct colorize *how, const struct picture *source, const struct sink *sink)
{
    size_t bytes = makes_sheet(how) ? 0 : sink->reserve; /* a sheet is small */
    for (int i = 0; i < how->count; i++) {
        size_t run = colorizer_run_bytes(how->colorizers[i], source);
        bytes = run > bytes ? run : bytes;
    }
    return makes_sheet(how) ? make_sheet_bytes(how, source, bytes) : bytes;
}

/* LIMN_E_MEMORY for what is too large, before any network runs. */
static limn_status check_memory(const struct colorize *how, const struct picture *source,
                                const struct sink *sink, limn_error *error)
{
    char what[64];
    size_t bytes = bytes_of_all(how, source, sink);
    if (bytes <= mem_available())
        return LIMN_OK;
    snprintf(what, sizeof what, "colouring %" PRId64 " x %" PRId64 " pixels", source->width, source->height);
    return fail_need(error, LIMN_REASON_NONE, what, bytes, "a smaller picture");
}

static void announce(const struct colorize *how, const struct picture *source, const struct sink *sink)
{
    int64_t side = how->colorizers[0]->side;
    struct forecast forecast = {.size = {1, side, side}, .bytes = bytes_of_all(how, source, sink)};
    for (int i = 0; i < how->count; i++) {
        forecast.flops += colorizer_flops(how->colorizers[i], source);
        forecast.bytes += colorizer_bytes(how->colorizers[i]);
    }
    forecast.flops *= how->samples > 1 ? how->samples : 1;
    sink_forecast(sink, forecast);
}

static limn_status paint(const struct colorize *how, struct picture *picture, struct watch *watch,
                         limn_error *error)
{
    struct colorizer *colorizer = how->colorizers[0];
    const struct colorizer_inputs inputs = {.hints = &how->hints, .seed = how->seed};
    double share = colorizer_run_share(colorizer, picture);
    watch_part(watch, 0, share);
    limn_status status = colorizer_run(colorizer, picture, &inputs, watch, error);
    watch_part(watch, share, 1);
    if (status == LIMN_OK)
        status = colorizer_paint(colorizer, how->tint, watch, picture, error);
    return status == LIMN_OK ? watch_show(watch, 1, error) : status;
}

limn_status colorize_picture(const struct colorize *how, struct picture *picture, const struct sink *sink,
                             struct watch *watch, limn_error *error)
{
    limn_status status = check_memory(how, picture, sink, error);
    if (status == LIMN_OK)
        announce(how, picture, sink);
    if (status == LIMN_OK)
        status = sink_begin(sink, picture->width, picture->height, picture->channels, error);
    if (status != LIMN_OK)
        return status;
    if (makes_sheet(how)) {
        struct picture sheet;
        status = make_sheet(how, picture, &sheet, error);
        picture_free(picture);
        *picture = sheet;
    } else {
        status = paint(how, picture, watch, error);
    }
    return status == LIMN_OK ? sink->rows(sink->context, picture, error) : status;
}
