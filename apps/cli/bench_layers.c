/* bench_layers.c - limn bench layers: one row per step of a network's plan. */
#include "apps/cli/bench.h"

#include <string.h>

enum { NAME_MOST = 28, KERNEL_ROOM = 64 };

/* The name, without its middle if it is longer than NAME_MOST; names differ at their ends. */
static const char *short_name(const char *name, char text[NAME_MOST + 1])
{
    static const char between[] = "...";
    enum { HEAD = NAME_MOST / 3, TAIL = NAME_MOST - HEAD - 3 };
    size_t length = strlen(name);
    if (length <= NAME_MOST)
        return name;
    snprintf(text, NAME_MOST + 1, "%.*s%s%s", (int)HEAD, name, between, name + length - TAIL);
    return text;
}

/* The kernel, and what excluded a faster one: "conv2d_gemm (memory)". */
static const char *kernel_text(const struct step *step, char text[KERNEL_ROOM])
{
    bool fastest = step->choice == CHOICE_FASTEST;
    snprintf(text, KERNEL_ROOM, "%s%s%s%s", step->variant->name, fastest ? "" : " (",
             fastest ? "" : choice_name(step->choice), fastest ? "" : ")");
    return text;
}

/* What the rows have in common: the sum of the layers' median seconds, and widths of columns. */
struct layers {
    double sum;
    int name, kernel;
};

static void print_layer(struct report *report, struct bench *bench, int s, const struct layers *layers)
{
    enum { FIELDS = 22 };
    const struct step *step = &bench->session->plan.steps[s];
    const struct graph *graph = &bench->model->graph;
    const struct layer_dims *d = &step->args.d;
    const struct roofs *roofs = &bench->roofs;
    const char *name = graph->nodes[step->node].name, *why = choice_name(step->choice);
    struct summary time = samples_of(&bench->samples, 1 + (size_t)s);
    double flops = step_flops(graph, step), bytes = (double)step_bytes(step);
    double rate = flops / time.median, traffic = bytes / time.median;
    char choice[64], brief[NAME_MOST + 1], kernel[KERNEL_ROOM], limit[LIMIT_TEXT];
    snprintf(choice, sizeof choice, "%s%s", step->choice == CHOICE_FASTEST ? "" : "slower for: ", why);
    limit_text(roofs, flops, bytes, time.median, limit);
    /* With a baseline, text has its columns instead of these. */
    bool alone = !bench->baseline.count;
    struct field fields[FIELDS + BASELINE_FIELDS] = {
        {NULL, "layer", NULL, -layers->name, cell_text(short_name(name, brief))},
        {"name", "layer", NULL, 0, cell_text(name)},
        {"op", NULL, NULL, 0, cell_text(step->op->name)},
        {"input", "input, NxHxWxC", NULL, 0, cell_sides(4, d->n, d->ih, d->iw, d->ic)},
        {"output", "output", NULL, 0, cell_sides(4, d->n, d->oh, d->ow, d->oc)},
        {NULL, "output HxWxC", NULL, -13, cell_sides(3, d->oh, d->ow, d->oc, 0)},
        {"variant", "kernel", NULL, 0, cell_text(step->variant->name)},
        {NULL, "kernel", NULL, -layers->kernel, cell_text(kernel_text(step, kernel))},
        {"ms", "ms", "%.3f", 9, cell_number(time.median * 1e3)},
        {"min_ms", "min", "%.3f", 0, cell_number(time.least * 1e3)},
        {"spread_ms", NULL, NULL, 0, cell_number(time.spread * 1e3)},
        {"share", "share", "%.1f%%", alone ? 6 : 0, cell_scaled(time.median / layers->sum, 0.01)},
        {"flop", "MFLOP", "%.2f", 0, cell_scaled(flops, 1e6)},
        {"bytes", "MB", "%.2f", 0, cell_scaled(bytes, 1e6)},
        {"gflops", "GFLOP/s", "%.1f", alone ? 7 : 0, cell_number(rate / 1e9)},
        {NULL, alone ? "of its limit" : NULL, NULL, 13, cell_text(limit)},
        {"intensity", "FLOP/byte", "%.1f", 0, cell_number(flops / bytes)},
        {"percent_of_peak", "of peak", "%.1f%%", 0, cell_number(100 * rate / roofs->flops)},
        {"percent_of_bandwidth", "of memory", "%.1f%%", 0, cell_number(100 * traffic / roofs->bandwidth)},
        {"bound", "bound by", NULL, 0, cell_text(bound_by(roofs, flops, bytes))},
        {"why", NULL, NULL, 0, cell_text(why)},
        {NULL, "choice", NULL, 0, cell_text(choice)},
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
    struct layers layers = {.name = 1};
    for (int s = 0; s < plan->step_count; s++) {
        char text[KERNEL_ROOM], name[NAME_MOST + 1];
        int length = (int)strlen(short_name(bench->model->graph.nodes[plan->steps[s].node].name, name));
        int kernel = (int)strlen(kernel_text(&plan->steps[s], text));
        layers.name = length > layers.name ? length : layers.name;
        layers.kernel = kernel > layers.kernel ? kernel : layers.kernel;
        layers.sum += samples_of(&bench->samples, 1 + (size_t)s).median;
    }
    bench_run_facts(bench, facts);
    report_facts(report, facts, RUN_FACTS);
    report_table(report, "layers");
    for (int s = 0; s < plan->step_count; s++)
        print_layer(report, bench, s, &layers);
    report_table_end(report);
    print_sum(report, bench, layers.sum);
}

limn_status bench_layers(const struct options *options, limn_error *error)
{
    return bench_network(options, "layers", true, print_layers, error);
}
