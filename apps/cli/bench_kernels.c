/* bench_kernels.c - limn bench kernels: time and error of every variant of an operator, on layers of the
 * seven networks or on the layer of --shape. */
#include "apps/cli/bench.h"
#include "apps/cli/suggest.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* One run of limn bench kernels. */
struct kernels {
    const struct options *options;
    limn_engine *engine;
    struct roofs roofs;
    struct baseline baseline;
    struct report report;
};

/* For --steps: what a variant adds to the previous one. */
static const char *step_name(const char *variant)
{
    static const struct {
        const char *variant, *name;
    } steps[] = {
        {"conv2d_ref", "plain loops, in double"},
        {"conv2d_blocked", "blocked loops"},
        {"conv2d_gemm", "im2col and OpenBLAS"},
        {"conv2d_native", "packed micro-kernel"},
        {"conv2d_kn2row", "products, then sums"},
        {"conv2d_bf16x3_lean", "3 bf16 parts, lean"},
        {"conv2d_bf16x3", "3 bf16 parts"},
        {"conv2d_bf16x2", "2 bf16 parts"},
        {"conv2d_bf16", "bf16"},
        {"conv2d_winograd", "Winograd"},
        {"conv2d_winograd_small", "Winograd, small tiles"},
        {"conv2d_winograd_large", "Winograd, large tiles"},
        {"conv2d_winograd_lean", "Winograd, lean weights"},
        {"conv2d_winograd_bf16x3", "Winograd, 3 bf16 parts"},
        {"conv2d_winograd_bf16x2", "Winograd, 2 bf16 parts"},
        {"conv2d_transpose_ref", "plain loops, in double"},
        {"conv2d_transpose_gemm", "OpenBLAS and col2im"},
        {"conv2d_transpose_native", "packed micro-kernel"},
        {"conv2d_transpose_kn2row", "products, then sums"},
        {"conv2d_transpose_winograd", "Winograd"},
        {"conv2d_transpose_winograd_lean", "Winograd, lean weights"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].variant, variant) == 0)
            return steps[i].name;
    return variant;
}

/* "12 rounds", "once", or "6 of 64 rows, scaled" for the reference. */
static const char *measured_text(const struct contest *contest, size_t i, size_t rounds, char text[64])
{
    int64_t rows = contest->contestants[0].step.needs.run_tasks;
    if (i == 0 && contest->expected)
        snprintf(text, 64, "%" PRId64 " of %" PRId64 " rows, scaled", contest->expected_tasks, rows);
    else if (contest->contestants[i].once)
        snprintf(text, 64, "once");
    else
        snprintf(text, 64, "%zu rounds", rounds);
    return text;
}

/* True for the variant that the planner would choose. */
static bool is_planned(const struct kernels *kernels, const struct step *step)
{
    struct step planned = *step;
    step_choose_fastest(&planned, kernels->engine->rule);
    return planned.variant == step->variant;
}

static void print_variant(struct kernels *kernels, struct contest *contest, const char *where, size_t i)
{
    enum { FIELDS = 20 };
    const struct roofs *roofs = &kernels->roofs;
    const struct step *step = &contest->contestants[i].step;
    struct summary time = samples_of(&contest->samples, i), first = samples_of(&contest->samples, 0);
    double flops = step->op->flops(&step->args.d), bytes = (double)step_bytes(step);
    double rate = flops / time.least, traffic = bytes / time.least;
    char measured[64], limit[LIMIT_TEXT];
    const char *variant = step->variant->name, *operator= step->op->name;
    const char *planned = is_planned(kernels, step) ? "planned" : NULL;
    limit_text(roofs, flops, bytes, time.least, limit);
    /* Only with --steps: step and speed-up. In text these, or the columns of a baseline, replace others. */
    bool steps = kernels->options->steps, alone = !kernels->baseline.count;
    struct field fields[FIELDS + BASELINE_FIELDS] = {
        {"op", NULL, NULL, 0, cell_text(operator)},
        {"shape", NULL, NULL, 0, cell_text(contest->shape->text)},
        {"where", NULL, NULL, 0, cell_text(where)},
        {steps ? "step" : NULL, steps ? "step" : NULL, NULL, -22, cell_text(step_name(variant))},
        {"variant", "kernel", NULL, -30, cell_text(variant)},
        {"precision", "precision", NULL, steps ? 0 : -9, cell_text(precision_name(step->variant->precision))},
        {"ms", "min ms", "%.3f", 9, cell_number(time.least * 1e3)},
        {"median_ms", "median", "%.3f", !steps ? 9 : 0, cell_number(time.median * 1e3)},
        {"spread_ms", "spread", "%.3f", 0, cell_number(time.spread * 1e3)},
        {"flop", NULL, NULL, 0, cell_number(flops)},
        {"bytes", NULL, NULL, 0, cell_number(bytes)},
        {"gflops", "GFLOP/s", "%.1f", alone ? 7 : 0, cell_number(rate / 1e9)},
        {NULL, alone ? "of its limit" : NULL, NULL, 13, cell_text(limit)},
        {"percent_of_peak", "of peak", "%.1f%%", 0, cell_number(100 * rate / roofs->flops)},
        {"percent_of_bandwidth", "of memory", "%.1f%%", 0, cell_number(100 * traffic / roofs->bandwidth)},
        {steps ? "speedup" : NULL, steps ? "speed-up" : NULL, "%.1fx", 8,
         cell_number(first.least / time.least)},
        {"error", "error", "%.1e", 7, cell_number(contest->contestants[i].error)},
        {"packed_bytes", "packed MB", "%.2f", steps ? 0 : 9,
         cell_scaled((double)step->needs.packed_bytes, 1e6)},
        {"measured", "measured", NULL, 0, cell_text(measured_text(contest, i, time.count, measured))},
        {"planned", "choice", NULL, alone ? -7 : 0, cell_text(planned)},
    };
    size_t compared = baseline_fields(&kernels->baseline,
                                      (const char *[BASELINE_PARTS]){operator, variant, contest->shape->text},
                                      &time, fields + FIELDS);
    report_row(&kernels->report, fields, FIELDS + compared);
}

static limn_status measure_shape(struct kernels *kernels, enum layer_kind kind, const char *where,
                                 const char *text, limn_error *error)
{
    struct shape shape;
    struct contest contest;
    const struct options *options = kernels->options;
    limn_status status = shape_parse(kind, text, &shape, error);
    if (status != LIMN_OK)
        return status;
    status =
        contest_create(&shape, &options->variants, limn_engine_threads(kernels->engine), &contest, error);
    if (status == LIMN_OK && !contest.count && options->shape)
        status = fail(error, LIMN_E_USAGE, "--shape %s: no variant of --variant applies", text);
    if (status == LIMN_OK && contest.count)
        status = contest_run(&contest, kernels->engine->pool, options->reps,
                             options->seconds > 0 ? options->seconds : 0.5, error);
    if (status == LIMN_OK && contest.count) {
        char title[256];
        snprintf(title, sizeof title, "%s%s%s %s, %.3g GFLOP", where, *where ? ": " : "",
                 layer_operators[kind].name, text, layer_operators[kind].flops(&shape.d) / 1e9);
        report_title(&kernels->report, title);
        for (size_t i = 0; i < contest.count; i++)
            print_variant(kernels, &contest, where, i);
        fflush(stdout); /* the next layer takes a while */
    }
    contest_free(&contest);
    return status;
}

/* ---- which layers ------------------------------------------------------------------------ */

static limn_status check_shape(const struct options *options, enum layer_kind *kind, limn_error *error)
{
    struct shape shape;
    bool one = options->shape || options->steps;
    const char *name = options->op ? options->op : one ? "conv2d" : NULL;
    char names[160], near[SUGGESTION_TEXT];
    int length = 0;
    *kind = name ? operator_named(name) : LAYER_COUNT;
    if (name && *kind == LAYER_COUNT) {
        struct suggestion suggestion = {.typed = name};
        for (int i = 0; i < LAYER_COUNT; i++) {
            length += snprintf(names + length, sizeof names - (size_t)length, "%s%s", i ? ", " : "",
                               layer_operators[i].name);
            suggestion_offer(&suggestion, layer_operators[i].name);
        }
        return fail(error, LIMN_E_USAGE, "--op %s: one of %s expected%s", name, names,
                    suggestion_text(&suggestion, "", near));
    }
    return options->shape ? shape_parse(*kind, options->shape, &shape, error) : LIMN_OK;
}

/* Offers the names of an operator's variants as suggestions; true if one of them is the typed name. */
static bool offer_variants(const struct layer_operator *op, struct suggestion *suggestion)
{
    bool found = false;
    for (const struct layer_variant *const *v = op->variants; *v; v++) {
        suggestion_offer(suggestion, (*v)->name);
        found = found || strcmp((*v)->name, suggestion->typed) == 0;
    }
    return found;
}

static limn_status check_variants(const struct options *options, enum layer_kind kind, limn_error *error)
{
    bool all = kind == LAYER_COUNT;
    char near[SUGGESTION_TEXT];
    for (int i = 0; i < options->variants.count; i++) {
        struct suggestion suggestion = {.typed = options->variants.items[i]};
        bool found = false;
        for (int k = all ? 0 : (int)kind; k < (all ? LAYER_COUNT : (int)kind + 1); k++)
            found = offer_variants(&layer_operators[k], &suggestion) || found;
        if (!found)
            return fail(error, LIMN_E_USAGE, "--variant %s: no variant of %s has this name%s",
                        suggestion.typed, all ? "any operator" : layer_operators[kind].name,
                        suggestion_text(&suggestion, "", near));
    }
    return LIMN_OK;
}

/* The layer of --steps without --shape: the second known convolution, whose channels fill the tiles of every
 * kernel, or the first known layer of another operator. */
static const struct known_shape *step_shape(enum layer_kind kind)
{
    const struct known_shape *shape = known_shapes;
    while (shape->kind != kind)
        shape++;
    return kind == LAYER_CONV2D ? shape + 1 : shape;
}

static limn_status measure_all(struct kernels *kernels, enum layer_kind kind, limn_error *error)
{
    const struct options *options = kernels->options;
    if (options->shape)
        return measure_shape(kernels, kind, "", options->shape, error);
    if (options->steps)
        return measure_shape(kernels, kind, step_shape(kind)->where, step_shape(kind)->text, error);
    limn_status status = LIMN_OK;
    for (const struct known_shape *known = known_shapes; status == LIMN_OK && known->where; known++)
        if (kind == LAYER_COUNT || kind == known->kind)
            status = measure_shape(kernels, known->kind, known->where, known->text, error);
    return status;
}

limn_status bench_kernels(const struct options *options, limn_error *error)
{
    struct kernels kernels = {.options = options};
    enum layer_kind kind;
    limn_status status = check_shape(options, &kind, error);
    if (status == LIMN_OK)
        status = check_variants(options, kind, error);
    if (status == LIMN_OK)
        status = app_engine(options, &kernels.engine, error);
    if (status == LIMN_OK)
        status = baseline_read(options, "kernels", kernels.engine, NULL, &kernels.baseline, error);
    if (status == LIMN_OK) {
        kernels.roofs = roofs_measure(kernels.engine, true);
        bench_begin(&kernels.report, options, "kernels", kernels.engine, &kernels.roofs);
        report_table(&kernels.report, "kernels");
        status = measure_all(&kernels, kind, error);
        report_table_end(&kernels.report);
        report_end(&kernels.report);
    }
    baseline_free(&kernels.baseline);
    limn_engine_free(kernels.engine);
    return status;
}
