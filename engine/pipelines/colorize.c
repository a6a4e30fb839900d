/* colorize.c - see colorize.h. */
#include "engine/pipelines/colorize.h"
#include "engine/base/memory.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/colorize_sheet.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- networks and options ---------------------------------------------------------------- */

static limn_status check_options(const struct colorize *how, limn_error *error)
{
    const char *name = how->models[0]->kind->name;
    bool takes_hints = false, latent = colorizer_has_latent(how->models[0]);
    for (int i = 0; i < how->count; i++)
        takes_hints = takes_hints || colorizer_takes_hints(how->models[i]);
    limn_status status = check_range("saturation", how->tint.saturation, -1, 9, error);
    if (status == LIMN_OK)
        status = check_range("temperature", how->tint.temperature, -100, 100, error);
    if (status == LIMN_OK && (how->hints.count || how->hints.name) && !takes_hints)
        status = fail(error, LIMN_E_USAGE, "hints are an option of siggraph17; %s takes none", name);
    if (status == LIMN_OK && how->seed && !latent)
        status = fail(error, LIMN_E_USAGE, "samples and seeds are options of vae; %s has one result", name);
    if (status == LIMN_OK && how->encode && !latent)
        status = fail(error, LIMN_E_USAGE, "encode is an option of vae; %s has no latent vector", name);
    return status;
}

limn_status colorize_open(struct colorize *how, limn_error *error)
{
    limn_status status = check_options(how, error);
    for (int i = 0; status == LIMN_OK && i < how->count; i++)
        status = colorizer_create(how->models[i], how->encode, &how->colorizers[i], error);
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

/* ---- pictures ---------------------------------------------------------------------------- */

static bool makes_sheet(const struct colorize *how)
{
    return how->compare || how->samples > 1;
}

/* LIMN_E_MEMORY for what is too large, before any network runs. */
static limn_status check_memory(const struct colorize *how, const struct picture *source,
                                const struct sink *sink, limn_error *error)
{
    char what[64];
    size_t bytes = makes_sheet(how) ? 0 : sink->reserve; /* a sheet is small */
    for (int i = 0; i < how->count; i++) {
        size_t run = colorizer_run_bytes(how->colorizers[i], source);
        bytes = run > bytes ? run : bytes;
    }
    if (makes_sheet(how))
        bytes = colorize_sheet_bytes(how, source, bytes);
    if (bytes <= mem_available())
        return LIMN_OK;
    snprintf(what, sizeof what, "colouring %" PRId64 " x %" PRId64 " pixels", source->width, source->height);
    return fail_need(error, LIMN_REASON_NONE, what, bytes, "a smaller picture");
}

static limn_status paint(const struct colorize *how, struct picture *picture, struct watch *watch,
                         limn_error *error)
{
    struct colorizer *colorizer = how->colorizers[0];
    const struct colorizer_inputs inputs = {&how->hints, how->seed};
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
        status = sink_begin(sink, picture->width, picture->height, picture->channels, error);
    if (status != LIMN_OK)
        return status;
    if (makes_sheet(how)) {
        struct picture sheet;
        status = colorize_sheet(how, picture, &sheet, error);
        picture_free(picture);
        *picture = sheet;
    } else {
        status = paint(how, picture, watch, error);
    }
    return status == LIMN_OK ? sink->rows(sink->context, picture, error) : status;
}
