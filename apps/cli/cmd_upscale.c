/* cmd_upscale.c - limn upscale: enlarge pictures two to four times. */
#include "apps/cli/batch.h"
#include "apps/cli/carry.h"
#include "apps/cli/forecast.h"
#include "apps/cli/progress.h"
#include "engine/pipelines/upscale.h"

struct context {
    const struct options *options;
    limn_model *model;
    struct made_by made_by;
    int64_t scale;
    struct forecaster forecaster;
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

static void announce(void *context, const struct forecast *forecast)
{
    struct context *c = context;
    forecast_say(&c->forecaster, forecast, NULL, 1);
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
    limn_status status = input_next(c->options, input, &source, error);
    if (status != LIMN_OK)
        return status;
    c->target = input_target(c->options, input, output);
    carry_to(&c->target, c->options, &c->made_by, &source);
    c->writer = NULL;
    struct watch watch = watch_of(&(limn_watch){show_progress, context});
    size_t reserve =
        picture_writer_bytes(&c->target, source.width * c->scale, source.height * c->scale, source.channels);
    const struct upscale how = {.source = &source,
                                .scale = c->scale,
                                .sink = {open_output, take_rows, context, reserve, announce},
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
    const struct batch_job job = {.step = upscale_file, .context = &context, .suffix = "-upscaled"};
    struct batch batch;
    limn_status status = batch_open(options, &job, &batch, error);
    if (status != LIMN_OK)
        return status;
    const char *weights = app_weights(options, LIMN_TASK_UPSCALE);
    status = app_model(options, weights, &context.model, error);
    if (status == LIMN_OK) {
        made_by_begin(&context.made_by, options);
        made_by_add_model(&context.made_by, weights, context.model);
        context.forecaster = (struct forecaster){options, context.model, false};
    }
    if (status == LIMN_OK)
        status = upscale_scale(context.model, options->enlargement, &context.scale, error);
    if (status == LIMN_OK)
        status = batch_run(&batch, error);
    batch_close(&batch);
    app_model_end(context.model, status);
    return status;
}
