/* bench_layers.c - limn bench layers: one row per step of a network's plan. */
#include "apps/cli/bench.h"

#include <string.h>

/* The limit that takes longer: the operations at peak rate, or the bytes at full bandwidth. */
static const char *bound_by(double flops, double bytes, const struct roofs *roofs)
{
    if (roofs->bandwidth <= 0)
        return NULL;
    return flops / roofs->flops >= bytes / roofs->bandwidth ? "compute" : "memory";
}

/* sum: of the layers' median seconds. width: of the longest name. */
static void print_layer(struct report *report, struct bench *bench, int s, double sum, int width)
{
    enum { FIELDS = 18 };
    const struct step *step = &bench->session->plan.steps[s];
    const struct graph *graph = &bench->model->graph;
    const struct layer_dims *d = &step->args.d;
    const struct roofs *roofs = &bench->roofs;
    const char *name = graph->nodes[step->node].name, *why = choice_name(step->choice);
    struct summary time = samples_of(&bench->samples, 1 + (size_t)s);
    double flops = step_flops(graph, step), bytes = (double)step_bytes(step);
    double rate = flops / time.median, traffic = bytes / time.median;
    char choice[64];
    snprintf(choice, sizeof choice, "%s%s", step->choice == CHOICE_FASTEST ? "" : "slower for: ", why);
    struct field fields[FIELDS + BASELINE_FIELDS] = {
        {"name", "layer", NULL, -width, cell_text(name)},
        {"op", NULL, NULL, 0, cell_text(step->op->name)},
        {"input", "input, NxHxWxC", NULL, -16, cell_sides(4, d->n, d->ih, d->iw, d->ic)},
        {"output", "output", NULL, -16, cell_sides(4, d->n, d->oh, d->ow, d->oc)},
        {"variant", "kernel", NULL, -24, cell_text(step->variant->name)},
        {"ms", "ms", "%.3f", 9, cell_number(time.median * 1e3)},
        {"min_ms", "min", "%.3f", 9, cell_number(time.least * 1e3)},
        {"spread_ms", NULL, NULL, 0, cell_number(time.spread * 1e3)},
        {"share", "share", "%.1f%%", 6, cell_scaled(time.median / sum, 0.01)},
        {"flop", "MFLOP", "%.2f", 9, cell_scaled(flops, 1e6)},
        {"bytes", "MB", "%.2f", 7, cell_scaled(bytes, 1e6)},
        {"gflops", "GFLOP/s", "%.1f", 7, cell_number(rate / 1e9)},
        {"intensity", "FLOP/byte", "%.1f", 6, cell_number(flops / bytes)},
        {"percent_of_peak", "of peak", "%.1f%%", 7, cell_number(100 * rate / roofs->flops)},
        {"percent_of_bandwidth", "of memory", "%.1f%%", 7, cell_number(100 * traffic / roofs->bandwidth)},
        {"bound", "bound by", NULL, -8, cell_text(bound_by(flops, bytes, roofs))},
        {"why", NULL, NULL, 0, cell_text(why)},
        {NULL, "choice", NULL, -8, cell_text(choice)},
    };
    size_t compared = baseline_fields(
        &bench->baseline, (const char *[BASELINE_PARTS]){name, step->op->name, ""}, &time, fields + FIELDS);
    report_row(report, fields, FIELDS + compared);
}

/* Prints the sum of the medians, which on an idle machine is near the median of whole runs, and the share of
 * time spent in layers; the rest is overhead between them. */
static void print_sum(struct report *report, struct bench *bench, double sum)
{
    const struct samples *samples = &bench->samples;
    double whole = 0, layers = 0, median = samples_of(&bench->samples, 0).median;
    for (size_t run = 0; run < samples->rounds; run++) {
        whole += samples->seconds[run * samples->series];
        for (size_t s = 1; s < samples->series; s++)
            layers += samples->seconds[run * samples->series + s];
    }
    const struct field facts[] = {
        {"sum_ms", "sum of the layers", "%.3f ms", 0, cell_number(sum * 1e3)},
        {"percent_of_median", "share of the median run", "%.1f%%", 0, cell_number(100 * sum / median)},
        {"percent_of_runs", "share of time in layers", "%.2f%%", 0, cell_number(100 * layers / whole)},
    };
    report_facts(report, facts, sizeof facts / sizeof *facts);
}

static void print_layers(struct report *report, struct bench *bench)
{
    const struct plan *plan = &bench->session->plan;
    struct field facts[RUN_FACTS];
    double sum = 0;
    int width = 1;
    for (int s = 0; s < plan->step_count; s++) {
        int length = (int)strlen(bench->model->graph.nodes[plan->steps[s].node].name);
        width = length > width ? length : width;
        sum += samples_of(&bench->samples, 1 + (size_t)s).median;
    }
    bench_run_facts(bench, facts);
    report_facts(report, facts, RUN_FACTS);
    report_table(report, "layers");
    for (int s = 0; s < plan->step_count; s++)
        print_layer(report, bench, s, sum, width);
    report_table_end(report);
    print_sum(report, bench, sum);
}

limn_status bench_layers(const struct options *options, limn_error *error)
{
    return bench_network(options, "layers", true, print_layers, error);
}
