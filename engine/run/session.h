/* session.h - what stands behind limn_session, for the parts of limn that look inside a run. */
#ifndef LIMN_SESSION_H
#define LIMN_SESSION_H

#include "engine/base/watch.h"
#include "engine/run/plan.h"
#include "engine/run/step.h"

/* Called with the value of each node that runs, once, as soon as it is complete; that of a concat whose parts
 * were written in place right after the last of them. `made` may be a slice of a wider tensor, and stays
 * valid only during the call: its memory is used again by later steps. A status other than LIMN_OK ends the
 * run. */
typedef limn_status (*session_observer)(void *context, const struct node *node, const struct tensor *made,
                                        limn_error *error);

struct limn_session {
    limn_model *model;
    struct graph graph; /* the model's, as far as this session runs it: a view */
    struct plan plan;
    float *arena;
    double *step_seconds;         /* see session_profile, or NULL */
    struct task_time *task_times; /* see session_trace, or NULL */
    session_observer observer;
    void *observer_context;
    const struct watch *watch; /* see session_watch, or NULL */
};

/* What limn_session_create does not let one say. */
struct session_request {
    value_id output; /* how far the graph is run: see graph_until. Neither time nor memory goes into the rest,
                      * which the caller does in another way; the session's output is this value */
    limn_size size;
    struct plan_room room;
};

/* limn_session_create in two steps. The first finds out all there is to know, what the session will take
 * above all (plan_bytes, of which plan.packed_bytes stay with the model), and refuses what is too large; the
 * second packs weights and takes the memory. In between a caller can see whether the rest of its work fits,
 * and open its output. A session that was not prepared can only be freed.
 * Errors: those of limn_session_create. */
limn_status session_plan(limn_model *model, const struct session_request *request, limn_session **session,
                         limn_error *error);
limn_status session_prepare(limn_session *session, limn_error *error);

/* The tensor to fill with input `index` before a run, and the one to read after it; NHWC views. */
struct tensor *session_input(limn_session *session, int index);
const struct tensor *session_output(const limn_session *session);

void session_observe(limn_session *session, session_observer observer, void *context);

/* From now on each run shows before each step how much of its work is done, and ends where that says so.
 * NULL: no more. */
void session_watch(limn_session *session, const struct watch *watch);

/* From now on each run notes the seconds that each step takes in `seconds`, plan.step_count of them, which
 * the caller owns. From the end of a step to that of the next, so that they add up to the run. NULL: no more.
 */
void session_profile(limn_session *session, double *seconds);

/* Likewise each run notes when each task ran: session_tasks of them, one step after the other, as
 * step_run_timed has them. NULL: no more. */
void session_trace(limn_session *session, struct task_time *times);
int64_t session_tasks(const limn_session *session);

#endif
