/* cmd_colorize.c - limn colorize: colorize pictures, grey or not. */
#include "apps/cli/batch.h"
#include "apps/cli/carry.h"
#include "apps/cli/forecast.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pipelines/colorize.h"

#include <string.h>

struct context {
    const struct options *options;
    limn_engine *engine;
    struct colorize how;
    struct forecaster forecaster;
    char *names; /* the text of -m, cut at the commas */
    uint64_t seed;
    struct made_by made_by;
    struct picture_target target; /* of the picture under way */
};

/* ---- networks ---------------------------------------------------------------------------- */

static limn_status add_network(struct context *context, char *name, limn_error *error)
{
    struct colorize *how = &context->how;
    char path[SYSTEM_PATH_MAX];
    if (how->count == COLORIZE_NETWORKS_MOST)
        return fail(error, LIMN_E_USAGE, "-m %s: more than %d networks", context->options->model,
                    COLORIZE_NETWORKS_MOST);
    limn_status status = app_weights_path(name, path, error);
    if (status == LIMN_OK)
        status = limn_model_load(context->engine, path, &how->models[how->count], error);
    if (status != LIMN_OK)
        return status;
    how->captions[how->count] = bare_name(name);
    made_by_add(&context->made_by, how->captions[how->count], how->models[how->count]);
    how->count++;
    return LIMN_OK;
}

/* The networks of -m: with --compare a list, separated by commas. Elsewhere a comma belongs to a name. */
static limn_status add_networks(struct context *context, limn_error *error)
{
    const char *given = app_weights(context->options, LIMN_TASK_COLORIZE);
    if (!context->options->compare && strchr(given, ',') && !system_exists(given))
        return fail(error, LIMN_E_USAGE, "-m %s: several networks need --compare", given);
    char *rest = context->names = mem_strdup(given);
    if (!rest)
        return fail_memory(error, "-m", strlen(given));
    limn_status status = app_engine(context->options, &context->engine, error);
    for (char *name = rest; status == LIMN_OK && name; name = rest) {
        rest = context->options->compare ? strchr(name, ',') : NULL;
        if (rest)
            *rest++ = 0;
        status = add_network(context, name, error);
    }
    return status;
}

static void free_all(struct context *context, limn_status status)
{
    struct colorize *how = &context->how;
    for (int i = 0; i < how->count; i++) {
        const struct colorizer *colorizer = how->colorizers[i];
        if (colorizer)
            app_model_warn(colorizer->encoder_model ? colorizer->encoder_model : colorizer->model, status);
    }
    colorize_close(how);
    for (int i = 0; i < how->count; i++)
        limn_model_free(how->models[i]);
    limn_engine_free(context->engine);
    hints_free(&how->hints);
    mem_free(context->names);
}

/* ---- pictures ---------------------------------------------------------------------------- */

static limn_status write_picture(void *context, const struct picture *picture, limn_error *error)
{
    const struct context *c = context;
    return picture_write(&c->target, picture, error);
}

static void announce(void *context, const struct forecast *forecast)
{
    enum { USUAL = 256 };
    struct context *c = context;
    double ratio = (double)USUAL / (double)forecast->size.width;
    forecast_say(&c->forecaster, forecast, ratio < 1 ? "--network-size 256" : NULL, ratio * ratio);
}

static limn_status colorize_file(void *context, const struct input *input, const char *output,
                                 limn_error *error)
{
    struct context *c = context;
    struct picture picture;
    limn_status status = output_check(output, c->options->force, error);
    if (status == LIMN_OK)
        status = input_next(c->options, input, &picture, error);
    if (status != LIMN_OK)
        return status;
    bool sheet = c->options->compare || c->options->samples > 1;
    c->target = input_target(c->options, input, output);
    carry_to(&c->target, c->options, &c->made_by, sheet ? NULL : &picture);
    const struct sink sink = {
        .rows = write_picture,
        .context = c,
        .forecast = announce,
        .reserve = picture_writer_bytes(&c->target, picture.width, picture.height, picture.channels)};
    status = colorize_picture(&c->how, &picture, &sink, NULL, error);
    picture_free(&picture);
    return status;
}

/* Options that exclude or need one another, before anything is loaded. */
static limn_status check_options(const struct options *options, limn_error *error)
{
    if (options->compare && options->samples)
        return fail(error, LIMN_E_USAGE, "--compare and --samples exclude each other");
    if (options->encode && (options->compare || options->samples))
        return fail(error, LIMN_E_USAGE, "--encode excludes --compare and --samples");
    if (options->seed && !options->samples)
        return fail(error, LIMN_E_USAGE, "--seed needs --samples");
    return LIMN_OK;
}

limn_status colorize_run(const struct options *options, limn_error *error)
{
    struct context context = {.options = options,
                              .seed = (uint64_t)options->seed,
                              .how = {.samples = (int)options->samples,
                                      .compare = options->compare,
                                      .encode = options->encode,
                                      .network_size = options->network_size,
                                      .spread = (limn_spread)options->spread,
                                      .tint = {options->saturation - 1, options->temperature}}};
    const struct batch_job job = {
        .step = colorize_file, .context = &context, .suffix = "-colorized", .coloured = true};
    struct batch batch;
    limn_status status = check_options(options, error);
    if (status == LIMN_OK)
        status = batch_open(options, &job, &batch, error);
    if (status != LIMN_OK)
        return status;
    made_by_begin(&context.made_by, options);
    if (options->samples)
        context.how.seed = &context.seed;
    if (options->hints)
        status = hints_read(options->hints, &context.how.hints, error);
    if (status == LIMN_OK)
        status = add_networks(&context, error);
    context.forecaster = (struct forecaster){options, context.how.models[0], false};
    if (status == LIMN_OK)
        status = colorize_open(&context.how, error);
    if (status == LIMN_OK)
        status = batch_run(&batch, error);
    batch_close(&batch);
    free_all(&context, status);
    return status;
}
