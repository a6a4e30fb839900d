/* bench_trace.c - limn bench --trace: see bench.h. Writes Chrome's trace event format: an array of "complete"
 * events (ph X) with times in microseconds. */
#include "apps/cli/bench.h"
#include "apps/cli/text_output.h"
#include "engine/base/memory.h"
#include "engine/base/quote.h"
#include "engine/base/system.h"

#include <inttypes.h>

static void put_threads(struct text_output *file, const limn_session *session)
{
    text_put(file,
             "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"args\": {\"name\": \"limn %s\"}}",
             session->model->kind->name);
    for (int thread = 0; thread < limn_engine_threads(session->model->engine); thread++)
        text_put(file,
                 ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"args\": "
                 "{\"name\": \"thread %d%s\"}}",
                 thread, thread, thread ? "" : ", the caller");
}

static void put_step(struct text_output *file, const struct graph *graph, const struct step *step,
                     const struct task_time *times, double begin)
{
    int64_t prepare = step->needs.prepare_tasks;
    char quoted[QUOTED_ROOM];
    for (int64_t task = 0; task < step_tasks(step); task++) {
        const struct task_time *time = &times[task];
        bool first = task < prepare;
        text_put(file, ",\n{\"name\": \"");
        for (const char *name = graph->nodes[step->node].name; *name;)
            text_put(file, "%s", quote_next(DOCUMENT_JSON, &name, quoted));
        text_put(file,
                 "\", \"cat\": \"%s\", \"ph\": \"X\", \"ts\": %.3f, \"dur\": %.3f, \"pid\": 1, \"tid\": %d, "
                 "\"args\": {\"variant\": \"%s\", \"stage\": \"%s\", \"task\": %" PRId64 "}}",
                 step->op->name, (time->start - begin) * 1e6, (time->end - time->start) * 1e6, time->worker,
                 step->variant->name, first ? "prepare" : "run", first ? task : task - prepare);
    }
}

static limn_status write_times(const struct options *options, const limn_session *session,
                               const struct task_time *times, double begin, limn_error *error)
{
    struct text_output file;
    if (text_open(&file, options->trace, options->force, error) != LIMN_OK)
        return file.status;
    text_put(&file, "[\n");
    put_threads(&file, session);
    for (int s = 0; s < session->plan.step_count; s++) {
        const struct step *step = &session->plan.steps[s];
        put_step(&file, &session->graph, step, times, begin);
        times += step_tasks(step);
    }
    text_put(&file, "\n]\n");
    return text_close(&file);
}

limn_status trace_write(const struct options *options, limn_session *session, limn_error *error)
{
    size_t tasks = (size_t)session_tasks(session);
    struct task_time *times = mem_zalloc(tasks, sizeof *times);
    if (!times)
        return fail_memory(error, "the trace", tasks * sizeof *times);
    session_trace(session, times);
    double begin = system_seconds();
    limn_status status = limn_session_run(session, error);
    session_trace(session, NULL);
    if (status == LIMN_OK)
        status = write_times(options, session, times, begin, error);
    mem_free(times);
    return status;
}
