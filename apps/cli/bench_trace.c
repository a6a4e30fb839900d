/* bench_trace.c - limn bench --trace: see bench.h. The format is that of Chrome's trace events, an array of
 * "complete" events (ph X) with times in microseconds. */
#include "apps/cli/bench.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <inttypes.h>
#include <stdarg.h>

static limn_status put(struct output *output, limn_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static limn_status put(struct output *output, limn_error *error, const char *format, ...)
{
    char text[512]; /* for names of operators, variants and networks, which are limn's own */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return output_write(output, text, (size_t)length, error);
}

static limn_status put_threads(struct output *output, const limn_session *session, limn_error *error)
{
    limn_status status = put(output, error,
                             "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"args\": {\"name\": "
                             "\"limn %s\"}}",
                             session->model->kind->name);
    for (int thread = 0; status == LIMN_OK && thread < limn_engine_threads(session->model->engine); thread++)
        status = put(output, error,
                     ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"args\": "
                     "{\"name\": \"thread %d%s\"}}",
                     thread, thread, thread ? "" : ", the caller");
    return status;
}

static limn_status put_string(struct output *output, const char *text, limn_error *error)
{
    char escaped[8];
    limn_status status = put(output, error, "\"");
    for (; status == LIMN_OK && *text; text++)
        status = put(output, error, "%s", json_escape(*text, escaped));
    return status == LIMN_OK ? put(output, error, "\"") : status;
}

static limn_status put_task(struct output *output, const struct step *step, int64_t task,
                            const struct task_time *time, double begin, limn_error *error)
{
    int64_t prepare = step->needs.prepare_tasks;
    bool first = task < prepare;
    return put(output, error,
               ", \"cat\": \"%s\", \"ph\": \"X\", \"ts\": %.3f, \"dur\": %.3f, \"pid\": 1, \"tid\": %d, "
               "\"args\": {\"variant\": \"%s\", \"stage\": \"%s\", \"task\": %" PRId64 "}}",
               step->op->name, (time->start - begin) * 1e6, (time->end - time->start) * 1e6, time->worker,
               step->variant->name, first ? "prepare" : "run", first ? task : task - prepare);
}

static limn_status put_step(struct output *output, const struct graph *graph, const struct step *step,
                            const struct task_time *times, double begin, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (int64_t task = 0; status == LIMN_OK && task < step_tasks(step); task++) {
        status = put(output, error, ",\n{\"name\": ");
        if (status == LIMN_OK)
            status = put_string(output, graph->nodes[step->node].name, error);
        if (status == LIMN_OK)
            status = put_task(output, step, task, &times[task], begin, error);
    }
    return status;
}

static limn_status put_all(struct output *output, const limn_session *session, const struct task_time *times,
                           double begin, limn_error *error)
{
    limn_status status = put(output, error, "[\n");
    if (status == LIMN_OK)
        status = put_threads(output, session, error);
    for (int s = 0; status == LIMN_OK && s < session->plan.step_count; s++) {
        const struct step *step = &session->plan.steps[s];
        status = put_step(output, &session->graph, step, times, begin, error);
        times += step_tasks(step);
    }
    return status == LIMN_OK ? put(output, error, "\n]\n") : status;
}

limn_status trace_write(const struct options *options, limn_session *session, limn_error *error)
{
    struct output *output;
    size_t tasks = (size_t)session_tasks(session);
    struct task_time *times = mem_zalloc(tasks, sizeof *times);
    if (!times)
        return fail_memory(error, "the trace", tasks * sizeof *times);
    session_trace(session, times);
    double begin = time_now();
    limn_status status = limn_session_run(session, error);
    session_trace(session, NULL);
    if (status == LIMN_OK)
        status = output_open(options->trace, options->force, &output, error);
    if (status == LIMN_OK) {
        status = put_all(output, session, times, begin, error);
        if (status == LIMN_OK)
            status = output_commit(output, error);
        else
            output_abandon(output);
    }
    mem_free(times);
    return status;
}
