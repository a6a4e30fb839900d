/* bench_model.c - limn bench model: measures repeated runs of a network. */
#include "apps/cli/bench.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"

#include <string.h>

enum { LEAST_RUNS = 3 };

/* ---- runs -------------------------------------------------------------------------------- */

static void fill_inputs(limn_session *session)
{
    uint64_t state = 1;
    for (int index = 0; index < limn_model_inputs(session->model); index++) {
        struct tensor *input = session_input(session, index);
        for (int64_t i = 0; i < tensor_pixels(input) * input->c; i++)
            input->data[i] = (float)bench_random(&state);
    }
}

static limn_status load(const struct options *options, struct bench *bench, limn_error *error)
{
    double start = system_seconds();
    limn_status status = app_model(options, "enhancenet", &bench->model, error);
    if (status == LIMN_OK) {
        int64_t usual = model_usual_side(bench->model->kind, &bench->model->graph);
        bench->size = (limn_size){options->batch, options->height ? options->height : usual,
                                  options->width ? options->width : usual};
        status = limn_session_create(bench->model, bench->size, &bench->session, error);
    }
    bench->load_seconds = system_seconds() - start;
    if (status == LIMN_OK) {
        fill_inputs(bench->session);
        app_model_warn(bench->model, status);
    }
    return status;
}

static limn_status timed_run(struct bench *bench, limn_error *error)
{
    double *row;
    limn_status status = samples_next(&bench->samples, &row, error);
    if (status != LIMN_OK)
        return status;
    double start = system_seconds();
    status = limn_session_run(bench->session, error);
    row[0] = system_seconds() - start;
    for (int s = 0; s < bench->session->plan.step_count; s++)
        row[1 + s] = limn_session_step(bench->session, s)->seconds;
    return status;
}

static limn_status measure(const struct options *options, struct bench *bench, limn_error *error)
{
    double seconds = options->seconds > 0 ? options->seconds : 2;
    bench->samples = (struct samples){.series = 1 + (size_t)bench->session->plan.step_count};
    limn_status status = limn_session_run(bench->session, error);
    double begin = system_seconds();
    while (status == LIMN_OK) {
        size_t runs = bench->samples.rounds;
        if (options->reps ? runs >= (size_t)options->reps
                          : runs >= LEAST_RUNS && system_seconds() - begin >= seconds)
            break;
        status = timed_run(bench, error);
    }
    bench->peak_resident = system_peak_resident();
    return status;
}

limn_status bench_network(const struct options *options, const char *kind, bool bandwidth,
                          void (*print)(struct report *report, struct bench *bench), limn_error *error)
{
    struct bench bench = {0};
    limn_status status = LIMN_OK;
    if (options->trace)
        status = output_check(options->trace, options->force, error);
    if (status == LIMN_OK)
        status = load(options, &bench, error);
    if (status == LIMN_OK)
        status = baseline_read(options, kind, bench.model->engine, &bench, &bench.baseline, error);
    if (status == LIMN_OK)
        status = measure(options, &bench, error);
    if (status == LIMN_OK && options->trace)
        status = trace_write(options, bench.session, error);
    if (status == LIMN_OK) {
        struct report report;
        bench.roofs = roofs_measure(bench.model->engine, bandwidth);
        bench_begin(&report, options, kind, bench.model->engine, &bench.roofs);
        print(&report, &bench);
        report_end(&report);
    }
    baseline_free(&bench.baseline);
    samples_free(&bench.samples);
    limn_session_free(bench.session);
    app_model_free(bench.model);
    return status;
}

/* ---- report ------------------------------------------------------------------------------ */

void bench_run_facts(struct bench *bench, struct field facts[RUN_FACTS])
{
    const limn_size *size = &bench->size;
    struct summary run = samples_of(&bench->samples, 0);
    double flops = plan_flops(&bench->model->graph, &bench->session->plan), rate = flops / run.least;
    const struct field made[RUN_FACTS] = {
        {"model", "network", NULL, 0, cell_text(limn_model_name(bench->model))},
        {"size", "batch, height, width", NULL, 0, cell_sides(3, size->batch, size->height, size->width, 0)},
        {"runs", "runs", "%.0f", 0, cell_number((double)run.count)},
        {"min_ms", "minimum", "%.3f ms", 0, cell_number(run.least * 1e3)},
        {"median_ms", "median", "%.3f ms", 0, cell_number(run.median * 1e3)},
        {"p90_ms", "90th percentile", "%.3f ms", 0, cell_number(run.p90 * 1e3)},
        {"spread_ms", "interquartile range", "%.3f ms", 0, cell_number(run.spread * 1e3)},
        {"load_ms", "load time", "%.3f ms", 0, cell_number(bench->load_seconds * 1e3)},
        {"peak_rss_mb", "peak resident memory", "%.1f MB", 0,
         cell_number((double)bench->peak_resident / 1e6)},
        {"gflop", "operations", "%.3f GFLOP", 0, cell_number(flops / 1e9)},
        {"gflops", "rate of the fastest run", "%.1f GFLOP/s", 0, cell_number(rate / 1e9)},
        {"percent_of_peak", "share of peak", "%.1f%%", 0, cell_number(100 * rate / bench->roofs.flops)},
    };
    memcpy(facts, made, sizeof made);
}

static void print_model(struct report *report, struct bench *bench)
{
    struct field facts[RUN_FACTS + BASELINE_FIELDS];
    struct summary run = samples_of(&bench->samples, 0);
    bench_run_facts(bench, facts);
    size_t compared = baseline_fields(&bench->baseline, (const char *[BASELINE_PARTS]){"", "", ""}, &run,
                                      facts + RUN_FACTS);
    report_record(report, facts, RUN_FACTS + compared);
}

limn_status bench_model(const struct options *options, limn_error *error)
{
    return bench_network(options, "model", false, print_model, error);
}
