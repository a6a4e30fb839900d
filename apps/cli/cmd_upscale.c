/* cmd_upscale.c - limn upscale: enlarge pictures two to four times. */
#include "apps/cli/batch.h"
#include "apps/cli/progress.h"
#include "engine/pipelines/upscale.h"

struct context {
    const struct options *options;
    limn_model *model;
    int64_t scale;
    struct picture_target target; /* of the picture under way, and the next two */
    struct picture_writer *writer;
    int64_t rows;
};

/* Opens the output before the work starts, so that one that cannot be written is known at once. */
static limn_status open_output(void *context, const struct picture *made, limn_error *error)
{
    struct context *c = context;
    c->rows = made->height;
    return picture_writer_open(&c->target, made->width, made->height, made->channels, &c->writer, error);
}

static limn_status take_rows(void *context, const struct picture *rows, limn_error *error)
{
    const struct context *c = context;
    return picture_writer_rows(c->writer, rows->pixels, rows->height, error);
}

static bool show_progress(void *context, double done)
{
    const struct context *c = context;
    int64_t rows = (int64_t)(done * (double)c->rows);
    if (rows)
        progress_part(rows, c->rows, "rows");
    return true;
}

static limn_status upscale_file(void *context, const struct input *input, const char *output,
                                limn_error *error)
{
    struct context *c = context;
    struct picture source;
    limn_status status = input_read(c->options, input->path, &source, error);
    if (status != LIMN_OK)
        return status;
    c->target = app_target(c->options, output);
    c->writer = NULL;
    struct watch watch = watch_of(&(limn_watch){show_progress, context});
    size_t reserve =
        picture_writer_bytes(&c->target, source.width * c->scale, source.height * c->scale, source.channels);
    const struct upscale how = {.source = &source,
                                .scale = c->scale,
                                .sink = {open_output, take_rows, context, reserve},
                                .tile = c->options->tile,
                                .watch = &watch};
    status = upscale_picture(c->model, &how, error);
    if (status == LIMN_OK)
        status = picture_writer_commit(c->writer, error);
    else
        picture_writer_abandon(c->writer);
    picture_free(&source);
    return status;
}

limn_status upscale_run(const struct options *options, limn_error *error)
{
    struct context context = {.options = options};
    limn_status status = app_model(options, "enhancenet", &context.model, error);
    if (status != LIMN_OK)
        return status;
    status = upscale_scale(context.model, options->enlargement, &context.scale, error);
    if (status == LIMN_OK)
        status = batch_run(options, &(struct batch_job){.step = upscale_file, .context = &context}, error);
    app_model_end(context.model, status);
    return status;
}
