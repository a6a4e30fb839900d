/* plan_fit.c - which variant each step runs with, and what all of them take: see plan.h.
 *
 * What a session holds, in the order in which it comes and goes:
 *
 *     packed weights        stay with the model, for all sessions
 *     staging               while packing: a buffer for each thread; then it is given back
 *     arena                 values, and for the time of a step what its stages share and its workspaces
 *
 * so at most packed + max(staging, arena). Over a budget, first fewer threads pack, which costs no run
 * anything; then steps change to lighter variants. A change saves
 *
 *     packed weights, those of one variant less those of the other, and
 *     arena, if the step stands where the arena is highest: what lives during the step and its own scratch
 *
 *       bytes |      __
 *             |   __|  |__        <- this step's scratch counts; that of the others would save nothing
 *             |__|        |___
 *             +---------------- steps
 *
 * and of all possible changes the one that saves most for each multiplication is made. The next is looked for
 * in what is then. So a smaller budget gives up what a larger one does, and more. */
#include "engine/base/memory.h"
#include "engine/run/pack.h"
#include "engine/run/plan.h"
#include "engine/run/step.h"

#include <stdio.h>

/* ---- variants ---------------------------------------------------------------------------- */

const char *choice_name(enum choice choice)
{
    static const char *const names[] = {"fastest", "family", "weights", "memory"};
    return names[choice];
}

void step_choose(struct step *step, const struct layer_variant *variant, enum choice choice)
{
    step->variant = variant;
    step->choice = choice;
    step->needs = variant->needs(&step->args.d);
}

static bool allowed(enum layer_family family, limn_kernels kernels)
{
    switch (kernels) {
    case LIMN_KERNELS_REFERENCE:
        return family == FAMILY_REFERENCE;
    case LIMN_KERNELS_OPENBLAS:
        return family != FAMILY_NATIVE;
    case LIMN_KERNELS_NATIVE: /* its variants stand behind OpenBLAS's, which fill the gaps */
    case LIMN_KERNELS_AUTO:
    default:
        return true;
    }
}

/* Variants stand in the order of their speed, the reference first. */
void step_choose_fastest(struct step *step, limn_kernels kernels)
{
    const struct layer_variant *const *v = step->op->variants, *best = v[0], *fastest = v[0];
    while (*++v) {
        if (!(*v)->applies(&step->args.d))
            continue;
        fastest = *v;
        if (allowed((*v)->family, kernels))
            best = *v;
    }
    step_choose(step, best, best == fastest ? CHOICE_FASTEST : CHOICE_FAMILY);
}

/* ---- giving up speed --------------------------------------------------------------------- */

/* Bytes that live in the arena during each step, and where most do. */
struct heights {
    const struct plan *plan;
    const struct graph *graph;
    size_t highest;
};

static size_t scratch_bytes(const struct plan *plan, const struct layer_needs *needs)
{
    return needs->shared_bytes + workspace_stride(needs->workspace_bytes) * (size_t)plan->threads;
}

size_t plan_scratch_bytes(const struct plan *plan, const struct step *step)
{
    return scratch_bytes(plan, &step->needs);
}

size_t plan_live_bytes(const struct plan *plan, const struct graph *graph, int s)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->count; i++)
        if (plan->placements[i].first <= s && s <= plan->placements[i].last)
            bytes += plan->placements[i].bytes;
    return bytes;
}

static size_t height_at(const struct plan *plan, const struct graph *graph, int s)
{
    return plan_live_bytes(plan, graph, s) + plan_scratch_bytes(plan, &plan->steps[s]);
}

size_t plan_height(const struct plan *plan, const struct graph *graph)
{
    size_t highest = 0;
    for (int s = 0; s < plan->step_count; s++) {
        size_t height = height_at(plan, graph, s);
        highest = height > highest ? height : highest;
    }
    return highest;
}

/* What a change saves in the arena, below 0 where the step would rise above all others. */
static double arena_saved(const struct heights *heights, int s, const struct layer_variant *variant)
{
    const struct step *step = &heights->plan->steps[s];
    struct layer_needs needs = variant->needs(&step->args.d);
    size_t height = height_at(heights->plan, heights->graph, s);
    double before = (double)height, highest = (double)heights->highest;
    double after = before - (double)plan_scratch_bytes(heights->plan, step) +
                   (double)scratch_bytes(heights->plan, &needs);
    if (height == heights->highest)
        return before - after;
    return after > highest ? highest - after : 0;
}

static double packed_saved(limn_model *model, const struct step *step, const struct layer_variant *variant)
{
    struct pack_request had = {.node = step->node, .variant = step->variant, .dims = &step->args.d};
    struct pack_request instead = {.node = step->node, .variant = variant, .dims = &step->args.d};
    return (double)pack_bytes(model, &had) - (double)pack_bytes(model, &instead);
}

/* Makes the change that saves most for each multiplication; false when none saves anything. Candidates are
 * the slower variants of the step's own family: the reference is for checking, and OpenBLAS holds memory that
 * nobody counts. heights: NULL for packed weights alone. */
static bool lighten(struct plan *plan, const struct heights *heights, limn_model *model, enum choice choice)
{
    struct step *lighter = NULL;
    const struct layer_variant *variant = NULL;
    double most = 0;
    for (int s = 0; s < plan->step_count; s++) {
        struct step *step = &plan->steps[s];
        const struct layer_variant *const *v = step->op->variants;
        for (; *v != step->variant; v++) {
            if ((*v)->family != step->variant->family || !(*v)->applies(&step->args.d))
                continue;
            double saved = packed_saved(model, step, *v) + (heights ? arena_saved(heights, s, *v) : 0);
            double rate = saved / (1 + step->op->flops(&step->args.d)); /* 1: of what only copies */
            if (rate > most)
                most = rate, lighter = step, variant = *v;
        }
    }
    if (lighter)
        step_choose(lighter, variant, choice);
    return lighter;
}

bool plan_lighten_weights(struct plan *plan, limn_model *model, enum choice choice)
{
    return lighten(plan, NULL, model, choice);
}

/* ---- the budget of packed weights -------------------------------------------------------- */

void plan_limit_weights(struct plan *plan, const struct graph *graph)
{
    enum { HALVES = 5, EXTRA = 32 << 20 };
    size_t raw = 0, packed = 0;
    do {
        raw = packed = 0;
        for (int s = 0; s < plan->step_count; s++) {
            const struct step *step = &plan->steps[s];
            const struct tensor_entry *weight = graph->nodes[step->node].weight;
            packed += step->needs.packed_bytes;
            raw += weight ? (size_t)weight->elements * sizeof(float) : 0;
        }
    } while (packed > raw / 2 * HALVES + EXTRA && plan_lighten_weights(plan, NULL, CHOICE_WEIGHTS));
}

/* ---- the memory limit -------------------------------------------------------------------- */

void plan_note_packing(struct plan *plan, limn_model *model, int threads)
{
    plan->packed_bytes = plan->staging_bytes = 0;
    plan->pack_threads = threads;
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        struct pack_request request = {.node = step->node, .variant = step->variant, .dims = &step->args.d};
        size_t staging = pack_staging_bytes(model, &request);
        plan->packed_bytes += pack_bytes(model, &request);
        plan->staging_bytes = staging > plan->staging_bytes ? staging : plan->staging_bytes;
    }
}

size_t plan_bytes(const struct plan *plan)
{
    size_t staging = plan->staging_bytes * (size_t)plan->pack_threads, bytes;
    size_t most = staging > plan->arena_bytes ? staging : plan->arena_bytes;
    size_t notes = PACK_NOTES + PACK_NOTES_EACH * (size_t)plan->step_count;
    return __builtin_add_overflow(most, plan->packed_bytes + notes, &bytes) ? SIZE_MAX : bytes;
}

static limn_status too_large(const struct plan *plan, const limn_model *model, const struct plan_room *room,
                             limn_error *error)
{
    char what[600];
    size_t bytes;
    if (__builtin_add_overflow(plan_bytes(plan), room->beside, &bytes))
        bytes = SIZE_MAX;
    snprintf(what, sizeof what, "%s at this size", model->graph.path);
    return fail_need(error, what, bytes,
                     room->hint ? room->hint : "a smaller picture, a smaller batch or fewer threads");
}

limn_status plan_fit(struct plan *plan, const struct graph *graph, limn_model *model,
                     const struct plan_room *room, limn_error *error)
{
    static const struct plan_room all = {0};
    room = room ? room : &all;
    size_t left = mem_available(), most = left > room->beside ? left - room->beside : 0;
    plan->threads = pool_threads(model->engine->pool);
    for (;;) {
        limn_status status = plan_place(graph, plan, error);
        if (status != LIMN_OK)
            return status;
        plan_note_packing(plan, model, pack_threads(model));
        while (plan_bytes(plan) > most && plan->pack_threads > 1)
            plan->pack_threads--;
        if (plan_bytes(plan) <= most)
            return LIMN_OK;
        struct heights heights = {plan, graph, plan_height(plan, graph)};
        if (!lighten(plan, &heights, model, CHOICE_MEMORY))
            return too_large(plan, model, room, error);
    }
}

limn_status plan_pack(struct plan *plan, limn_model *model, limn_error *error)
{
    size_t count = (size_t)plan->step_count;
    struct pack_request *requests = mem_zalloc(count, sizeof *requests);
    if (!requests)
        return fail_memory(error, model->graph.path, count * sizeof *requests);
    for (size_t s = 0; s < count; s++) {
        const struct step *step = &plan->steps[s];
        requests[s] =
            (struct pack_request){.node = step->node, .variant = step->variant, .dims = &step->args.d};
    }
    limn_status status = model_pack(model, requests, plan->step_count, plan->pack_threads, error);
    for (size_t s = 0; s < count; s++)
        plan->steps[s].args.packed = requests[s].data;
    mem_free(requests);
    return status;
}
