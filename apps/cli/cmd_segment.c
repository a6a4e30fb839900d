/* cmd_segment.c - limn segment: segment pictures into classes. */
#include "apps/cli/batch.h"
#include "apps/cli/segment_report.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/pictures/mask.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/segment_view.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

struct context {
    const struct options *options;
    limn_model *model;
    limn_segment_options how;
    enum segment_view view;
    struct labels labels;
    struct mask_values values;
    struct segment_report report;
};

/* ---- the command line -------------------------------------------------------------------- */

static limn_status find_view(const char *name, enum segment_view *view, limn_error *error)
{
    const char *names[VIEWS + 1] = {NULL};
    int chosen = VIEW_COLOUR;
    for (int i = 0; i < VIEWS; i++)
        names[i] = segment_view_names[i];
    limn_status status = name ? word_choose("--view", name, names, &chosen, error) : LIMN_OK;
    *view = (enum segment_view)chosen;
    return status;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

/* Checks that one output at most is standard output, and that outputs of a single picture have one input. */
static limn_status check_outputs(const struct options *options, limn_error *error)
{
    const char *input;
    int on_stdout = options->json + (options->output && strcmp(options->output, "-") == 0) +
                    (options->probabilities && strcmp(options->probabilities, "-") == 0);
    if (on_stdout + (options->truth && !options->json) > 1)
        return fail(error, LIMN_E_USAGE, "only one output can be standard output");
    bool single = app_input(options, &input, error) == LIMN_OK && !path_is_folder(input);
    bool any = options->input || options->argument_count; /* batch_run says so when there is none */
    bool several = any && !single, truths = true;
    if (several && options->probabilities)
        return fail(error, LIMN_E_USAGE, "--probabilities: needs a single picture");
    limn_status status = LIMN_OK;
    if (several && options->truth)
        status = folder_find(options->truth, LIMN_E_INPUT, &truths, error);
    if (status == LIMN_OK && !truths)
        status =
            fail(error, LIMN_E_USAGE, "--truth %s: several pictures need a folder of masks", options->truth);
    if (status == LIMN_OK && options->probabilities)
        status = output_check(options->probabilities, options->force, error);
    return status;
}

/* Refuses formats that spoil a view: JPEG changes values, and only PNG keeps alpha. */
static limn_status check_format(enum segment_view view, const char *output, limn_error *error)
{
    bool is_png = strcmp(output, "-") == 0 || ends_with(output, ".png");
    if (view == VIEW_CUTOUT && !is_png)
        return fail(error, LIMN_E_USAGE, "%s: a cutout has alpha, which needs PNG", output);
    if (view == VIEW_MASK && (ends_with(output, ".jpg") || ends_with(output, ".jpeg")))
        return fail(error, LIMN_E_USAGE, "%s: JPEG would change the values of a mask; use PNG", output);
    return LIMN_OK;
}

/* ---- one picture ------------------------------------------------------------------------- */

/* The mask that belongs to a picture: --truth, or FOLDER/NAME.png in it. */
static limn_status truth_path(const char *truth, const struct input *input, char path[PATH_MAX],
                              limn_error *error)
{
    const char *name = input->name, *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    int stem = (int)(dot ? dot - name : (ptrdiff_t)strlen(name));
    int length = path_is_folder(truth) ? snprintf(path, PATH_MAX, "%s/%.*s.png", truth, stem, name)
                                       : snprintf(path, PATH_MAX, "%s", truth);
    return length < PATH_MAX ? LIMN_OK : fail(error, LIMN_E_USAGE, "%s: the path is too long", truth);
}

/* One picture, its files, and what becomes of it. */
struct work {
    struct context *context;
    const struct input *input;
    const char *output;
    char truth[PATH_MAX]; /* "" for none */
    struct picture source, mask;
    struct npy probabilities;
};

static limn_status read_inputs(struct work *work, limn_error *error)
{
    const struct options *options = work->context->options;
    limn_status status = output_check(work->output, options->force, error);
    if (status == LIMN_OK && options->truth)
        status = truth_path(options->truth, work->input, work->truth, error);
    if (status == LIMN_OK && options->truth)
        status = mask_read(work->truth, !options->no_orient, &work->mask, error);
    return status == LIMN_OK ? input_read(options, work->input->path, &work->source, error) : status;
}

/* The pipeline's sink: compares the classes with the truth, and writes the view and the probabilities. */
static limn_status take_classes(void *context, const struct picture *classes, limn_error *error)
{
    struct work *work = context;
    struct context *c = work->context;
    const struct options *options = c->options;
    const char *const names[2] = {work->input->path, work->truth};
    const struct picture masks[2] = {*classes, work->mask};
    struct mask_counts counts = {0};
    struct picture painted = {0};
    limn_status status = work->truth[0] ? mask_compare(masks, names, &counts, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = segment_paint(c->view, &work->source, classes, &c->labels, &c->values, &painted, error);
    if (status == LIMN_OK && options->probabilities)
        status = npy_write(options->probabilities, work->probabilities.shape, work->probabilities.data,
                           options->force, error);
    if (status == LIMN_OK)
        status = picture_write(work->output, &painted, (int)options->quality, options->force, error);
    if (status == LIMN_OK)
        segment_report_add(&c->report, work->input->path, classes, work->truth, &counts);
    picture_free(&painted);
    return status;
}

static limn_status segment_file(void *context, const struct input *input, const char *output,
                                limn_error *error)
{
    struct context *c = context;
    struct work work = {.context = c, .input = input, .output = output};
    limn_status status = check_format(c->view, output, error);
    if (status == LIMN_OK)
        status = read_inputs(&work, error);
    if (status == LIMN_OK) {
        size_t reserve = segment_paint_bytes(c->view, &work.source, &c->labels, &c->values, output);
        const struct segment how = {.options = c->how,
                                    .source = &work.source,
                                    .sink = {NULL, take_classes, &work, reserve},
                                    .probabilities = c->options->probabilities ? &work.probabilities : NULL};
        status = segment_picture(c->model, &how, error);
    }
    picture_free(&work.source);
    picture_free(&work.mask);
    npy_free(&work.probabilities);
    return status;
}

static void picture_members(void *context)
{
    const struct context *c = context;
    segment_report_picture(&c->report);
}

static void whole_members(void *context)
{
    const struct context *c = context;
    segment_report_whole(&c->report);
}

/* ---- the command ------------------------------------------------------------------------- */

static limn_status run_model(struct context *c, limn_error *error)
{
    int classes;
    struct batch_job job = {segment_file, picture_members, whole_members, c, .png = true};
    limn_status status = segment_check(c->model, &c->how, &classes, error);
    if (status == LIMN_OK)
        status = labels_read(c->model, classes, &c->labels, error);
    if (status == LIMN_OK && c->view == VIEW_MASK)
        status = mask_values_read(c->model, classes, &c->values, error);
    if (status == LIMN_OK)
        status = batch_run(c->options, &job, error);
    segment_report_end(&c->report);
    labels_free(&c->labels);
    return status;
}

limn_status segment_run(const struct options *options, limn_error *error)
{
    limn_engine *engine;
    struct context c = {.options = options,
                        .how = {options->resize, options->scale, options->threshold},
                        .report = {.json = options->json}};
    c.report.labels = &c.labels;
    limn_status status = find_view(options->view, &c.view, error);
    if (status == LIMN_OK)
        status = check_outputs(options, error);
    if (status != LIMN_OK)
        return status;
    status = app_model(options, "deeplabv3", &engine, &c.model, error);
    if (status != LIMN_OK)
        return status;
    status = run_model(&c, error);
    app_model_end(engine, c.model, status);
    return status;
}
