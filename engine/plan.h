/* plan.h - a graph at one size: every shape inferred, a kernel chosen for every node, memory laid out. */
#ifndef LIMN_PLAN_H
#define LIMN_PLAN_H

#include "model.h"
#include "tensor.h"

struct step {
    int node;     /* the operation: whose weights and epilogue */
    value x, y;   /* what it reads and makes */
    int64_t into; /* channel of y it starts at: 0 but for copies into a concat */
    const struct layer_operator *operator;
    const struct layer_variant *variant;
    struct layer_args args;
    int64_t tasks;
    size_t shared_bytes, shared_offset; /* of the arena, for this step alone; 0 bytes: none */
    double seconds;                     /* spent here, summed over the runs since the profile was reset */
};

/* Where one value lives. A value that is written in place into another, such as a part of a concat, has that
 * one as its `host` and begins `channel` channels into it; the host's own placement counts. Other values have
 * `bytes` bytes at `offset` of the arena from step `first` to step `last`. */
struct placement {
    value host; /* NO_VALUE: lives by itself */
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
    size_t arena_bytes;
    size_t workspace_bytes; /* scratch for each worker */
};

/* Plans `graph` at `size` with kernels of the given family. `where` names the graph in messages. Nothing is
 * packed or bound yet. LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status plan_create(const struct graph *graph, limn_kernels kernels, limn_size size, const char *where,
                        struct plan *plan, limn_error *error);
void plan_free(struct plan *plan);

/* Lays out in one arena what placements and steps say they need: values of `bytes` bytes that live from step
 * `first` to `last`, and what a step's two stages share, which lives for that step. Sets the offsets and
 * arena_bytes. plan_create has done it for the whole; a run in bands does it over. LIMN_E_MEMORY. */
limn_status plan_place(const struct graph *graph, struct plan *plan, limn_error *error);

/* The node with memory of its own that `x` lies in, and the channel of it where x begins. */
value plan_host(const struct plan *plan, value x, int64_t *channel);

/* Points every step's arguments into `arena` (arena_bytes, aligned to 64). */
void plan_bind(struct plan *plan, const struct graph *graph, float *arena);

/* Bytes a step must at least move: inputs, packed weights and output, once each. */
size_t step_bytes(const struct step *step);

/* See node_flops; none for the copies into a concat. */
double step_flops(const struct graph *graph, const struct step *step);

#endif
