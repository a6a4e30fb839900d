/* bench.c - limn bench: how long things take, and how long they would at least.
 *
 * Times are of whole runs after one warm-up, or of whole layers inside such runs; minimum and median, because
 * the mean of a shared machine measures the other users. */
#include "bench.h"
#include "gemm.h"
#include "memory.h"
#include "native.h"
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_RUNS = 3, DEFAULT_SIDE = 128 };

/* ---- runs -------------------------------------------------------------------------------- */

struct bench {
    limn_engine *engine;
    limn_model *model;
    limn_session *session;
    limn_size size;
    double load_seconds;
    double *runs; /* seconds each, sorted after measuring */
    size_t run_count, run_room;
};

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double median(const double *sorted, size_t count)
{
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double mean(const struct bench *bench)
{
    double sum = 0;
    for (size_t i = 0; i < bench->run_count; i++)
        sum += bench->runs[i];
    return sum / (double)bench->run_count;
}

/* Values from a fixed generator (Knuth's 64-bit congruential one), so that every run computes the same. */
static void fill_inputs(limn_session *session)
{
    uint64_t state = 1;
    for (int index = 0; index < limn_model_inputs(session->model); index++) {
        struct tensor *input = session_input(session, index);
        for (int64_t i = 0; i < tensor_pixels(input) * input->c; i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            input->data[i] = (float)(state >> 40) / (float)(1 << 24);
        }
    }
}

static limn_status bench_open(const struct options *options, struct bench *bench, limn_error *error)
{
    double start = time_now();
    *bench = (struct bench){0};
    bench->size = (limn_size){options->batch, options->height ? options->height : DEFAULT_SIDE,
                              options->width ? options->width : DEFAULT_SIDE};
    limn_status status = app_model(options, "enhancenet", &bench->engine, &bench->model, error);
    if (status == LIMN_OK)
        status = limn_session_create(bench->model, bench->size, &bench->session, error);
    bench->load_seconds = time_now() - start;
    if (status == LIMN_OK)
        fill_inputs(bench->session);
    return status;
}

static void bench_close(struct bench *bench)
{
    limn_session_free(bench->session);
    limn_model_free(bench->model);
    limn_engine_free(bench->engine);
    mem_free(bench->runs);
}

static limn_status record_run(struct bench *bench, double seconds, limn_error *error)
{
    if (bench->run_count == bench->run_room) {
        size_t room = bench->run_room ? 2 * bench->run_room : 64;
        double *grown = mem_resize(bench->runs, room * sizeof *grown);
        if (!grown)
            return fail_memory(error, "the measurements", room * sizeof *grown);
        bench->runs = grown;
        bench->run_room = room;
    }
    bench->runs[bench->run_count++] = seconds;
    return LIMN_OK;
}

static limn_status bench_measure(const struct options *options, struct bench *bench, limn_error *error)
{
    limn_status status = limn_session_run(bench->session, error);
    if (status == LIMN_OK)
        session_profile(bench->session);
    double begin = time_now();
    while (status == LIMN_OK) {
        bool enough = options->reps
                          ? bench->run_count >= (size_t)options->reps
                          : bench->run_count >= LEAST_RUNS && time_now() - begin >= options->seconds;
        if (enough)
            break;
        double start = time_now();
        status = limn_session_run(bench->session, error);
        if (status == LIMN_OK)
            status = record_run(bench, time_now() - start, error);
    }
    if (status == LIMN_OK)
        qsort(bench->runs, bench->run_count, sizeof *bench->runs, ascending);
    return status;
}

/* ---- model ------------------------------------------------------------------------------- */

static void report_model(const struct options *options, const struct bench *bench)
{
    const struct plan *plan = &bench->session->plan;
    double min_ms = bench->runs[0] * 1e3, median_ms = median(bench->runs, bench->run_count) * 1e3;
    double flops = plan_flops(&bench->model->graph, plan), rss_mb = (double)mem_peak_resident() / 1e6;
    if (options->json) {
        printf(
            "{\"model\": \"%s\", \"size\": [%" PRId64 ", %" PRId64 ", %" PRId64
            "], \"engine\": \"%s\", \"threads\": %d, \"runs\": %zu, \"min_ms\": %.3f, \"median_ms\": %.3f, "
            "\"load_ms\": %.3f, \"peak_rss_mb\": %.1f, \"gflop\": %.3f, \"gflops\": %.1f}\n",
            limn_model_name(bench->model), bench->size.batch, bench->size.height, bench->size.width,
            limn_engine_describe(bench->engine), limn_engine_threads(bench->engine), bench->run_count, min_ms,
            median_ms, bench->load_seconds * 1e3, rss_mb, flops / 1e9, flops / min_ms / 1e6);
        return;
    }
    printf("%s\n%s, batch %" PRId64 ", %" PRId64 "x%" PRId64 ", %zu runs\n",
           limn_engine_describe(bench->engine), limn_model_name(bench->model), bench->size.batch,
           bench->size.height, bench->size.width, bench->run_count);
    printf("minimum  %10.3f ms   %.1f GFLOP/s (%.3f GFLOP)\nmedian   %10.3f ms\nload     %10.3f ms\npeak     "
           "%10.1f "
           "MB resident\n",
           min_ms, flops / min_ms / 1e6, flops / 1e9, median_ms, bench->load_seconds * 1e3, rss_mb);
}

/* ---- layers ------------------------------------------------------------------------------ */

static const char *dims_text(const struct layer_dims *d, char text[96])
{
    snprintf(text, 96, "%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64, d->n, d->oc, d->oh, d->ow);
    return text;
}

static void report_layers(const struct options *options, const struct bench *bench)
{
    const struct plan *plan = &bench->session->plan;
    const struct graph *graph = &bench->model->graph;
    double runs = (double)bench->run_count, sum = 0;
    double peak = native_for(engine_isa())->peak(0.1) * limn_engine_threads(bench->engine);
    char shape[96];
    for (int s = 0; s < plan->step_count; s++)
        sum += plan->steps[s].seconds / runs;
    if (options->json)
        printf("{\"model\": \"%s\", \"engine\": \"%s\", \"peak_gflops\": %.1f, \"layers\": [",
               limn_model_name(bench->model), limn_engine_describe(bench->engine), peak / 1e9);
    else
        printf("%s, multiply-add peak %.0f GFLOP/s\n%-28s %-10s %-16s %-18s %9s %6s %9s %8s %6s\n",
               limn_engine_describe(bench->engine), peak / 1e9, "layer", "operator", "kernel", "output", "ms",
               "share", "GFLOP/s", "MB", "peak");
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        const char *name = graph->nodes[step->node].name;
        double seconds = step->seconds / runs, rate = step_flops(graph, step) / seconds;
        if (options->json) {
            printf("%s\n  {\"name\": ", s ? "," : "");
            print_json_string(stdout, name);
            printf(", \"op\": \"%s\", \"variant\": \"%s\", \"why\": \"%s\", \"ms\": %.6f, \"gflops\": %.2f, "
                   "\"percent_of_peak\": %.1f, "
                   "\"bytes\": %zu, \"flop\": %.0f}",
                   step->operator->name, step->variant->name, choice_name(step->choice), seconds * 1e3,
                   rate / 1e9, 100 * rate / peak, step_bytes(step), step_flops(graph, step));
        } else {
            bool fastest = step->choice == CHOICE_FASTEST;
            printf("%-28s %-10s %-16s %-18s %9.3f %5.1f%% %9.1f %8.2f %5.1f%%%s%s\n", name,
                   step->operator->name, step->variant->name, dims_text(&step->args.d, shape), seconds * 1e3,
                   100 * seconds / sum, rate / 1e9, (double)step_bytes(step) / 1e6, 100 * rate / peak,
                   fastest ? "" : "  slower for: ", fastest ? "" : choice_name(step->choice));
        }
    }
    if (options->json)
        printf("],\n \"sum_ms\": %.6f, \"mean_ms\": %.6f}\n", sum * 1e3, mean(bench) * 1e3);
    else
        printf("%-28s %-10s %-16s %-18s %9.3f\n", "sum", "", "", "", sum * 1e3);
}

/* ---- machine ----------------------------------------------------------------------------- */

/* Best of a few products of two 2048 x 2048 matrices. */
static limn_status gemm_rate(double *flops, limn_error *error)
{
    enum { SIDE = 2048, TRIES = 5 };
    struct tensor abc;
    limn_status status = tensor_create(1, 3, SIDE, SIDE, &abc, error);
    if (status != LIMN_OK)
        return status;
    float *a = abc.data, *b = a + SIDE * SIDE, *c = b + SIDE * SIDE;
    for (int64_t i = 0; i < 2 * SIDE * SIDE; i++)
        a[i] = (float)(i % 17) / 17;
    double best = 1e30;
    for (int i = 0; i < TRIES; i++) {
        double start = time_now();
        gemm_run(&(struct gemm){SIDE, SIDE, SIDE, a, SIDE, b, SIDE, c, SIDE});
        double seconds = time_now() - start;
        best = seconds < best ? seconds : best;
    }
    *flops = 2.0 * SIDE * SIDE * SIDE / best;
    tensor_free(&abc);
    return LIMN_OK;
}

/* Best rate of copying a block far larger than a cache of one core; read and written bytes are counted. */
static limn_status copy_rate(double *bytes_per_second, limn_error *error)
{
    const size_t bytes = (size_t)256 << 20;
    char *block = mem_alloc(2 * bytes);
    if (!block)
        return fail_memory(error, "the bandwidth measurement", 2 * bytes);
    memset(block, 1, 2 * bytes);
    double best = 1e30;
    for (int i = 0; i < 5; i++) {
        double start = time_now();
        memcpy(block + bytes * (size_t)(i % 2), block + bytes * (size_t)(1 - i % 2), bytes);
        double seconds = time_now() - start;
        best = seconds < best ? seconds : best;
    }
    *bytes_per_second = 2 * (double)bytes / best;
    mem_free(block);
    return LIMN_OK;
}

static limn_status bench_machine(const struct options *options, limn_error *error)
{
    limn_engine *engine;
    double gemm = 0, copy = 0;
    limn_status status = app_engine(options, &engine, error);
    if (status != LIMN_OK)
        return status;
    double peak = native_for(engine_isa())->peak(0.5);
    status = gemm_rate(&gemm, error);
    if (status == LIMN_OK)
        status = copy_rate(&copy, error);
    if (status == LIMN_OK && options->json)
        printf(
            "{\"engine\": \"%s\", \"peak_gflops\": %.1f, \"gemm_gflops\": %.1f, \"copy_gb_per_s\": %.1f}\n",
            limn_engine_describe(engine), peak / 1e9, gemm / 1e9, copy / 1e9);
    else if (status == LIMN_OK)
        printf("%s\nmultiply-add peak of one core  %8.1f GFLOP/s\nOpenBLAS, 2048^3, one thread   %8.1f "
               "GFLOP/s, %.0f%% "
               "of it\ncopying memory, one thread     %8.1f GB/s read and written\n",
               limn_engine_describe(engine), peak / 1e9, gemm / 1e9, 100 * gemm / peak, copy / 1e9);
    limn_engine_free(engine);
    return status;
}

limn_status bench_run(const struct options *options, limn_error *error)
{
    const char *what = options->argument_count == 1 ? options->arguments[0] : "";
    bool layers = strcmp(what, "layers") == 0;
    if (strcmp(what, "machine") == 0)
        return bench_machine(options, error);
    if (strcmp(what, "kernels") == 0)
        return bench_kernels(options, error);
    if (!layers && strcmp(what, "model") != 0)
        return fail(error, LIMN_E_USAGE, "limn bench model, layers, kernels or machine");
    struct bench bench;
    limn_status status = bench_open(options, &bench, error);
    if (status == LIMN_OK)
        status = bench_measure(options, &bench, error);
    if (status == LIMN_OK && layers)
        report_layers(options, &bench);
    else if (status == LIMN_OK)
        report_model(options, &bench);
    bench_close(&bench);
    return status;
}
