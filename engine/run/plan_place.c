/* plan_place.c - which values share memory, and offsets in the arena: see plan.h. */
#include "engine/base/memory.h"
#include "engine/run/plan.h"
#include "layers/sizes.h"

#include <stdlib.h>
#include <string.h>

/* ---- sums in place ----------------------------------------------------------------------- */

/* Whether step `s` may write over its residual, which lies in `host`. */
static bool may_replace(const struct graph *graph, const struct plan *plan, int s, value_id host)
{
    const struct step *step = &plan->steps[s];
    int64_t channel;
    return step->variant->in_place && graph->nodes[host].role == NODE_LAYER &&
           plan->placements[host].last == s && plan_host(plan, step->x, &channel) != host &&
           plan->placements[step->y].host == NO_VALUE && plan->dims[host].oc == plan->dims[step->y].oc;
}

void plan_sum_in_place(const struct graph *graph, struct plan *plan)
{
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        int64_t channel;
        value_id host = step->residual == NO_VALUE ? NO_VALUE : plan_host(plan, step->residual, &channel);
        if (host == NO_VALUE || !may_replace(graph, plan, s, host))
            continue;
        plan->placements[host].last = plan->placements[step->y].last;
        plan->placements[step->y] = (struct placement){.host = host, .replaces = true};
    }
}

/* ---- offsets ----------------------------------------------------------------------------- */

static int larger_first(const void *left, const void *right)
{
    const struct placement *a = *(struct placement *const *)left, *b = *(struct placement *const *)right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : a > b; /* a fixed order, so that plans repeat */
}

/* The lowest offset at which `block` overlaps none of the first `placed` entries of `order`, which have
 * theirs. Moves up past each block it overlaps; at most `placed` times, because each move passes the end of
 * another. */
static size_t lowest_offset(struct placement *const *order, int placed, const struct placement *block)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < placed; i++) {
            const struct placement *other = order[i];
            bool together = other->first <= block->last && block->first <= other->last;
            if (together && offset < other->offset + other->bytes && other->offset < offset + block->bytes) {
                offset = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

/* Puts each block of `order` at the lowest offset where it overlaps nothing that lives at the same time; then
 * moves the block that ends highest to the front of `order`. Returns its end. */
static size_t place_in_order(struct placement **order, int count)
{
    size_t end = 0;
    int highest = 0;
    for (int i = 0; i < count; i++) {
        order[i]->offset = lowest_offset(order, i, order[i]);
        if (order[i]->offset + order[i]->bytes > end) {
            end = order[i]->offset + order[i]->bytes;
            highest = i;
        }
    }
    struct placement *front = order[highest];
    memmove(order + 1, order, (size_t)highest * sizeof(struct placement *));
    order[0] = front;
    return end;
}

/* Rounds sizes up to whole cache lines; false if their sum overflows. */
static bool align(struct placement *const *order, int count)
{
    size_t sum = 0; /* above every offset */
    bool possible = true;
    for (int i = 0; i < count; i++) {
        order[i]->bytes = whole_lines(order[i]->bytes);
        possible = possible && !__builtin_add_overflow(sum, order[i]->bytes, &sum);
    }
    return possible;
}

/* Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020): the
 * largest first. If that ends above `height`, the lower bound, tries a few more orders, each with the block
 * at the top moved to the front, and takes the best. */
static size_t place(struct placement **order, int count, size_t height)
{
    enum { TRIES = 8 };
    size_t least = SIZE_MAX;
    int best = 0, last = 0;
    if (!align(order, count))
        return SIZE_MAX;
    qsort(order, (size_t)count, sizeof(struct placement *), larger_first);
    for (int i = 0; i < TRIES && least > height; i++) {
        size_t end = place_in_order(order, count);
        last = i;
        if (end < least)
            least = end, best = i;
    }
    if (best != last)
        qsort(order, (size_t)count, sizeof(struct placement *), larger_first);
    for (int i = 0; best != last && i <= best; i++)
        place_in_order(order, count);
    return least;
}

/* The two blocks that only step `s` uses: what its stages share, and its workspaces. */
static void describe_scratch(const struct plan *plan, int s, struct placement *shared,
                             struct placement *workspaces)
{
    const struct step *step = &plan->steps[s];
    *shared = *workspaces = (struct placement){.first = s, .last = s};
    shared->bytes = step->needs.shared_bytes;
    workspaces->bytes = size_product(plan->threads, workspace_stride(step->needs.workspace_bytes));
}

limn_status plan_place(const struct graph *graph, struct plan *plan, limn_error *error)
{
    size_t steps = (size_t)plan->step_count, most = (size_t)graph->count + 2 * steps;
    struct placement **order = mem_zalloc(most, sizeof(struct placement *));
    struct placement *scratch = mem_zalloc(2 * steps, sizeof *scratch);
    limn_status status = LIMN_OK;
    if (order && scratch) {
        int count = 0;
        for (int s = 0; s < plan->step_count; s++)
            describe_scratch(plan, s, &scratch[2 * s], &scratch[2 * s + 1]);
        for (int i = 0; i < graph->count; i++)
            if (plan->placements[i].bytes)
                order[count++] = &plan->placements[i];
        for (int i = 0; i < 2 * plan->step_count; i++)
            if (scratch[i].bytes)
                order[count++] = &scratch[i];
        plan->arena_bytes = place(order, count, plan_height(plan, graph));
        for (int s = 0; s < plan->step_count; s++) {
            plan->steps[s].shared_offset = scratch[2 * s].offset;
            plan->steps[s].workspace_offset = scratch[2 * s + 1].offset;
        }
    } else {
        status = fail_memory(error, "the plan", most * sizeof(struct placement *));
    }
    mem_free(order);
    mem_free(scratch);
    return status;
}
