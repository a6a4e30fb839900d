/* bench_layers.c - limn bench layers: one row per step of a network's plan. */
#include "apps/cli/bench.h"

#include <string.h>

static const struct column layer_columns[] = {
    {"name", "layer", NULL, 0, -1},
    {"op", NULL, NULL, 0, 0},
    {"input", "input, NxHxWxC", NULL, 0, -16},
    {"output", "output", NULL, 0, -16},
    {"variant", "kernel", NULL, 0, -24},
    {"ms", "ms", "%.3f", 0, 9},
    {"min_ms", "min", "%.3f", 0, 9},
    {"spread_ms", NULL, NULL, 0, 0},
    {"share", "share", "%.1f%%", 0.01, 6},
    {"flop", "MFLOP", "%.2f", 1e6, 9},
    {"bytes", "MB", "%.2f", 1e6, 7},
    {"gflops", "GFLOP/s", "%.1f", 0, 7},
    {"intensity", "FLOP/byte", "%.1f", 0, 6},
    {"percent_of_peak", "of peak", "%.1f%%", 0, 7},
    {"percent_of_bandwidth", "of memory", "%.1f%%", 0, 7},
    {"bound", "bound by", NULL, 0, -8},
    {"why", NULL, NULL, 0, 0},
    {NULL, "choice", NULL, 0, -8},
};

enum { LAYER_COLUMNS = sizeof layer_columns / sizeof *layer_columns };

/* The limit that takes longer: the operations at peak rate, or the bytes at full bandwidth. */
static const char *bound_by(double flops, double bytes, const struct roofs *roofs)
{
    if (roofs->bandwidth <= 0)
        return NULL;
    return flops / roofs->flops >= bytes / roofs->bandwidth ? "compute" : "memory";
}

static const char *choice_text(enum choice choice, char text[64])
{
    snprintf(text, 64, "%s%s", choice == CHOICE_FASTEST ? "" : "slower for: ", choice_name(choice));
    return text;
}

static void print_layer(struct report *report, struct bench *bench, int s, double sum,
                        const struct roofs *roofs)
{
    const struct step *step = &bench->session->plan.steps[s];
    const struct graph *graph = &bench->model->graph;
    const struct layer_dims *d = &step->args.d;
    const char *name = graph->nodes[step->node].name;
    struct summary time = samples_of(&bench->samples, 1 + (size_t)s);
    double flops = step_flops(graph, step), bytes = (double)step_bytes(step);
    char choice[64];
    struct cell cells[LAYER_COLUMNS + BASELINE_COLUMNS] = {
        cell_text(name),
        cell_text(step->op->name),
        cell_sides(4, d->n, d->ih, d->iw, d->ic),
        cell_sides(4, d->n, d->oh, d->ow, d->oc),
        cell_text(step->variant->name),
        cell_number(time.median * 1e3),
        cell_number(time.least * 1e3),
        cell_number(time.spread * 1e3),
        cell_number(time.median / sum),
        cell_number(flops),
        cell_number(bytes),
        cell_number(flops / time.median / 1e9),
        cell_number(flops / bytes),
        cell_number(100 * flops / time.median / roofs->flops),
        cell_number(100 * bytes / time.median / roofs->bandwidth),
        cell_text(bound_by(flops, bytes, roofs)),
        cell_text(choice_name(step->choice)),
        cell_text(choice_text(step->choice, choice)),
    };
    baseline_cells(&bench->baseline, (const char *[BASELINE_PARTS]){name, step->op->name, ""}, &time,
                   cells + LAYER_COLUMNS);
    report_row(report, cells);
}

/* Prints the sum of the medians, which on an idle machine is near the median of whole runs, and the share of
 * time spent in layers; the rest is overhead between them. */
static void print_sum(struct report *report, struct bench *bench, double sum)
{
    static const struct column columns[] = {
        {"sum_ms", "sum of the layers", "%.3f ms", 0, 0},
        {"percent_of_median", "share of the median run", "%.1f%%", 0, 0},
        {"percent_of_runs", "share of time in layers", "%.2f%%", 0, 0},
    };
    const struct samples *samples = &bench->samples;
    double whole = 0, layers = 0;
    for (size_t run = 0; run < samples->rounds; run++) {
        whole += samples->seconds[run * samples->series];
        for (size_t s = 1; s < samples->series; s++)
            layers += samples->seconds[run * samples->series + s];
    }
    report_facts(report, columns,
                 (struct cell[]){cell_number(sum * 1e3),
                                 cell_number(100 * sum / samples_of(&bench->samples, 0).median),
                                 cell_number(100 * layers / whole)},
                 3);
}

static void print_layers(struct report *report, struct bench *bench, const struct roofs *roofs)
{
    const struct plan *plan = &bench->session->plan;
    struct column columns[LAYER_COLUMNS + BASELINE_COLUMNS];
    struct cell cells[RUN_FACTS];
    double sum = 0;
    memcpy(columns, layer_columns, sizeof layer_columns);
    for (int s = 0; s < plan->step_count; s++) {
        int length = (int)strlen(bench->model->graph.nodes[plan->steps[s].node].name);
        columns[0].width = -length < columns[0].width ? -length : columns[0].width;
        sum += samples_of(&bench->samples, 1 + (size_t)s).median;
    }
    bench_run_cells(bench, roofs, cells);
    report_facts(report, bench_run_columns, cells, RUN_FACTS);
    report_table(report, "layers", columns,
                 LAYER_COLUMNS + baseline_columns(&bench->baseline, columns + LAYER_COLUMNS));
    for (int s = 0; s < plan->step_count; s++)
        print_layer(report, bench, s, sum, roofs);
    report_table_end(report);
    print_sum(report, bench, sum);
}

limn_status bench_layers(const struct options *options, enum form form, limn_error *error)
{
    struct bench bench;
    limn_status status = bench_open(options, "layers", &bench, error);
    if (status == LIMN_OK) {
        struct report report;
        struct roofs roofs = roofs_measure(bench.engine, true);
        report_begin(&report, form);
        bench_head(&report, "layers", bench.engine, &roofs);
        print_layers(&report, &bench, &roofs);
        report_end(&report);
    }
    bench_close(&bench);
    return status;
}
