/* plan.h - a graph at one size: every shape inferred, a kernel chosen for every node, memory laid out.
 *
 *     plan_create(graph, kernels, size, where, &plan, error);    the fastest kernels
 *     plan_fit(&plan, graph, model, error);                      fewer bytes, where memory is short
 *     plan_pack(&plan, model, error);                            the weights of these kernels
 *     plan_bind(&plan, graph, arena);                            arena: plan.arena_bytes
 *
 * Which kernel. A graph runs with the fastest variants, but for two budgets, see plan_fit.c:
 *
 *   weights   what all kernels keep packed is at most 2.5 times the weights themselves and 32 MB: Winograd's
 *             transformed weights are 1.4 to 6.3 times as large. It depends on the graph and the size only.
 *   memory    what is left under the memory limit when a session is created, if there is a limit. Every
 *             thread has scratch of its own, so under a limit the choice, and with it the last bits of
 *             results, can depend on the number of threads, and on what else is held.
 *
 * Over budget, one step after the other gets a lighter variant: of all such changes the one that saves most
 * bytes for each multiplication that the step does. All of them cost about the same factor in time, so that
 * is where a byte costs least; weights that few pixels share go first.
 *
 * Scratch of threads and of a step's two stages lies in the same arena as the values, each for the time of
 * its step: most steps have room for it that the highest one needs for values. */
#ifndef LIMN_PLAN_H
#define LIMN_PLAN_H

#include "engine/base/tensor.h"
#include "engine/run/model.h"

/* Why a step's variant is the one it is. */
enum choice {
    CHOICE_FASTEST,
    CHOICE_FAMILY,  /* a faster one is of a family of kernels that was not asked for */
    CHOICE_WEIGHTS, /* given up for the budget of packed weights */
    CHOICE_MEMORY,  /* given up for the memory limit */
};

struct step {
    int node;      /* the operation: whose weights and epilogue */
    value_id x, y; /* what it reads and makes */
    int64_t into;  /* channel of y it starts at: 0 but for copies into a concat */
    const struct layer_operator *op;
    const struct layer_variant *variant;
    enum choice choice;
    struct layer_args args;
    struct layer_needs needs;
    size_t shared_offset, workspace_offset; /* in the arena, for the time of this step */
    void *workspace;                        /* of all workers, once plan_bind gave it one */
};

/* Where one value lives. A value that is written in place into another, such as a part of a concat, has that
 * one as its `host` and begins `channel` channels into it; the host's own placement counts. Other values have
 * `bytes` bytes at `offset` of the arena from step `first` to step `last`. */
struct placement {
    value_id host; /* NO_VALUE: lives by itself */
    bool apart;    /* a part of a concat that is copied into it in the end: see plan.c */
    int64_t channel;
    size_t bytes, offset;
    int first, last;
};

struct plan {
    struct step *steps;
    int step_count;
    struct layer_dims *dims;      /* per node */
    struct placement *placements; /* per node; bytes 0 for one that makes nothing or has a host */
    struct tensor *values;        /* per node: a view into the arena, once plan_bind gave it one */
    int threads;                  /* with a workspace each; 1 before plan_fit */
    size_t arena_bytes;           /* SIZE_MAX when that overflows */

    /* Noted by plan_fit: what packing takes that the model does not have yet. */
    size_t packed_bytes, staging_bytes; /* staging: for a thread, while packing, before there is an arena */
    int pack_threads;                   /* threads that pack at a time */
};

/* The output's height and width of an operator that is no enlargement and no pad, from its kind, its input
 * and its window; 0 or less when the window does not fit. */
void plan_infer_output(enum layer_kind kind, struct layer_dims *d);

/* Plans `graph` at `size` with kernels of the given family. `where` names the graph in messages. Nothing is
 * packed or bound yet. LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status plan_create(const struct graph *graph, limn_kernels kernels, limn_size size, const char *where,
                        struct plan *plan, limn_error *error);
void plan_free(struct plan *plan);

/* What a caller says about the memory a plan may take. */
struct plan_room {
    size_t beside;    /* bytes that are left to the caller, who will hold them while a session stands */
    const char *hint; /* what takes less, for the message; NULL: what can be said of any session */
};

/* Lays the plan out for the threads of the model's engine and, where it takes more than is left under the
 * memory limit, gives up speed until it fits. LIMN_E_MEMORY, and nothing is allocated, when even the lightest
 * plan is too large. `room` may be NULL. */
limn_status plan_fit(struct plan *plan, const struct graph *graph, limn_model *model,
                     const struct plan_room *room, limn_error *error);

/* The most that a session holds at a time beside the plan itself: packed weights that the model does not have
 * yet, and the arena, or while packing the staging. After plan_fit. */
size_t plan_bytes(const struct plan *plan);

/* Notes what packing takes; see plan_fit, which does it. `threads` threads are to pack. */
void plan_note_packing(struct plan *plan, limn_model *model, int threads);

/* Changes one step to a lighter variant, by the packed weights that this saves alone; false when nothing is
 * left to give up. `model`: whose packed weights cost nothing again, or NULL. */
bool plan_lighten_weights(struct plan *plan, limn_model *model, enum choice choice);

/* Packs the weights that the model does not have yet, and points every step to its own. LIMN_E_WEIGHTS,
 * LIMN_E_MEMORY. */
limn_status plan_pack(struct plan *plan, limn_model *model, limn_error *error);

/* Lays out in one arena what placements and steps say they need: values of `bytes` bytes that live from step
 * `first` to `last`, what a step's two stages share, and its workspaces, which live for that step. Sets the
 * offsets and arena_bytes. plan_create has done it for the whole; a run in bands does it over.
 * LIMN_E_MEMORY. */
limn_status plan_place(const struct graph *graph, struct plan *plan, limn_error *error);

/* The node with memory of its own that `x` lies in, and the channel of it where x begins. */
value_id plan_host(const struct plan *plan, value_id x, int64_t *channel);

/* Points every step's arguments into `arena` (arena_bytes, aligned to 64). */
void plan_bind(struct plan *plan, const struct graph *graph, float *arena);

/* Bytes a step must at least move: inputs, packed weights and output, once each. */
size_t step_bytes(const struct step *step);

/* See node_flops; none for the copies into a concat. plan_flops: of all steps. */
double step_flops(const struct graph *graph, const struct step *step);
double plan_flops(const struct graph *graph, const struct plan *plan);

/* "fastest", "family", "weights", "memory" */
const char *choice_name(enum choice choice);

/* Gives a step a variant and what that needs, for plan.c and plan_fit.c. */
void step_choose(struct step *step, const struct layer_variant *variant, enum choice choice);

/* Bytes of the values that live during step `s`, or, for the number of steps, behind the last one. */
size_t plan_live_bytes(const struct plan *plan, const struct graph *graph, int s);

/* Bytes of the arena that a step has for itself: what its stages share, and its workspaces. */
size_t plan_scratch_bytes(const struct plan *plan, const struct step *step);

/* The height of the arena: bytes that live in it at a time at most. As good as arena_bytes, but quicker. */
size_t plan_height(const struct plan *plan, const struct graph *graph);

/* For plan_create: the fastest variant within the family; then all within the budget of packed weights. */
void step_choose_fastest(struct step *step, limn_kernels kernels);
void plan_limit_weights(struct plan *plan, const struct graph *graph);

#endif
