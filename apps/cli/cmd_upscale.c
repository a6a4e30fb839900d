/* cmd_upscale.c - limn upscale: pictures, four times as large. */
#include "apps/cli/batch.h"
#include "apps/cli/progress.h"
#include "engine/pipelines/upscale.h"

struct context {
    const struct options *options;
    limn_model *model;
    int64_t factor;
    const struct picture *source; /* of the picture under way, and the next two */
    const char *output;
    struct picture_writer *writer;
};

/* Before the work starts, so that an output that cannot be written is known at once. */
static limn_status open_output(void *context, limn_error *error)
{
    struct context *c = context;
    return picture_writer_open(c->output, c->source->width * c->factor, c->source->height * c->factor,
                               c->source->channels, (int)c->options->quality, c->options->force, &c->writer,
                               error);
}

static limn_status take_rows(void *context, const unsigned char *rows, int64_t count, limn_error *error)
{
    struct context *c = context;
    return picture_writer_rows(c->writer, rows, count, error);
}

static bool show_progress(void *context, double done)
{
    const struct context *c = context;
    int64_t all = c->source->height * c->factor, rows = (int64_t)(done * (double)all);
    if (rows)
        progress_part(rows, all, "rows");
    return true;
}

static limn_status upscale_file(void *context, const struct input *input, const char *output,
                                limn_error *error)
{
    struct context *c = context;
    const struct options *options = c->options;
    struct picture source;
    limn_status status = picture_read(input->path, !options->no_orient, &source, error);
    if (status != LIMN_OK)
        return status;
    if (source.warning[0])
        app_note(options, "%s: %s", input->path, source.warning);
    c->source = &source;
    c->output = output;
    c->writer = NULL;
    struct watch watch = watch_of(&(limn_watch){show_progress, context});
    struct upscale how = {.tile = options->tile,
                          .begin = open_output,
                          .beside = picture_writer_bytes(output, source.width * c->factor,
                                                         source.height * c->factor, source.channels),
                          .rows = take_rows,
                          .context = context,
                          .watch = &watch};
    status = upscale_picture(c->model, &source, &how, error);
    if (status == LIMN_OK)
        status = picture_writer_commit(c->writer, error);
    else
        picture_writer_abandon(c->writer);
    picture_free(&source);
    return status;
}

limn_status upscale_run(const struct options *options, limn_error *error)
{
    limn_engine *engine;
    struct context context = {.options = options};
    limn_status status = app_model(options, "enhancenet", &engine, &context.model, error);
    if (status != LIMN_OK)
        return status;
    status = upscale_factor(context.model, &context.factor, error);
    if (status == LIMN_OK)
        status = batch_run(options, &(struct batch_job){.step = upscale_file, .context = &context}, error);
    app_model_end(engine, context.model, status);
    return status;
}
