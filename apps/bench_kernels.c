/* bench_kernels.c - limn bench kernels: every variant of the convolutions side by side, on shapes that the
 * seven networks have: time, and error against the reference.
 *
 * The variants of a shape run in turn, round after round, so that whatever else the machine does meets all of
 * them; the minimum counts. The error is the largest difference from the reference, which adds in double
 * precision, on rows of the output spread over the picture, as a part of the largest value there. */
#include "bench.h"
#include "memory.h"
#include "model.h"
#include "native.h"
#include "step.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { VARIANTS_MOST = 12, ROWS_COMPARED = 6 };

struct shape {
    const char *where;
    enum layer_kind kind;
    struct layer_dims d; /* without the output's size */
};

#define CONV(n, side, ic, oc, k, stride, pad, dilation)                                                      \
    LAYER_CONV2D,                                                                                            \
    {                                                                                                        \
        n, side, side, ic, 0, 0, oc, k, k, stride, stride, pad, pad, dilation, dilation, false               \
    }
#define TRANSPOSE(n, side, ic, oc, k, stride, pad)                                                           \
    LAYER_CONV2D_TRANSPOSE,                                                                                  \
    {                                                                                                        \
        n, side, side, ic, 0, 0, oc, k, k, stride, stride, pad, pad, 1, 1, false                             \
    }

static const struct shape shapes[] = {
    {"unet inc.0", CONV(1, 512, 3, 64, 3, 1, 1, 1)},
    {"enhancenet Conv_1", CONV(1, 128, 64, 64, 3, 1, 1, 1)},
    {"siggraph17 model2.2", CONV(1, 128, 128, 128, 3, 1, 1, 1)},
    {"siggraph17 model3.2", CONV(1, 64, 256, 256, 3, 1, 1, 1)},
    {"eccv16 model3.4", CONV(1, 64, 256, 256, 3, 2, 1, 1)},
    {"eccv16 model4.2", CONV(1, 32, 512, 512, 3, 1, 1, 1)},
    {"eccv16 model5.2", CONV(1, 32, 512, 512, 3, 1, 2, 2)},
    {"deeplabv3 layer3 conv1", CONV(1, 65, 1024, 256, 1, 1, 0, 1)},
    {"deeplabv3 layer3 conv2", CONV(1, 65, 256, 256, 3, 1, 2, 2)},
    {"deeplabv3 ASPP 12", CONV(1, 65, 2048, 256, 3, 1, 12, 12)},
    {"deeplabv3 ASPP 36", CONV(1, 65, 2048, 256, 3, 1, 36, 36)},
    {"vae dec_conv3", CONV(1, 16, 512, 128, 5, 1, 2, 1)},
    {"enhancenet Conv_24", CONV(1, 512, 64, 3, 3, 1, 1, 1)},
    {"enhancenet Conv_21", TRANSPOSE(1, 128, 64, 64, 4, 2, 1)},
    {"eccv16 model8.0", TRANSPOSE(1, 32, 512, 256, 4, 2, 1)},
    {"unet up2.up", TRANSPOSE(1, 64, 512, 256, 2, 2, 0)},
    {"dcgan main.6, batch 64", TRANSPOSE(64, 8, 256, 128, 4, 2, 1)},
    {"dcgan main.12, batch 64", TRANSPOSE(64, 32, 64, 3, 4, 2, 1)},
};

static struct layer_dims dims_of(const struct shape *shape)
{
    struct layer_dims d = shape->d;
    if (shape->kind == LAYER_CONV2D) {
        d.oh = (d.ih + 2 * d.pad_h - d.dilation_h * (d.kh - 1) - 1) / d.stride_h + 1;
        d.ow = (d.iw + 2 * d.pad_w - d.dilation_w * (d.kw - 1) - 1) / d.stride_w + 1;
    } else {
        d.oh = (d.ih - 1) * d.stride_h - 2 * d.pad_h + d.kh;
        d.ow = (d.iw - 1) * d.stride_w - 2 * d.pad_w + d.kw;
    }
    return d;
}

/* One variant with all it needs to run. */
struct contestant {
    struct step step;
    double best;  /* seconds */
    double error; /* see above */
};

struct contest {
    struct layer_dims d;
    float *x, *w, *y;
    struct contestant contestants[VARIANTS_MOST];
    int count;
};

/* -1 .. 1, from Knuth's 64-bit congruential generator. */
static void fill(float *values, size_t count, uint64_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = (float)((double)(state >> 40) / (1 << 23) - 1);
    }
}

static void pack_all(const struct contest *contest, enum layer_kind kind, struct contestant *c, void *packed)
{
    const struct layer_dims *d = &contest->d;
    const struct layer_variant *variant = c->step.variant;
    bool transposed = kind == LAYER_CONV2D_TRANSPOSE;
    int64_t taps = d->kh * d->kw;
    struct layer_weights w = {.stride_h = d->kw, .stride_w = 1};
    w.stride_o = transposed ? taps : d->ic * taps;
    w.stride_i = transposed ? d->oc * taps : taps;
    for (int64_t task = 0; task < c->step.needs.pack_tasks; task++) {
        struct layer_span span = {AXIS_OUTPUT, 0, d->oc};
        if (variant->pack_span)
            span = variant->pack_span(d, task);
        w.data = contest->w + span.first * (span.axis == AXIS_OUTPUT ? w.stride_o : w.stride_i);
        variant->pack_task(d, &w, packed, task);
    }
    c->step.args.packed = packed;
}

static limn_status enter(struct contest *contest, enum layer_kind kind, const struct layer_variant *variant,
                         int threads, limn_error *error)
{
    const struct layer_dims *d = &contest->d;
    struct contestant *c = &contest->contestants[contest->count++];
    *c = (struct contestant){.best = INFINITY};
    c->step.variant = variant;
    c->step.needs = variant->needs(d);
    c->step.args =
        (struct layer_args){.d = *d, .x = contest->x, .x_stride = d->ic, .y = contest->y, .y_stride = d->oc};
    void *packed = mem_alloc(c->step.needs.packed_bytes);
    c->step.args.packed = packed;
    c->step.args.shared = mem_alloc(c->step.needs.shared_bytes);
    c->step.workspace = mem_alloc(workspace_stride(c->step.needs.workspace_bytes) * (size_t)threads);
    if (!packed || !c->step.args.shared || !c->step.workspace)
        return fail_memory(error, variant->name, c->step.needs.packed_bytes + c->step.needs.shared_bytes);
    pack_all(contest, kind, c, packed);
    return LIMN_OK;
}

static void contest_free(struct contest *contest)
{
    for (int i = 0; i < contest->count; i++) {
        mem_free((void *)contest->contestants[i].step.args.packed);
        mem_free(contest->contestants[i].step.args.shared);
        mem_free(contest->contestants[i].step.workspace);
    }
    mem_free(contest->x);
    mem_free(contest->w);
    mem_free(contest->y);
}

static limn_status contest_create(const struct shape *shape, int threads, struct contest *contest,
                                  limn_error *error)
{
    *contest = (struct contest){.d = dims_of(shape)};
    const struct layer_dims *d = &contest->d;
    size_t x = (size_t)(d->n * d->ih * d->iw * d->ic), w = (size_t)(d->kh * d->kw * d->ic * d->oc);
    size_t y = (size_t)(d->n * d->oh * d->ow * d->oc);
    contest->x = mem_alloc(x * sizeof(float));
    contest->w = mem_alloc(w * sizeof(float));
    contest->y = mem_alloc(y * sizeof(float));
    if (!contest->x || !contest->w || !contest->y)
        return fail_memory(error, shape->where, (x + w + y) * sizeof(float));
    fill(contest->x, x, 1);
    fill(contest->w, w, 2);
    limn_status status = LIMN_OK;
    for (const struct layer_variant *const *v = layer_operators[shape->kind].variants;
         status == LIMN_OK && *v && contest->count < VARIANTS_MOST; v++)
        if ((*v)->applies(d))
            status = enter(contest, shape->kind, *v, threads, error);
    return status;
}

/* The largest difference from rows of the reference, which is the first contestant. */
static limn_status measure_error(const struct contest *contest, double *largest, limn_error *error)
{
    const struct layer_dims *d = &contest->d;
    const struct contestant *reference = &contest->contestants[0];
    int64_t rows = d->n * d->oh, floats = d->ow * d->oc;
    float *row = mem_alloc((size_t)floats * sizeof *row);
    if (!row)
        return fail_memory(error, "a row of the output", (size_t)floats * sizeof *row);
    double difference = 0, magnitude = 0;
    for (int i = 0; i < ROWS_COMPARED; i++) {
        int64_t task = i * (rows - 1) / (ROWS_COMPARED - 1);
        const float *got = contest->y + task * floats;
        struct layer_args args = reference->step.args;
        args.y = row - task * floats; /* the task writes row `task` */
        reference->step.variant->run_task(&args, task, NULL);
        for (int64_t j = 0; j < floats; j++) {
            difference = fmax(difference, fabs((double)got[j] - (double)row[j]));
            magnitude = fmax(magnitude, fabs((double)row[j]));
        }
    }
    *largest = difference / magnitude;
    mem_free(row);
    return LIMN_OK;
}

/* ---- report ------------------------------------------------------------------------------ */

/* "1x128x128x64 -> 64, 3x3", with stride, dilation and "T" for a transposed one where they are not plain. */
static const char *contest_text(const struct shape *shape, char text[128])
{
    const struct layer_dims *d = &shape->d;
    int length = snprintf(
        text, 128, "%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " -> %" PRId64 ", %s%" PRId64 "x%" PRId64,
        d->n, d->ih, d->iw, d->ic, d->oc, shape->kind == LAYER_CONV2D_TRANSPOSE ? "T " : "", d->kh, d->kw);
    if (d->stride_h > 1)
        length += snprintf(text + length, 128 - (size_t)length, " stride %" PRId64, d->stride_h);
    if (d->dilation_h > 1)
        snprintf(text + length, 128 - (size_t)length, " dilation %" PRId64, d->dilation_h);
    return text;
}

static void report_text(const struct shape *shape, const struct contest *contest, double peak)
{
    char text[128];
    double flops = layer_operators[shape->kind].flops(&contest->d);
    printf("%s: %s, %.2f GFLOP\n", shape->where, contest_text(shape, text), flops / 1e9);
    for (int i = 1; i < contest->count; i++) {
        const struct contestant *c = &contest->contestants[i];
        printf("  %-30s %9.3f ms %8.1f GFLOP/s %6.1f%% of peak   error %.1e\n", c->step.variant->name,
               c->best * 1e3, flops / c->best / 1e9, 100 * flops / c->best / peak, c->error);
    }
}

static void report_json(const struct shape *shape, const struct contest *contest, double peak, bool first)
{
    char text[128];
    double flops = layer_operators[shape->kind].flops(&contest->d);
    for (int i = 1; i < contest->count; i++) {
        const struct contestant *c = &contest->contestants[i];
        printf("%s\n  {\"op\": \"%s\", \"variant\": \"%s\", \"shape\": \"%s\", \"where\": \"%s\", "
               "\"ms\": %.6f, \"gflops\": %.2f, \"percent_of_peak\": %.1f, \"error\": %.3e}",
               first && i == 1 ? "" : ",", layer_operators[shape->kind].name, c->step.variant->name,
               contest_text(shape, text), shape->where, c->best * 1e3, flops / c->best / 1e9,
               100 * flops / c->best / peak, c->error);
    }
}

/* ---- whole ------------------------------------------------------------------------------- */

/* A warm-up round, in which errors are measured, and `rounds` that count. */
static limn_status run_contest(struct contest *contest, struct pool *pool, int64_t rounds, limn_error *error)
{
    limn_status status = LIMN_OK;
    uint64_t denormals = cpu_flush_denormals();
    for (int64_t round = 0; round <= rounds; round++)
        for (int i = 1; status == LIMN_OK && i < contest->count; i++) {
            struct contestant *c = &contest->contestants[i];
            double start = time_now();
            step_run(&c->step, pool);
            double seconds = time_now() - start;
            if (round == 0)
                status = measure_error(contest, &c->error, error);
            else
                c->best = seconds < c->best ? seconds : c->best;
        }
    cpu_restore_denormals(denormals);
    return status;
}

limn_status bench_kernels(const struct options *options, limn_error *error)
{
    enum { ROUNDS = 5 };
    limn_engine *engine;
    limn_status status = app_engine(options, &engine, error);
    if (status != LIMN_OK)
        return status;
    double peak = native_for(engine_isa())->peak(0.2) * limn_engine_threads(engine);
    if (options->json)
        printf("{\"engine\": \"%s\", \"peak_gflops\": %.1f, \"kernels\": [", limn_engine_describe(engine),
               peak / 1e9);
    else
        printf("%s, multiply-add peak %.0f GFLOP/s\n", limn_engine_describe(engine), peak / 1e9);
    for (size_t i = 0; status == LIMN_OK && i < sizeof shapes / sizeof *shapes; i++) {
        struct contest contest;
        status = contest_create(&shapes[i], limn_engine_threads(engine), &contest, error);
        if (status == LIMN_OK)
            status = run_contest(&contest, engine->pool, options->reps ? options->reps : ROUNDS, error);
        if (status == LIMN_OK && options->json)
            report_json(&shapes[i], &contest, peak, i == 0);
        else if (status == LIMN_OK)
            report_text(&shapes[i], &contest, peak);
        contest_free(&contest);
    }
    if (options->json)
        printf("]}\n");
    limn_engine_free(engine);
    return status;
}
