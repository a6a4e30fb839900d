/* plan.h - a graph at one size: every shape inferred, a kernel chosen for every node, memory laid out.
 *
 *     plan_create(graph, rule, size, where, &plan, error);       the fastest kernels
 *     plan_fit(&plan, graph, model, room, error);                fewer bytes, if memory is short
 *     plan_pack(&plan, model, error);                            the weights of these kernels
 *     plan_bind(&plan, graph, arena);                            arena: plan.arena_bytes
 *
 * Which kernel. A graph runs with the fastest variants, within two budgets, see plan_fit.c:
 *
 *   weights   all packed weights together take at most twice the weights themselves plus 48 MB: Winograd's
 *             transformed weights are 1.4 to 6.3 times as large. This depends on the graph and the size only.
 *   memory    what is left under the memory limit when a session is created, if there is a limit. Every
 *             thread has its own scratch, so under a limit the choice, and with it the last bits of results,
 *             can depend on the number of threads and on the memory that is in use.
 *
 * Over budget, one step after the other gets the fastest of its lighter variants: each time the change that
 * saves most bytes for each multiplication of the step, because there a byte costs least time. Weights that
 * few pixels share go first. Where Winograd's algorithm runs, the first change is to its lean variant, which
 * takes 3 to 11% longer with 256 channels and more, a third with 64; without it, a step takes two to three
 * times as long.
 *
 * Scratch of threads and of a step's two stages lies in the same arena as the values, during its step: most
 * steps need less for values than the highest one, and have room for it. */
#ifndef LIMN_PLAN_H
#define LIMN_PLAN_H

#include "engine/base/tensor.h"
#include "engine/run/model.h"
#include "engine/run/step.h"

/* Where one value lies. A value that is written in place into another, such as a part of a concat, has that
 * one as its `host` and begins `channel` channels into it; the host's own placement counts. Other values have
 * `bytes` bytes at `offset` of the arena from step `first` to step `last`. */
struct placement {
    value_id host; /* NO_VALUE: its own memory */
    bool apart;    /* a part of a concat that is copied into it at the end: see plan_create.c */
    bool replaces; /* the host's contents, which are not read again: see plan_sum_in_place */
    int64_t channel;
    size_t bytes, offset;
    int first, last;
};

struct plan {
    struct kernel_rule rule;
    struct step *steps;
    int step_count;
    struct layer_dims *dims;      /* per node */
    struct placement *placements; /* per node; bytes 0 if the node makes nothing or has a host */
    struct tensor *values;        /* per node: a view into the arena; set by plan_bind */
    int threads;                  /* with a workspace each; 1 before plan_fit */
    size_t arena_bytes;           /* SIZE_MAX if that overflows */

    /* Set by plan_fit: what packing takes that the model does not have yet. */
    size_t packed_bytes, staging_bytes; /* staging: per thread, only while packing, before the arena exists */
    int pack_threads;                   /* threads that pack at a time */
};

/* ---- making a plan ----------------------------------------------------------------------- */

/* Plans `graph` at `size` with the kernels that the rule allows. `where` names the graph in messages. Packs
 * and binds nothing. LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status plan_create(const struct graph *graph, struct kernel_rule rule, limn_size size, const char *where,
                        struct plan *plan, limn_error *error);
void plan_free(struct plan *plan);

/* Memory that is not the plan's. */
struct plan_room {
    size_t beside;      /* bytes that the caller will hold while the session exists */
    const char *hint;   /* for the message: what needs less; NULL: what holds for any session */
    limn_reason reason; /* of that error */
};

/* Lays the plan out for the threads of the model's engine and, if it takes more than is left under the memory
 * limit, gives up speed until it fits. LIMN_E_MEMORY, and nothing is allocated, if even the lightest plan is
 * too large. `room` may be NULL. */
limn_status plan_fit(struct plan *plan, const struct graph *graph, limn_model *model,
                     const struct plan_room *room, limn_error *error);

/* The most that a session holds at a time besides the plan itself: packed weights that the model does not
 * have yet, and the larger of the arena and, while packing, the staging. After plan_fit. */
size_t plan_bytes(const struct plan *plan);

/* Packs the weights that the model does not have yet, and points every step to its own. LIMN_E_WEIGHTS,
 * LIMN_E_MEMORY. */
limn_status plan_pack(struct plan *plan, limn_model *model, limn_error *error);

/* Points every step's arguments into `arena` (arena_bytes, aligned to 64). */
void plan_bind(struct plan *plan, const struct graph *graph, float *arena);

/* ---- reading a plan ---------------------------------------------------------------------- */

/* The node with its own memory that `x` lies in, and the channel of it at which x begins. */
value_id plan_host(const struct plan *plan, value_id x, int64_t *channel);

/* The sum of step_flops. */
double plan_flops(const struct graph *graph, const struct plan *plan);

/* Bytes of the values that live during step `s`, or, if `s` is the number of steps, after the last one. */
size_t plan_live_bytes(const struct plan *plan, const struct graph *graph, int s);

/* Bytes of the arena that only `step` uses: what its stages share, and its workspaces. */
size_t plan_scratch_bytes(const struct plan *plan, const struct step *step);

/* The height of the arena: the most bytes that live in it at a time. A lower bound of arena_bytes, and quick
 * to compute. */
size_t plan_height(const struct plan *plan, const struct graph *graph);

/* ---- the passes, each in a file of its own ----------------------------------------------- */

/* The output's height and width of an operator that is neither an enlargement nor a pad, from its kind, its
 * input and its window; 0 or less if the window does not fit. */
void plan_infer_output(enum layer_kind kind, struct layer_dims *d);

/* Fills plan->dims. LIMN_E_INPUT for a size the graph cannot take. */
limn_status plan_infer_shapes(const struct graph *graph, limn_size size, const char *where, struct plan *plan,
                              limn_error *error);

/* Lays out in one arena what placements and steps need: values of `bytes` bytes that live from step `first`
 * to `last`, and for each step what its stages share and its workspaces. Sets the offsets and arena_bytes.
 * plan_create calls it for whole pictures; a run in bands calls it again. LIMN_E_MEMORY. */
limn_status plan_place(const struct graph *graph, struct plan *plan, limn_error *error);

/* Lets a step that adds a residual write its result over it, if no later step reads the residual: the sum
 * then needs no memory of its own, and y's lines are in the cache when they are written. For whole pictures
 * only: plan_fit calls it. */
void plan_sum_in_place(const struct graph *graph, struct plan *plan);

/* Changes steps to lighter variants until all packed weights are within their budget. */
void plan_limit_weights(struct plan *plan, const struct graph *graph);

/* Changes one step to a lighter variant: the change that saves most bytes for each multiplication; false if
 * none saves any. Weights that `model` has packed already save nothing; NULL: there are none. graph: NULL
 * counts packed weights only, not the arena. */
bool plan_lighten(struct plan *plan, const struct graph *graph, limn_model *model, enum choice choice);

/* Sets packed_bytes, staging_bytes and pack_threads, for packing by `threads` threads. plan_fit calls it. */
void plan_note_packing(struct plan *plan, limn_model *model, int threads);

#endif
