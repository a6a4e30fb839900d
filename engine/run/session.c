/* session.c - sessions: see limn.h and session.h. */
#include "engine/run/session.h"
#include "engine/base/memory.h"
#include "engine/base/pages.h"
#include "engine/base/system.h"
#include "layers/cpu.h"

static limn_status create_step_facts(limn_session *session, limn_error *error)
{
    size_t count = (size_t)session->plan.step_count;
    session->step_facts = mem_zalloc(count, sizeof *session->step_facts);
    return session->step_facts
               ? LIMN_OK
               : fail_memory(error, "the steps of a session", count * sizeof *session->step_facts);
}

static void fill_step_facts(limn_session *session)
{
    const struct plan *plan = &session->plan;
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        const struct layer_dims *d = &step->args.d;
        session->step_facts[s] = (limn_step){.node = session->graph.nodes[step->node].name,
                                             .op = step->op->name,
                                             .kernel = step->variant->name,
                                             .choice = choice_name(step->choice),
                                             .input = {d->n, d->ic, d->ih, d->iw},
                                             .output = {d->n, d->oc, d->oh, d->ow},
                                             .flops = step_flops(&session->graph, step),
                                             .weight_bytes = step->needs.packed_bytes,
                                             .scratch_bytes = plan_scratch_bytes(plan, step)};
    }
}

limn_status session_plan(limn_model *model, const struct session_request *request, limn_session **session,
                         limn_error *error)
{
    *session = NULL;
    limn_session *created = mem_zalloc(1, sizeof *created);
    if (!created)
        return fail_memory(error, "a session", sizeof *created);
    created->model = model;
    created->graph = graph_until(&model->graph, request->output);
    limn_status status = plan_create(&created->graph, model->engine->rule, request->size, model->graph.path,
                                     &created->plan, error);
    if (status == LIMN_OK)
        status = create_step_facts(created, error);
    if (status == LIMN_OK)
        status = plan_fit(&created->plan, &created->graph, model, &request->room, error);
    if (status != LIMN_OK) {
        limn_session_free(created);
        return status;
    }
    *session = created;
    return LIMN_OK;
}

limn_status session_prepare(limn_session *session, limn_error *error)
{
    limn_model *model = session->model;
    struct plan *plan = &session->plan;
    limn_status status = plan_pack(plan, model, error);
    if (status != LIMN_OK)
        return status;
    session->arena = mem_alloc(plan->arena_bytes);
    if (!session->arena)
        return fail_memory(error, model->graph.path, plan->arena_bytes);
    pages_populate(model->engine->pool, session->arena, plan->arena_bytes);
    plan_bind(plan, &session->graph, session->arena);
    fill_step_facts(session);
    return LIMN_OK;
}

limn_status limn_session_create(limn_model *model, limn_size size, limn_session **session, limn_error *error)
{
    const struct session_request request = {.output = model->graph.output, .size = size};
    limn_status status = session_plan(model, &request, session, error);
    if (status == LIMN_OK)
        status = session_prepare(*session, error);
    if (status != LIMN_OK) {
        limn_session_free(*session);
        *session = NULL;
    }
    return status;
}

void limn_session_free(limn_session *session)
{
    if (!session)
        return;
    mem_free(session->arena);
    mem_free(session->step_facts);
    plan_free(&session->plan);
    mem_free(session);
}

struct tensor *session_input(const limn_session *session, int index)
{
    value_id node = graph_input_node(&session->graph, index);
    return node == NO_VALUE ? NULL : &session->plan.values[node];
}

const struct tensor *session_output(const limn_session *session)
{
    return &session->plan.values[graph_maker(&session->graph, session->graph.output)];
}

static limn_shape shape_of(const struct tensor *tensor)
{
    return tensor ? (limn_shape){tensor->n, tensor->c, tensor->h, tensor->w} : (limn_shape){0, 0, 0, 0};
}

limn_shape limn_session_input_shape(const limn_session *session, int index)
{
    return shape_of(session_input(session, index));
}

limn_shape limn_session_output_shape(const limn_session *session)
{
    return shape_of(session_output(session));
}

limn_status limn_session_set_input(limn_session *session, int index, const float *nchw, limn_error *error)
{
    struct tensor *input = session_input(session, index);
    if (!input)
        return fail(error, LIMN_E_USAGE, "%s has no input %d", session->model->kind->name, index);
    tensor_from_nchw(input, nchw);
    return LIMN_OK;
}

limn_status limn_session_get_output(const limn_session *session, float *nchw, limn_error *error)
{
    (void)error; /* never fails; the signature matches limn_session_set_input */
    tensor_to_nchw(session_output(session), nchw);
    return LIMN_OK;
}

void session_observe(limn_session *session, session_observer observer, void *context)
{
    session->observer = observer;
    session->observer_context = context;
}

void session_watch(limn_session *session, const struct watch *watch)
{
    session->watch = watch;
}

void session_trace(limn_session *session, struct task_time *times)
{
    session->task_times = times;
}

int64_t session_tasks(const limn_session *session)
{
    int64_t tasks = 0;
    for (int s = 0; s < session->plan.step_count; s++)
        tasks += step_tasks(&session->plan.steps[s]);
    return tasks;
}

const limn_step *limn_session_step(const limn_session *session, int index)
{
    return index >= 0 && index < session->plan.step_count ? &session->step_facts[index] : NULL;
}

/* ---- watching and observing -------------------------------------------------------------- */

void limn_session_set_watch(limn_session *session, const limn_watch *watch)
{
    session->user_watch = watch ? *watch : (limn_watch){0};
}

void limn_value_get(const limn_value *value, float *nchw)
{
    tensor_to_nchw(value->tensor, nchw);
}

/* A session_observer that calls the user's. */
static limn_status show_user(void *context, const struct node *node, const struct tensor *made,
                             limn_error *error)
{
    const limn_session *session = context;
    const limn_observer *user = &session->user_observer;
    const limn_value value = {node->name, node->made, shape_of(made), made};
    uint64_t inside = cpu_flush_denormals();
    cpu_restore_denormals(session->denormals);
    bool goes_on = user->observe(user->context, &value);
    cpu_restore_denormals(inside);
    return goes_on ? LIMN_OK : fail(error, LIMN_E_CANCELLED, "cancelled after node %s", node->name);
}

void limn_session_set_observer(limn_session *session, const limn_observer *observer)
{
    session->user_observer = observer ? *observer : (limn_observer){0};
    session_observe(session, session->user_observer.observe ? show_user : NULL, session);
}

static limn_status observe_inputs(const limn_session *session, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (value_id x = 0; status == LIMN_OK && x < session->graph.count; x++)
        if (session->graph.nodes[x].role == NODE_INPUT)
            status = session->observer(session->observer_context, &session->graph.nodes[x],
                                       &session->plan.values[x], error);
    return status;
}

/* ---- running ----------------------------------------------------------------------------- */

/* The value that `x` is a part of, or NO_VALUE. */
static value_id whole_of(const struct plan *plan, value_id x)
{
    return plan->placements[x].replaces ? NO_VALUE : plan->placements[x].host;
}

/* Whether a step after step `s` writes into `x`, as the parts of a concat do one after the other. */
static bool written_later(const struct plan *plan, int s, value_id x)
{
    for (int later = s + 1; later < plan->step_count; later++)
        for (value_id y = plan->steps[later].y; y != NO_VALUE; y = whole_of(plan, y))
            if (y == x)
                return true;
    return false;
}

/* Shows the observer the value of step `s`, and every host that this value completes. */
static limn_status observe(const limn_session *session, int s, limn_error *error)
{
    const struct plan *plan = &session->plan;
    limn_status status = LIMN_OK;
    for (value_id y = plan->steps[s].y; status == LIMN_OK && y != NO_VALUE; y = whole_of(plan, y))
        if (!written_later(plan, s, y))
            status = session->observer(session->observer_context, &session->graph.nodes[y], &plan->values[y],
                                       error);
    return status;
}

static limn_status run_steps(limn_session *session, limn_error *error)
{
    struct plan *plan = &session->plan;
    struct pool *pool = session->model->engine->pool;
    struct task_time *times = session->task_times;
    double done = 0, all = session->watch ? plan_flops(&session->graph, plan) : 0;
    limn_status status = session->observer ? observe_inputs(session, error) : LIMN_OK;
    for (int s = 0; status == LIMN_OK && s < plan->step_count; s++) {
        struct step *step = &plan->steps[s];
        if (session->watch) {
            status = watch_show(session->watch, done / all, error);
            if (status != LIMN_OK)
                break;
            done += step_flops(&session->graph, step);
        }
        double start = system_seconds();
        step_run(step, pool, times);
        session->step_facts[s].seconds = system_seconds() - start;
        if (times)
            times += step_tasks(step);
        if (session->observer)
            status = observe(session, s, error);
    }
    return status;
}

limn_status limn_session_run(limn_session *session, limn_error *error)
{
    const bool watched = session->user_watch.progress != NULL;
    const struct watch watch = watch_of(&session->user_watch);
    session->denormals = cpu_flush_denormals();
    if (watched)
        session_watch(session, &watch);
    limn_status status = run_steps(session, error);
    if (watched) {
        session_watch(session, NULL);
        status = status == LIMN_OK ? watch_show(&watch, 1, error) : status;
    }
    cpu_restore_denormals(session->denormals);
    return status;
}
