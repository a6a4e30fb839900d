/* cmd_segment.c - limn segment: segment pictures into classes. */
#include "apps/cli/batch.h"
#include "apps/cli/carry.h"
#include "apps/cli/forecast.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/base/quote.h"
#include "engine/base/system.h"
#include "engine/pictures/mask.h"
#include "engine/pipelines/labels.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/segment_view.h"
#include "engine/pixels/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What was found in one picture. */
struct found {
    int64_t width, height;
    int64_t pixels[CLASSES_MOST]; /* of each class */
    char truth[SYSTEM_PATH_MAX];  /* "": none, and no counts */
    struct mask_counts counts;
};

struct context {
    const struct options *options;
    limn_model *model;
    limn_segment_options how;
    struct forecaster forecaster;
    enum segment_view view;
    struct made_by made_by;
    struct labels labels;
    struct mask_values values;
    struct found last;
    size_t compared; /* pictures with a truth, so far */
    struct mask_counts pooled;
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
    if (options->binary && !options->truth)
        return fail(error, LIMN_E_USAGE, "--binary requires --truth");
    if (options->skip_existing && (options->truth || options->probabilities))
        return fail(error, LIMN_E_USAGE, "--skip-existing excludes --%s, which needs every picture's result",
                    options->truth ? "truth" : "probabilities");
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
static limn_status check_format(enum segment_view view, const struct picture_target *target,
                                limn_error *error)
{
    enum picture_format format = picture_format_of(target);
    if (view == VIEW_CUTOUT && format != PICTURE_AS_PNG)
        return fail(error, LIMN_E_USAGE, "%s: a cutout has alpha, which needs PNG", target->path);
    if (view == VIEW_MASK && format == PICTURE_AS_JPEG)
        return fail(error, LIMN_E_USAGE, "%s: JPEG would change the values of a mask; use PNG", target->path);
    return LIMN_OK;
}

/* ---- the report, as JSON or text --------------------------------------------------------- */

/* A truth may hold classes that the network does not know. */
static const char *name_of(const struct context *c, int label)
{
    return label < c->labels.count ? c->labels.names[label] : NULL;
}

static bool is_compared(const struct mask_counts *counts, int label)
{
    return counts && (counts->predicted[label] || counts->truth[label]);
}

static void json_class(const struct context *c, int label)
{
    const char *name = name_of(c, label);
    printf("{\"class\": %d", label);
    if (name)
        print_json_string(", \"name\": ", name);
    else
        printf(", \"name\": null");
}

static void json_means(const struct mask_counts *counts)
{
    struct mask_figures figures = mask_figures(counts);
    print_json_number(", ", "iou", figures.iou);
    print_json_number(", ", "dice", figures.dice);
    print_json_number(", ", "accuracy", figures.accuracy);
}

/* pixels: of each class in the picture; NULL for all pictures together. counts: NULL without a truth. */
static void json_classes(const struct context *c, const int64_t *pixels, int64_t all,
                         const struct mask_counts *counts)
{
    const char *between = "";
    printf("\"classes\": [");
    for (int label = 0; label < CLASSES_MOST; label++) {
        bool compared = is_compared(counts, label);
        if (!compared && !(pixels && pixels[label]))
            continue;
        printf("%s", between);
        json_class(c, label);
        if (pixels)
            printf(", \"pixels\": %" PRId64 ", \"share\": %.10g", pixels[label],
                   (double)pixels[label] / (double)all);
        if (compared) {
            print_json_number(", ", "iou", mask_iou(counts, label));
            print_json_number(", ", "dice", mask_dice(counts, label));
        }
        printf("}");
        between = ", ";
    }
    printf("]");
}

/* The JSON members of the last picture. */
static void picture_members(void *context)
{
    const struct context *c = context;
    const struct found *found = &c->last;
    const struct mask_counts *counts = found->truth[0] ? &found->counts : NULL;
    printf(", \"width\": %" PRId64 ", \"height\": %" PRId64 ", ", found->width, found->height);
    json_classes(c, found->pixels, found->width * found->height, counts);
    if (counts) {
        print_json_string(", \"truth\": ", found->truth);
        json_means(counts);
    }
}

/* The JSON members of all pictures together. */
static void whole_members(void *context)
{
    const struct context *c = context;
    if (!c->compared)
        return;
    printf(",\n \"pooled\": {");
    json_classes(c, NULL, 0, &c->pooled);
    json_means(&c->pooled);
    printf("}");
}

static void text_figure(double figure)
{
    if (isnan(figure))
        printf("%10s", "-");
    else
        printf("%10.4f", figure);
}

static void text_counts(const struct context *c, const char *title, const struct mask_counts *counts)
{
    struct mask_figures figures = mask_figures(counts);
    quote_print(DOCUMENT_PLAIN, title);
    printf("\n%10s%10s  %s\n", "IoU", "Dice", "class");
    for (int label = 0; label < CLASSES_MOST; label++) {
        if (!is_compared(counts, label))
            continue;
        text_figure(mask_iou(counts, label));
        text_figure(mask_dice(counts, label));
        const char *name = name_of(c, label);
        printf("  %d ", label);
        quote_print(DOCUMENT_PLAIN, name ? name : "");
        putchar('\n');
    }
    text_figure(figures.iou);
    text_figure(figures.dice);
    printf("  mean\n");
    text_figure(figures.accuracy);
    printf("%10s  pixel accuracy\n", "");
}

/* ---- one picture ------------------------------------------------------------------------- */

/* The mask that belongs to a picture: --truth, or FOLDER/NAME.png in it. */
static limn_status truth_path(const char *truth, const struct input *input, char path[SYSTEM_PATH_MAX],
                              limn_error *error)
{
    const char *name = input->name, *dot = strrchr(system_path_name(name), '.');
    int stem = (int)(dot ? dot - name : (ptrdiff_t)strlen(name));
    int length = path_is_folder(truth) ? snprintf(path, SYSTEM_PATH_MAX, "%s/%.*s.png", truth, stem, name)
                                       : snprintf(path, SYSTEM_PATH_MAX, "%s", truth);
    return length < SYSTEM_PATH_MAX ? LIMN_OK : fail(error, LIMN_E_USAGE, "%s: the path is too long", truth);
}

/* One picture, its files, and what becomes of it. */
struct work {
    struct context *context;
    const struct input *input;
    struct picture_target target;
    char truth[SYSTEM_PATH_MAX]; /* "" for none */
    struct picture source, mask;
    struct npy probabilities;
};

/* Fails for the second picture of standard input where an option applies to a single one. */
static limn_status check_single(const struct options *options, const struct input *input, limn_error *error)
{
    const char *option = options->probabilities                              ? "--probabilities"
                         : options->truth && !path_is_folder(options->truth) ? "--truth FILE"
                                                                             : NULL;
    return option && input->frame > 1
               ? fail(error, LIMN_E_INPUT,
                      "standard input: holds more than one picture, but %s needs a single one", option)
               : LIMN_OK;
}

static limn_status read_inputs(struct work *work, limn_error *error)
{
    const struct options *options = work->context->options;
    limn_status status = output_check(work->target.path, options->force, error);
    if (status == LIMN_OK && options->truth)
        status = truth_path(options->truth, work->input, work->truth, error);
    if (status == LIMN_OK && options->truth)
        status = mask_read(work->truth, !options->no_orient, options->binary, &work->mask, error);
    return status == LIMN_OK ? input_next(options, work->input, &work->source, error) : status;
}

/* Adds what was found in a picture to the report. Text about its truth is printed at once. */
static void report_add(struct work *work, const struct picture *classes, const struct mask_counts *counts)
{
    struct context *c = work->context;
    struct found *found = &c->last;
    found->width = classes->width;
    found->height = classes->height;
    found->counts = *counts;
    classes_count(classes, found->pixels);
    snprintf(found->truth, sizeof found->truth, "%s", work->truth);
    if (!work->truth[0])
        return;
    mask_counts_add(&c->pooled, counts);
    c->compared++;
    if (!c->options->json)
        text_counts(c, work->input->path, counts);
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
        status = picture_write(&work->target, &painted, error);
    if (status == LIMN_OK)
        report_add(work, classes, &counts);
    picture_free(&painted);
    return status;
}

/* Names an option that takes less. */
static void announce(void *context, const struct forecast *forecast)
{
    enum { USUAL = 520 }; /* deeplabv3's resize for published weights */
    struct context *c = ((struct work *)context)->context;
    double shorter =
        (double)(forecast->size.height < forecast->size.width ? forecast->size.height : forecast->size.width);
    char option[32];
    if (strcmp(limn_model_name(c->model), "unet") == 0) {
        double scale;
        segment_scale(c->model, &c->how, &scale, NULL); /* checked before */
        snprintf(option, sizeof option, "--scale %.2g", scale / 2);
        forecast_say(&c->forecaster, forecast, option, 0.25);
    } else {
        snprintf(option, sizeof option, "--resize %d", USUAL);
        forecast_say(&c->forecaster, forecast, shorter > USUAL ? option : NULL,
                     USUAL * USUAL / (shorter * shorter));
    }
}

static limn_status segment_file(void *context, const struct input *input, const char *output,
                                limn_error *error)
{
    struct context *c = context;
    struct work work = {.context = c, .input = input, .target = input_target(c->options, input, output)};
    limn_status status = check_format(c->view, &work.target, error);
    if (status == LIMN_OK)
        status = check_single(c->options, input, error);
    if (status == LIMN_OK)
        status = read_inputs(&work, error);
    if (status == LIMN_OK) {
        /* The other views are pictures of their own. */
        bool shows_source = c->view == VIEW_OVERLAY || c->view == VIEW_CUTOUT;
        carry_to(&work.target, c->options, &c->made_by, shows_source ? &work.source : NULL);
        size_t reserve = segment_paint_bytes(c->view, &work.source, &c->labels, &c->values, &work.target);
        const struct segment how = {.options = c->how,
                                    .source = &work.source,
                                    .sink = {NULL, take_classes, &work, reserve, announce},
                                    .probabilities = c->options->probabilities ? &work.probabilities : NULL};
        status = segment_picture(c->model, &how, error);
    }
    picture_free(&work.source);
    picture_free(&work.mask);
    npy_free(&work.probabilities);
    return status;
}

/* ---- the command ------------------------------------------------------------------------- */

static limn_status run_model(struct context *c, struct batch *batch, limn_error *error)
{
    int classes;
    limn_status status = segment_check(c->model, &c->how, &classes, error);
    if (status == LIMN_OK && c->options->binary && classes != 2)
        status = fail(error, LIMN_E_USAGE, "--binary: %s has %d classes, a network of two expected",
                      limn_model_name(c->model), classes);
    if (status == LIMN_OK)
        status = labels_read(c->model, classes, &c->labels, error);
    if (status == LIMN_OK && c->view == VIEW_MASK)
        status = mask_values_read(c->model, classes, &c->values, error);
    if (status == LIMN_OK)
        status = batch_run(batch, error);
    if (!c->options->json && c->compared > 1)
        text_counts(c, "all pixels together", &c->pooled);
    labels_free(&c->labels);
    return status;
}

limn_status segment_run(const struct options *options, limn_error *error)
{
    int64_t resize = options->resize < 0 ? 0 : options->resize ? options->resize : LIMN_RESIZE_FULL;
    struct context c = {.options = options, .how = {resize, options->scale, options->threshold}};
    const struct picture_target any = {.path = "--format", .format = (enum picture_format)options->format};
    struct batch batch;
    limn_status status = find_view(options->view, &c.view, error);
    const struct batch_job job = {.step = segment_file,
                                  .picture_members = picture_members,
                                  .whole_members = whole_members,
                                  .context = &c,
                                  .suffix = "-segmented",
                                  .png = true,
                                  .alpha = c.view == VIEW_CUTOUT};
    if (status == LIMN_OK && options->format)
        status = check_format(c.view, &any, error);
    if (status == LIMN_OK)
        status = check_outputs(options, error);
    if (status == LIMN_OK)
        status = batch_open(options, &job, &batch, error);
    if (status != LIMN_OK)
        return status;
    const char *weights = app_weights(options, LIMN_TASK_SEGMENT);
    status = app_model(options, weights, &c.model, error);
    if (status == LIMN_OK) {
        made_by_begin(&c.made_by, options);
        made_by_add_model(&c.made_by, weights, c.model);
        c.forecaster = (struct forecaster){options, c.model, false};
        status = run_model(&c, &batch, error);
    }
    batch_close(&batch);
    app_model_end(c.model, status);
    return status;
}
