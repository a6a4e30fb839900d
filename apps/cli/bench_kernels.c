/* bench_kernels.c - limn bench kernels: time and error of every variant of an operator, on layers of the
 * seven networks or on the layer of --shape. */
#include "apps/cli/bench.h"
#include "apps/cli/suggest.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const struct column kernel_columns[] = {
    {"op", NULL, NULL, 0, 0},
    {"shape", NULL, NULL, 0, 0},
    {"where", NULL, NULL, 0, 0},
    {"step", "step", NULL, 0, -24},
    {"variant", "kernel", NULL, 0, -30},
    {"ms", "min ms", "%.3f", 0, 10},
    {"median_ms", "median", "%.3f", 0, 10},
    {"spread_ms", "spread", "%.3f", 0, 8},
    {"flop", NULL, NULL, 0, 0},
    {"bytes", NULL, NULL, 0, 0},
    {"gflops", "GFLOP/s", "%.1f", 0, 7},
    {"percent_of_peak", "of peak", "%.1f%%", 0, 7},
    {"percent_of_bandwidth", "of memory", "%.1f%%", 0, 9},
    {"speedup", "speed-up", "%.1fx", 0, 9},
    {"error", "error", "%.1e", 0, 8},
    {"measured", "measured", NULL, 0, -22},
    {"planned", "choice", NULL, 0, -8},
};

enum {
    KERNEL_COLUMNS = sizeof kernel_columns / sizeof *kernel_columns,
    STEP_COLUMN = 3,
    SPEEDUP_COLUMN = 13
};

/* One run of limn bench kernels. */
struct kernels {
    const struct options *options;
    limn_engine *engine;
    struct roofs roofs;
    struct baseline baseline;
    struct report report;
    struct column columns[KERNEL_COLUMNS + BASELINE_COLUMNS];
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
        {"conv2d_winograd", "Winograd"},
        {"conv2d_winograd_small", "Winograd, small tiles"},
        {"conv2d_winograd_lean", "Winograd, lean weights"},
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
    step_choose_fastest(&planned, kernels->engine->kernels);
    return planned.variant == step->variant;
}

static void print_variant(struct kernels *kernels, struct contest *contest, const char *where, size_t i)
{
    const struct step *step = &contest->contestants[i].step;
    struct summary time = samples_of(&contest->samples, i), first = samples_of(&contest->samples, 0);
    double flops = step->op->flops(&step->args.d), bytes = (double)step_bytes(step);
    char measured[64];
    struct cell cells[KERNEL_COLUMNS + BASELINE_COLUMNS] = {
        cell_text(step->op->name),
        cell_text(contest->shape->text),
        cell_text(where),
        cell_text(kernels->options->steps ? step_name(step->variant->name) : NULL),
        cell_text(step->variant->name),
        cell_number(time.least * 1e3),
        cell_number(time.median * 1e3),
        cell_number(time.spread * 1e3),
        cell_number(flops),
        cell_number(bytes),
        cell_number(flops / time.least / 1e9),
        cell_number(100 * flops / time.least / kernels->roofs.flops),
        cell_number(100 * bytes / time.least / kernels->roofs.bandwidth),
        cell_number(first.least / time.least),
        cell_number(contest->contestants[i].error),
        cell_text(measured_text(contest, i, time.count, measured)),
        cell_text(is_planned(kernels, step) ? "planned" : NULL),
    };
    baseline_cells(&kernels->baseline,
                   (const char *[BASELINE_PARTS]){step->op->name, step->variant->name, contest->shape->text},
                   &time, cells + KERNEL_COLUMNS);
    report_row(&kernels->report, cells);
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
    status = contest_create(&shape, limn_engine_threads(kernels->engine), &contest, error);
    if (status == LIMN_OK)
        status = contest_run(&contest, kernels->engine->pool, options->reps,
                             options->seconds > 0 ? options->seconds : 0.5, error);
    if (status == LIMN_OK) {
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

/* Returns the number of columns; without --steps, removes the two that only it has. */
static size_t choose_columns(struct kernels *kernels)
{
    memcpy(kernels->columns, kernel_columns, sizeof kernel_columns);
    if (!kernels->options->steps)
        kernels->columns[STEP_COLUMN] = kernels->columns[SPEEDUP_COLUMN] = (struct column){0};
    return KERNEL_COLUMNS + baseline_columns(&kernels->baseline, kernels->columns + KERNEL_COLUMNS);
}

limn_status bench_kernels(const struct options *options, enum form form, limn_error *error)
{
    struct kernels kernels = {.options = options};
    enum layer_kind kind;
    limn_status status = check_shape(options, &kind, error);
    if (status == LIMN_OK)
        status = app_engine(options, &kernels.engine, error);
    if (status == LIMN_OK)
        status = baseline_read(options, "kernels", kernels.engine, NULL, &kernels.baseline, error);
    if (status == LIMN_OK) {
        kernels.roofs = roofs_measure(kernels.engine, true);
        report_begin(&kernels.report, form);
        bench_head(&kernels.report, "kernels", kernels.engine, &kernels.roofs);
        report_table(&kernels.report, "kernels", kernels.columns, choose_columns(&kernels));
        status = measure_all(&kernels, kind, error);
        report_table_end(&kernels.report);
        report_end(&kernels.report);
    }
    baseline_free(&kernels.baseline);
    limn_engine_free(kernels.engine);
    return status;
}
