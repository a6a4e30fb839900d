/* segment.c - see segment.h. */
#include "engine/pipelines/segment.h"
#include "engine/base/maths.h"
#include "engine/base/memory.h"
#include "engine/base/text_cursor.h"
#include "engine/pictures/alpha.h"
#include "engine/pictures/colour.h"
#include "engine/pictures/resample.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/classes.h"
#include "engine/run/session.h"
#include "layers/sizes.h"
#include "weights/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double default_scale = 0.5, most_scale = 100, default_threshold = 0.5;

static bool is_unet(const limn_model *model)
{
    return model->kind == &unet;
}

static size_t larger_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int64_t input_channels(const limn_model *model)
{
    return model->graph.nodes[graph_input_node(&model->graph, 0)].channels;
}

/* LIMN_E_USAGE for an option that is out of range, or that the network does not take. */
static limn_status check_options(const limn_model *model, const limn_segment_options *options,
                                 int64_t classes, limn_error *error)
{
    limn_status status =
        check_range("resize", (double)options->resize, LIMN_RESIZE_FULL, PICTURE_MOST_SIDE, error);
    if (status == LIMN_OK)
        status = check_range("scale", options->scale, 0, most_scale, error);
    if (status == LIMN_OK)
        status = check_range("threshold", options->threshold, 0, 1, error);
    if (status != LIMN_OK)
        return status;
    if (options->resize && is_unet(model))
        return fail(error, LIMN_E_USAGE, "resize is an option of deeplabv3; unet has scale");
    if (options->scale > 0 && !is_unet(model))
        return fail(error, LIMN_E_USAGE, "scale is an option of unet; deeplabv3 has resize");
    if (options->threshold > 0 && classes > 1)
        return fail(error, LIMN_E_USAGE,
                    "threshold is an option of networks with one class; %s has %" PRId64 " classes",
                    model->graph.path, classes);
    return LIMN_OK;
}

/* The shorter side that the weights were made for; 0: the picture's own. */
static limn_status usual_resize(const limn_model *model, int64_t *resize, limn_error *error)
{
    enum { VOC_CLASSES = 21, TORCHVISION = 520 };
    const char *text = limn_model_metadata(model, "limn.resize");
    bool is_voc = model->graph.nodes[model->graph.output].channels == VOC_CLASSES;
    *resize = is_voc ? TORCHVISION : 0;
    if (!text)
        return LIMN_OK;
    struct text_cursor at = text_cursor_at((const unsigned char *)text, strlen(text), model->graph.path);
    if (text_take_whole(&at, resize) && at.at == at.end && *resize <= PICTURE_MOST_SIDE)
        return LIMN_OK;
    return fail(error, LIMN_E_WEIGHTS,
                "%s: metadata limn.resize is \"%.40s\"; expected a number of pixels from 0 to %" PRId64,
                model->graph.path, text, PICTURE_MOST_SIDE);
}

limn_status segment_scale(const limn_model *model, const limn_segment_options *options, double *scale,
                          limn_error *error)
{
    const char *text = limn_model_metadata(model, "limn.scale");
    char *end;
    *scale = options->scale > 0 ? options->scale : default_scale;
    if (!text || options->scale > 0)
        return LIMN_OK;
    *scale = number_parse(text, &end);
    if (*scale > 0 && *scale <= most_scale && !*end)
        return LIMN_OK;
    return fail(error, LIMN_E_WEIGHTS,
                "%s: metadata limn.scale is \"%.40s\"; expected a number above 0, at most %g",
                model->graph.path, text, most_scale);
}

limn_status segment_check(const limn_model *model, const limn_segment_options *options, int *classes,
                          limn_error *error)
{
    const char *path = model->graph.path;
    *classes = 0;
    if (model->kind != &deeplabv3 && !is_unet(model))
        return fail_kind(model, "a segmentation", "deeplabv3, unet", error);
    int64_t count = model->graph.nodes[model->graph.output].channels, inputs = input_channels(model);
    if (count > CLASSES_MOST)
        return fail(error, LIMN_E_WEIGHTS, "%s: %" PRId64 " classes; expected at most %d", path, count,
                    CLASSES_MOST);
    if (inputs == 2 || inputs > 4)
        return fail(error, LIMN_E_WEIGHTS,
                    "%s: the network has %" PRId64 " input channels; expected 1 (grey), 3 (RGB) or 4 (RGBA)",
                    path, inputs);
    limn_status status = check_options(model, options, count, error);
    int64_t resize;
    double scale;
    if (status == LIMN_OK)
        status = is_unet(model) ? segment_scale(model, options, &scale, error)
                                : usual_resize(model, &resize, error);
    if (status == LIMN_OK)
        *classes = count > 1 ? (int)count : 2;
    return status;
}

/* ---- size -------------------------------------------------------------------------------- */

static bool is_too_large(int64_t width, int64_t height)
{
    return width > PICTURE_MOST_SIDE || height > PICTURE_MOST_SIDE || width * height > PICTURE_MOST_PIXELS;
}

/* At most a side that is beyond any limit, and still an int64_t when squared. */
static int64_t scaled(double scale, int64_t side)
{
    return (int64_t)fmin(scale * (double)side, 1e9);
}

static limn_status unet_size(const limn_model *model, const struct picture *source,
                             const limn_segment_options *options, limn_size *size, limn_error *error)
{
    int64_t least = model->graph.side_least;
    double scale;
    limn_status status = segment_scale(model, options, &scale, error);
    if (status != LIMN_OK)
        return status;
    size->width = scaled(scale, source->width);
    size->height = scaled(scale, source->height);
    if (size->width >= least && size->height >= least)
        return LIMN_OK;
    return fail(error, LIMN_E_INPUT,
                "%" PRId64 " x %" PRId64 " pixels become %" PRId64 " x %" PRId64
                " at scale %g; %s needs at least %" PRId64 " x %" PRId64 ", a larger scale",
                source->width, source->height, size->width, size->height, scale, model->kind->name, least,
                least);
}

static limn_status deeplabv3_size(const limn_model *model, const struct picture *source, int64_t resize,
                                  limn_size *size, limn_error *error)
{
    int64_t shorter = smaller(source->width, source->height), usual;
    limn_status status = usual_resize(model, &usual, error);
    int64_t side = resize == LIMN_RESIZE_FULL ? 0 : resize ? resize : usual;
    if (status != LIMN_OK || !side)
        return status;
    int64_t width = side * source->width / shorter, height = side * source->height / shorter;
    if (resize || !is_too_large(width, height))
        *size = (limn_size){1, height, width};
    return LIMN_OK;
}

limn_status segment_size(const limn_model *model, const struct picture *source,
                         const limn_segment_options *options, limn_size *size, limn_error *error)
{
    *size = (limn_size){1, source->height, source->width};
    limn_status status = is_unet(model) ? unet_size(model, source, options, size, error)
                                        : deeplabv3_size(model, source, options->resize, size, error);
    if (status != LIMN_OK || !is_too_large(size->width, size->height))
        return status;
    return fail(
        error, LIMN_E_INPUT,
        "%" PRId64 " x %" PRId64 " pixels become %" PRId64 " x %" PRId64 ", too many; use a smaller %s",
        source->width, source->height, size->width, size->height, is_unet(model) ? "scale" : "resize");
}

/* ---- the network's picture --------------------------------------------------------------- */

/* A copy with 1 (L grey), 3 or 4 channels. */
static limn_status copy_channels(const struct picture *source, int channels, struct picture *copy,
                                 limn_error *error)
{
    limn_status status = picture_create(source->width, source->height, channels, copy, error);
    if (status != LIMN_OK)
        return status;
    const unsigned char *in = source->pixels;
    unsigned char *out = copy->pixels;
    if (channels == 1) {
        grey_row(in, source->channels, source->width * source->height, GREY_PILLOW, out);
        return LIMN_OK;
    }
    for (int64_t p = 0; p < source->width * source->height; p++, in += source->channels, out += channels) {
        memcpy(out, in, 3);
        if (channels == 4)
            out[3] = source->channels == 4 ? in[3] : 255;
    }
    return LIMN_OK;
}

/* Hidden pixels become black, as resizing leaves them. */
static void blacken_hidden(struct picture *picture)
{
    for (int64_t p = 0; p < picture->width * picture->height; p++)
        if (!picture->pixels[4 * p + 3])
            memset(picture->pixels + 4 * p, 0, 3);
}

/* A picture of `channels` channels, without the colours of hidden pixels. *made stays empty if the source is
 * one. */
static limn_status convert(const struct picture *source, int channels, struct picture *made,
                           limn_error *error)
{
    if (channels == 4) {
        limn_status status = copy_channels(source, channels, made, error);
        if (status == LIMN_OK)
            blacken_hidden(made);
        return status;
    }
    limn_status status = alpha_fill(source, made, error);
    struct picture filled = *made;
    const struct picture *seen = filled.pixels ? &filled : source;
    if (status != LIMN_OK || seen->channels == channels)
        return status;
    status = copy_channels(seen, channels, made, error);
    picture_free(&filled);
    return status;
}

/* The most that `convert` holds at a time; *made: what it makes. */
static size_t convert_bytes(const struct picture *source, int channels, size_t *made)
{
    size_t pixels = (size_t)(source->width * source->height), copy = (size_t)channels * pixels;
    size_t filling = channels == 4 ? 0 : alpha_fill_bytes(source);
    *made = filling || source->channels != channels || channels == 4 ? copy : 0;
    return channels == 1 && filling ? larger_of(filling, 3 * pixels + copy) : larger_of(filling, *made);
}

/* Makes the network's input of width x height from `source`. *made stays empty if it is `source` itself. */
static limn_status fit(const struct picture *source, int channels, int64_t width, int64_t height,
                       enum resample_filter filter, struct picture *made, limn_error *error)
{
    struct picture converted;
    limn_status status = convert(source, channels, &converted, error);
    *made = (struct picture){0};
    if (source->width == width && source->height == height) {
        *made = converted;
        return status;
    }
    if (status == LIMN_OK)
        status = picture_resample(converted.pixels ? &converted : source, width, height, filter, made, error);
    picture_free(&converted);
    return status;
}

/* The network's input for each level of each channel. */
static void fill_levels(const limn_model *model, float levels[4][256])
{
    static const float mean[] = {0.485F, 0.456F, 0.406F}, deviation[] = {0.229F, 0.224F, 0.225F};
    for (int c = 0; c < 4; c++)
        for (int level = 0; level < 256; level++)
            levels[c][level] = (float)level / 255.0F;
    for (int c = 0; c < 3 && !is_unet(model); c++)
        for (int level = 0; level < 256; level++)
            levels[c][level] = (levels[c][level] - mean[c]) / deviation[c];
}

limn_status segment_fill(const limn_model *model, const struct picture *source, struct tensor *x,
                         limn_error *error)
{
    float levels[4][256];
    struct picture picture;
    limn_status status = fit(source, (int)input_channels(model), x->w, x->h,
                             is_unet(model) ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR, &picture, error);
    if (status == LIMN_OK) {
        fill_levels(model, levels);
        const unsigned char *in = picture.pixels ? picture.pixels : source->pixels;
        for (int64_t p = 0; p < x->w * x->h; p++)
            for (int64_t c = 0; c < x->c; c++)
                x->data[p * x->stride + c] = levels[c][*in++];
    }
    picture_free(&picture);
    return status;
}

/* ---- the network's output ---------------------------------------------------------------- */

/* out: one value of each of `count` planes of `plane` floats. */
static void softmax(const float *logits, int64_t count, int64_t plane, float *out)
{
    float largest = logits[0];
    double sum = 0;
    for (int64_t c = 1; c < count; c++)
        largest = fmaxf(largest, logits[c]);
    for (int64_t c = 0; c < count; c++)
        sum += maths_exp((double)logits[c] - largest);
    for (int64_t c = 0; c < count; c++)
        out[c * plane] = (float)(maths_exp((double)logits[c] - largest) / sum);
}

static limn_status make_probabilities(const struct logits *logits, struct npy *made, limn_error *error)
{
    int64_t count = logits->made->c, width = logits->width, plane = logits->height * width;
    size_t bytes = float_bytes(plane * count), row_bytes = float_bytes(width * count);
    *made = (struct npy){{1, count, logits->height, width}, mem_alloc(bytes)};
    float *row = mem_alloc(row_bytes);
    for (int64_t y = 0; made->data && row && y < logits->height; y++) {
        logits_row(logits, y, row);
        float *out = made->data + y * width;
        for (int64_t x = 0; x < width; x++) {
            if (count == 1)
                out[x] = (float)(1 / (1 + maths_exp(-(double)row[x])));
            else
                softmax(row + x * count, count, plane, out + x);
        }
    }
    limn_status status =
        made->data && row ? LIMN_OK : fail_memory(error, "the probabilities", bytes + row_bytes);
    mem_free(row);
    return status;
}

/* The enlargement that a network ends with, which the session leaves out (see classes.h), or NULL. */
static const struct node *last_enlargement(const struct graph *graph)
{
    const struct node *last = &graph->nodes[graph_maker(graph, graph->output)];
    return last->role == NODE_LAYER && last->kind == LAYER_BILINEAR ? last : NULL;
}

/* The share of the network in all of the work. Computing one class of one pixel afterwards takes as long as
 * CLASS operations of the network. */
static double network_share(const limn_session *session, const struct picture *source, int64_t classes)
{
    enum { CLASS = 400 };
    double network = plan_flops(&session->graph, &session->plan);
    return network / (network + CLASS * (double)(source->width * source->height * classes));
}

static limn_status run(limn_session *session, const struct segment *how, struct picture *classes,
                       limn_error *error)
{
    const limn_model *model = session->model;
    const struct picture *source = how->source;
    const struct node *enlargement = last_enlargement(&model->graph);
    struct tensor *x = session_input(session, 0);
    struct logits logits = {.made = session_output(session),
                            .height = x->h,
                            .width = x->w,
                            .align_corners = enlargement && enlargement->window.align_corners};
    double threshold = how->options.threshold > 0 ? how->options.threshold : default_threshold;
    double share = network_share(session, source, logits.made->c);
    limn_status status = segment_fill(model, source, x, error);
    watch_part(how->watch, 0, share);
    session_watch(session, how->watch);
    if (status == LIMN_OK)
        status = limn_session_run(session, error);
    if (status == LIMN_OK)
        status = model_check_made(model, logits.made, source->name, error);
    if (status == LIMN_OK && how->probabilities)
        status = make_probabilities(&logits, how->probabilities, error);
    if (status == LIMN_OK)
        status = picture_create(source->width, source->height, 1, classes, error);
    watch_part(how->watch, share, 1);
    if (status == LIMN_OK)
        status = classes_from_logits(model->engine->pool, &logits, threshold, how->watch, classes, error);
    if (status == LIMN_OK)
        status = watch_show(how->watch, 1, error);
    return status;
}

/* ---- memory ------------------------------------------------------------------------------ */

/* The most that is held along with the session: by segment_fill before its run, by `run` after it. */
static size_t bytes_beside(const limn_model *model, const struct picture *source, limn_size size,
                           bool probabilities)
{
    int channels = (int)input_channels(model);
    enum resample_filter filter = is_unet(model) ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR;
    size_t converted, filling = convert_bytes(source, channels, &converted);
    if (size.width != source->width || size.height != source->height) {
        const struct picture seen = {.width = source->width, .height = source->height, .channels = channels};
        filling =
            larger_of(filling, converted + picture_resample_bytes(&seen, size.width, size.height, filter));
    }
    int64_t classes = model->graph.nodes[model->graph.output].channels;
    size_t row = float_bytes(size.width * classes);
    size_t answer = size_sum(classes_bytes(model->engine->pool, size.width, classes, source->width),
                             size_product(source->width, (size_t)source->height));
    if (probabilities)
        answer = size_sum(larger_of(answer, row), size_product(size.height, row));
    return larger_of(filling, answer);
}

/* What is held after the session has been freed. */
static size_t bytes_afterwards(const limn_session *session, const struct segment *how, limn_size size)
{
    const limn_model *model = session->model;
    int64_t classes = how->probabilities ? model->graph.nodes[model->graph.output].channels : 0;
    size_t made = size_sum(size_product(how->source->width, (size_t)how->source->height),
                           float_bytes(classes * size.width * size.height));
    return size_sum(size_sum(session->plan.packed_bytes, made), how->sink.reserve);
}

/* Plans a session that leaves room for all of the work; it is not prepared yet. */
static limn_status plan_work(limn_model *model, const struct segment *how, limn_size size,
                             limn_session **session, limn_error *error)
{
    enum { SMALL = 16384 }; /* blocks' headers */
    const struct node *enlargement = last_enlargement(&model->graph);
    const struct picture *source = how->source;
    char what[64];
    struct session_request request = {.output = enlargement ? enlargement->x : model->graph.output,
                                      .size = size,
                                      .room = {bytes_beside(model, source, size, how->probabilities) + SMALL,
                                               is_unet(model) ? "a smaller scale" : "a smaller resize",
                                               is_unet(model) ? LIMN_REASON_SCALE : LIMN_REASON_RESIZE}};
    limn_status status = session_plan(model, &request, session, error);
    if (status != LIMN_OK)
        return status;
    size_t bytes = bytes_afterwards(*session, how, size) + SMALL;
    if (bytes <= mem_available())
        return LIMN_OK;
    snprintf(what, sizeof what, "the result of %" PRId64 " x %" PRId64 " pixels", source->width,
             source->height);
    return fail_need(error, LIMN_REASON_NONE, what, bytes, "a smaller picture");
}

static void announce(const limn_session *session, const struct segment *how, limn_size size)
{
    const limn_model *model = session->model;
    int64_t classes = model->graph.nodes[model->graph.output].channels;
    size_t beside = bytes_beside(model, how->source, size, how->probabilities);
    sink_forecast(&how->sink, (struct forecast){.size = size,
                                                .flops = plan_flops(&session->graph, &session->plan) /
                                                         network_share(session, how->source, classes),
                                                .bytes = plan_bytes(&session->plan) + beside});
}

limn_status segment_picture(limn_model *model, const struct segment *how, limn_error *error)
{
    const struct picture *source = how->source;
    struct picture classes = {0};
    limn_session *session = NULL;
    limn_size size = {0};
    int count;
    if (how->probabilities)
        *how->probabilities = (struct npy){0};
    limn_status status = segment_check(model, &how->options, &count, error);
    if (status == LIMN_OK)
        status = segment_size(model, source, &how->options, &size, error);
    if (status == LIMN_OK)
        status = plan_work(model, how, size, &session, error);
    if (status == LIMN_OK)
        announce(session, how, size);
    if (status == LIMN_OK)
        status = sink_begin(&how->sink, source->width, source->height, 1, error);
    if (status == LIMN_OK)
        status = watch_show(how->watch, 0, error);
    if (status == LIMN_OK)
        status = session_prepare(session, error);
    if (status == LIMN_OK)
        status = run(session, how, &classes, error);
    limn_session_free(session);
    if (status == LIMN_OK)
        status = how->sink.rows(how->sink.context, &classes, error);
    picture_free(&classes);
    if (status != LIMN_OK && how->probabilities)
        npy_free(how->probabilities);
    return status;
}
