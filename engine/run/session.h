/* session.h - the opaque limn_session of limn.h, for the parts of limn that look inside a run. */
#ifndef LIMN_SESSION_H
#define LIMN_SESSION_H

#include "engine/base/watch.h"
#include "engine/run/plan.h"

/* Called with each input when a run begins, then once with the value of each node that runs, as soon as it is
 * complete; a concat whose parts were written in place is complete after the last of them. `made` may be a
 * slice of a wider tensor. It is valid only during the call: later steps reuse its memory. A status other
 * than LIMN_OK ends the run. */
typedef limn_status (*session_observer)(void *context, const struct node *node, const struct tensor *made,
                                        limn_error *error);

struct limn_session {
    limn_model *model;
    struct graph graph; /* the part of the model's graph that this session runs: a view */
    struct plan plan;
    float *arena;
    limn_step *step_facts;        /* per step of the plan: see limn_session_step */
    struct task_time *task_times; /* see session_trace, or NULL */
    session_observer observer;    /* see session_observe, or NULL */
    void *observer_context;
    const struct watch *watch;   /* see session_watch, or NULL */
    limn_watch user_watch;       /* see limn_session_set_watch; all zero: none */
    limn_observer user_observer; /* see limn_session_set_observer; all zero: none */
    uint64_t denormals;          /* of a run: the caller's mode, restored during the observer's calls */
};

/* The arguments of limn_session_create, and two more. */
struct session_request {
    value_id output; /* the session's output: the graph runs up to it, see graph_until; the rest of the graph
                      * takes neither time nor memory */
    limn_size size;
    struct plan_room room;
};

/* limn_session_create in two steps. session_plan finds what the session will take (plan_bytes, of which
 * plan.packed_bytes stay with the model), and refuses what is too large. session_prepare packs the weights
 * and allocates the memory. In between a caller can check that the rest of its work fits, and open its
 * output. A session that is not prepared can only be freed. Errors: those of limn_session_create. */
limn_status session_plan(limn_model *model, const struct session_request *request, limn_session **session,
                         limn_error *error);
limn_status session_prepare(limn_session *session, limn_error *error);

/* The tensor to fill with input `index` before a run, and the one to read after it; NHWC views. */
struct tensor *session_input(const limn_session *session, int index);
const struct tensor *session_output(const limn_session *session);

/* Sets what each of the following runs calls or records. NULL disables it. */

void session_observe(limn_session *session, session_observer observer, void *context);

/* Shows before each step which part of the work is done; the run ends if the watch is cancelled. */
void session_watch(limn_session *session, const struct watch *watch);

/* Records the time of each task in `times` (session_tasks elements, owned by the caller), step after step, as
 * step_run does. */
void session_trace(limn_session *session, struct task_time *times);
int64_t session_tasks(const limn_session *session);

#endif
