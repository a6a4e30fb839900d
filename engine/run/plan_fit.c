/* plan_fit.c - lighter variants, if the fastest exceed a budget: see plan.h.
 *
 * What a session holds, in the order of time:
 *
 *     packed weights        stay with the model, for all sessions
 *     staging               while packing: a buffer for each thread that packs; then it is freed
 *     arena                 values, and during each step what its stages share and its workspaces
 *
 * so at most packed + max(staging, arena). Over a budget, first fewer threads pack, which does not slow a
 * run; then steps change to lighter variants. A change saves
 *
 *     packed weights: those of one variant minus those of the other, and
 *     arena, if the step is where the arena is highest: what lives during the step and its own scratch
 *
 *       bytes |      __
 *             |   __|  |__        <- the scratch of this step counts; that of the others saves nothing
 *             |__|        |___
 *             +---------------- steps
 *
 * Of all possible changes the one that saves most for each multiplication is made, and the search starts
 * again. So a smaller budget gives up what a larger one does, and more. */
#include "engine/base/memory.h"
#include "engine/run/pack.h"
#include "engine/run/plan.h"
#include "layers/sizes.h"

#include <stdio.h>

/* ---- giving up speed --------------------------------------------------------------------- */

static struct pack_request request_of(const struct step *step)
{
    return (struct pack_request){.node = step->node, .variant = step->variant, .dims = &step->args.d};
}

static double packed_saved(limn_model *model, const struct step *step, const struct step *lighter)
{
    struct pack_request now = request_of(step), then = request_of(lighter);
    return (double)pack_bytes(model, &now) - (double)pack_bytes(model, &then);
}

/* What changing step `s` to `lighter` saves in the arena, whose height is `highest`: below 0 if the step
 * would rise above all others. */
static double arena_saved(const struct plan *plan, const struct graph *graph, size_t highest, int s,
                          const struct step *lighter)
{
    size_t values = plan_live_bytes(plan, graph, s);
    size_t before = size_sum(values, plan_scratch_bytes(plan, &plan->steps[s]));
    size_t after = size_sum(values, plan_scratch_bytes(plan, lighter));
    if (before == highest)
        return (double)before - (double)after;
    return after > highest ? (double)highest - (double)after : 0;
}

/* The fastest of the lighter variants of step `s`, and the bytes that it saves; 0 if there is none. They are
 * of the step's own family, of a precision that the rule allows: the reference is for checking, and OpenBLAS
 * holds memory that is not counted. */
static double find_lighter(const struct plan *plan, const struct graph *graph, limn_model *model,
                           size_t highest, int s, enum choice choice, struct step *lighter)
{
    const struct step *step = &plan->steps[s];
    double most = 0;
    for (const struct layer_variant *const *v = step->op->variants; *v != step->variant; v++) {
        if ((*v)->family != step->variant->family || !rule_allows(plan->rule, *v) ||
            !(*v)->applies(&step->args.d) ||
            (step->variant->in_place && !(*v)->in_place)) /* y may be in place */
            continue;
        struct step other = *step;
        step_choose(&other, *v, choice);
        double saved =
            packed_saved(model, step, &other) + (graph ? arena_saved(plan, graph, highest, s, &other) : 0);
        if (saved > 0)
            most = saved, *lighter = other;
    }
    return most;
}

bool plan_lighten(struct plan *plan, const struct graph *graph, limn_model *model, enum choice choice)
{
    size_t highest = graph ? plan_height(plan, graph) : 0;
    struct step best = {0};
    int at = -1;
    double most = 0;
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        struct step lighter;
        double saved = find_lighter(plan, graph, model, highest, s, choice, &lighter);
        double rate = saved / (1 + step->op->flops(&step->args.d)); /* 1: for steps that only copy */
        if (rate > most)
            most = rate, best = lighter, at = s;
    }
    if (at >= 0)
        plan->steps[at] = best;
    return at >= 0;
}

/* ---- the budget of packed weights -------------------------------------------------------- */

void plan_limit_weights(struct plan *plan, const struct graph *graph)
{
    enum { TIMES = 2, EXTRA = 48 << 20 };
    size_t raw, packed;
    do {
        raw = packed = 0;
        for (int s = 0; s < plan->step_count; s++) {
            const struct step *step = &plan->steps[s];
            const struct tensor_entry *weight = graph->nodes[step->node].weight;
            packed = size_sum(packed, step->needs.packed_bytes);
            raw = size_sum(raw, weight ? float_bytes((int64_t)weight->elements) : 0);
        }
    } while (packed > raw * TIMES + EXTRA && plan_lighten(plan, NULL, NULL, CHOICE_WEIGHTS));
}

/* ---- the memory limit -------------------------------------------------------------------- */

void plan_note_packing(struct plan *plan, limn_model *model, int threads)
{
    plan->packed_bytes = plan->staging_bytes = 0;
    plan->pack_threads = threads;
    for (int s = 0; s < plan->step_count; s++) {
        struct pack_request request = request_of(&plan->steps[s]);
        size_t staging = pack_staging_bytes(model, &request);
        plan->packed_bytes = size_sum(plan->packed_bytes, pack_bytes(model, &request));
        plan->staging_bytes = staging > plan->staging_bytes ? staging : plan->staging_bytes;
    }
}

size_t plan_bytes(const struct plan *plan)
{
    size_t staging = size_product(plan->pack_threads, plan->staging_bytes);
    size_t most = staging > plan->arena_bytes ? staging : plan->arena_bytes;
    size_t notes = PACK_NOTES + PACK_NOTES_EACH * (size_t)plan->step_count;
    return size_sum(most, size_sum(plan->packed_bytes, notes));
}

static limn_status too_large(const struct plan *plan, const limn_model *model, const struct plan_room *room,
                             limn_error *error)
{
    char what[600];
    size_t bytes = size_sum(plan_bytes(plan), room->beside);
    snprintf(what, sizeof what, "%s at this size", model->graph.path);
    return fail_need(error, room->reason, what, bytes,
                     room->hint ? room->hint : "a smaller picture, a smaller batch or fewer threads");
}

limn_status plan_fit(struct plan *plan, const struct graph *graph, limn_model *model,
                     const struct plan_room *room, limn_error *error)
{
    static const struct plan_room none = {0};
    room = room ? room : &none;
    size_t left = mem_available(), most = left > room->beside ? left - room->beside : 0;
    plan->threads = pool_threads(model->engine->pool);
    plan_sum_in_place(graph, plan);
    for (;;) {
        limn_status status = plan_place(graph, plan, error);
        if (status != LIMN_OK)
            return status;
        plan_note_packing(plan, model, pack_threads(model));
        while (plan_bytes(plan) > most && plan->pack_threads > 1)
            plan->pack_threads--;
        if (plan_bytes(plan) <= most)
            return LIMN_OK;
        if (!plan_lighten(plan, graph, model, CHOICE_MEMORY))
            return too_large(plan, model, room, error);
    }
}

limn_status plan_pack(struct plan *plan, limn_model *model, limn_error *error)
{
    size_t count = (size_t)plan->step_count;
    struct pack_request *requests = mem_zalloc(count, sizeof *requests);
    if (!requests)
        return fail_memory(error, model->graph.path, count * sizeof *requests);
    for (size_t s = 0; s < count; s++)
        requests[s] = request_of(&plan->steps[s]);
    limn_status status = model_pack(model, requests, plan->step_count, plan->pack_threads, error);
    for (size_t s = 0; s < count; s++)
        plan->steps[s].args.packed = requests[s].data;
    mem_free(requests);
    return status;
}
