/* cmd_colorize.c - limn colorize: grey pictures, or any, in the colours that a network thinks of. */
#include "apps/cli/batch.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pipelines/colorize_sheet.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { NETWORKS_MOST = 8 };

struct context {
    const struct options *options;
    limn_engine *engine;
    limn_model *models[NETWORKS_MOST];
    struct colorize_entry entries[NETWORKS_MOST];
    char *names; /* the text of -m, cut at the commas */
    int count;
    struct hints hints;
};

/* ---- networks ---------------------------------------------------------------------------- */

/* "dir/name.safetensors" => "name", in place. */
static char *bare_name(char *path)
{
    char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    if (dot && dot > name)
        *dot = 0;
    return name;
}

static limn_status add_network(struct context *context, char *name, limn_error *error)
{
    char path[PATH_MAX];
    if (context->count == NETWORKS_MOST)
        return fail(error, LIMN_E_USAGE, "-m %s: more than %d networks", context->options->model,
                    NETWORKS_MOST);
    int i = context->count++;
    limn_status status = app_weights_path(name, path, sizeof path, error);
    if (status == LIMN_OK)
        status = limn_model_load(context->engine, path, &context->models[i], error);
    if (status == LIMN_OK)
        status = colorizer_create(context->models[i], &context->entries[i].colorizer, error);
    context->entries[i].caption = bare_name(name);
    return status;
}

/* The networks of -m: with --compare a list, separated by commas. Elsewhere a comma belongs to a name. */
static limn_status add_networks(struct context *context, limn_error *error)
{
    const char *given = context->options->model;
    if (!given)
        return fail(error, LIMN_E_USAGE,
                    "which network? -m NAME or -m FILE is needed: an eccv16, a siggraph17 or a vae");
    if (!context->options->compare && strchr(given, ',') && access(given, F_OK) != 0)
        return fail(error, LIMN_E_USAGE, "-m %s: several networks go with --compare", given);
    char *rest = context->names = mem_strdup(given);
    if (!rest)
        return fail_memory(error, "-m", strlen(given));
    limn_status status = app_engine(context->options, &context->engine, error);
    for (char *name = rest; status == LIMN_OK && name; name = rest) {
        if (context->options->compare)
            name = strsep(&rest, ",");
        else
            rest = NULL;
        status = add_network(context, name, error);
    }
    return status;
}

static void free_all(struct context *context, limn_status status)
{
    for (int i = 0; i < context->count; i++) {
        struct colorizer *colorizer = context->entries[i].colorizer;
        if (colorizer)
            app_model_warn(colorizer->encoder_model ? colorizer->encoder_model : colorizer->model, status);
        colorizer_free(colorizer);
        limn_model_free(context->models[i]);
    }
    limn_engine_free(context->engine);
    hints_free(&context->hints);
    mem_free(context->names);
}

/* ---- options ----------------------------------------------------------------------------- */

/* What can be said before anything is loaded. */
static limn_status check_options(const struct options *options, limn_error *error)
{
    if (options->compare && options->samples)
        return fail(error, LIMN_E_USAGE, "--compare and --samples do not go together");
    if (options->encode && (options->compare || options->samples))
        return fail(error, LIMN_E_USAGE, "--encode does not go with --compare or --samples");
    if (options->seed && !options->samples)
        return fail(error, LIMN_E_USAGE, "--seed goes with --samples");
    return LIMN_OK;
}

/* Whether the networks take what the options offer; one of them is enough. */
static limn_status check_networks(const struct context *context, limn_error *error)
{
    const struct options *options = context->options;
    bool takes_hints = false;
    for (int i = 0; i < context->count; i++)
        takes_hints = takes_hints || context->entries[i].colorizer->takes_hints;
    if (options->hints && !takes_hints)
        return fail(error, LIMN_E_USAGE, "--hints goes with siggraph17, %s takes none", options->model);
    if (options->samples && !context->entries[0].colorizer->latent)
        return fail(error, LIMN_E_USAGE, "--samples goes with vae, %s always makes the same picture",
                    options->model);
    if (options->encode && !context->entries[0].colorizer->latent)
        return fail(error, LIMN_E_USAGE, "--encode goes with vae, %s has no latent vector", options->model);
    return LIMN_OK;
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* Colours `source` in place, or makes a sheet of it and replaces it by that. */
static limn_status colorize(const struct context *context, struct picture *source, limn_error *error)
{
    const struct options *options = context->options;
    struct colorize_tint tint = {(float)options->saturation, (float)options->temperature};
    uint64_t seed = (uint64_t)options->seed;
    struct colorize_wish wish = {&context->hints, options->samples ? &seed : NULL, NULL};
    struct colorizer *first = context->entries[0].colorizer;
    struct picture sheet;
    limn_status status;
    if (!options->compare && options->samples <= 1) {
        status = colorizer_run(first, source, &wish, error);
        return status == LIMN_OK ? colorizer_paint(first, tint, NULL, source, error) : status;
    }
    status = options->compare
                 ? colorize_compare(context->entries, context->count, source, &wish, tint, &sheet, error)
                 : colorize_samples(first, (int)options->samples, seed, source, tint, &sheet, error);
    picture_free(source);
    *source = sheet;
    return status;
}

/* What is too large is refused before any network runs. */
static limn_status check_memory(const struct context *context, const struct picture *source,
                                const char *output, limn_error *error)
{
    const struct options *options = context->options;
    size_t bytes = 0;
    for (int i = 0; i < context->count; i++) {
        size_t run = colorizer_run_bytes(context->entries[i].colorizer, source);
        bytes = run > bytes ? run : bytes;
    }
    if (options->compare || options->samples > 1) {
        int count = options->compare ? context->count + 2 : (int)options->samples;
        bytes =
            colorize_sheet_bytes(source, count, options->compare ? count : colorize_columns(count), bytes);
    } else {
        size_t writing = picture_writer_bytes(output, source->width, source->height, source->channels);
        bytes = writing > bytes ? writing : bytes;
    }
    return colorize_check_memory(source, bytes, error);
}

static limn_status colorize_file(void *context, const struct input *input, const char *output,
                                 limn_error *error)
{
    const struct context *c = context;
    const struct options *options = c->options;
    struct picture picture;
    limn_status status = output_check(output, options->force, error);
    if (status != LIMN_OK)
        return status;
    status = picture_read(input->path, !options->no_orient, &picture, error);
    if (status != LIMN_OK)
        return status;
    if (picture.warning[0])
        app_note(options, "%s: %s", input->path, picture.warning);
    status = check_memory(c, &picture, output, error);
    if (status == LIMN_OK)
        status = colorize(c, &picture, error);
    if (status == LIMN_OK)
        status = picture_write(output, &picture, (int)options->quality, options->force, error);
    picture_free(&picture);
    return status;
}

limn_status colorize_run(const struct options *options, limn_error *error)
{
    struct context context = {.options = options};
    limn_status status = check_options(options, error);
    if (status == LIMN_OK && options->hints)
        status = hints_read(options->hints, &context.hints, error);
    if (status == LIMN_OK)
        status = add_networks(&context, error);
    if (status == LIMN_OK)
        status = check_networks(&context, error);
    if (status == LIMN_OK && options->encode)
        status = colorizer_add_encoder(context.entries[0].colorizer, error);
    if (status == LIMN_OK)
        status = batch_run(options, &(struct batch_job){.step = colorize_file, .context = &context}, error);
    free_all(&context, status);
    return status;
}
