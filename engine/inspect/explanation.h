/* explanation.h - a model at one size, taken apart: what each node computes, what was fused into it, what it
 * sees of the picture, which kernel runs it, and where in the arena its value lives.
 *
 * Nothing is packed, allocated for a run, or run: a size that would not fit this machine can be explained
 * too, unless a memory limit is set, within which the plan is then made, as a session's would be. */
#ifndef LIMN_EXPLANATION_H
#define LIMN_EXPLANATION_H

#include "engine/inspect/receptive.h"
#include "engine/run/model.h"

/* What an operation became that has no step of its own. */
enum fusion {
    FUSION_KERNEL,   /* an enlargement, in the taps of a larger kernel */
    FUSION_WEIGHTS,  /* factors in the weights, a summand in the bias */
    FUSION_EPILOGUE, /* done to each result on its way out */
};

/* A node that runs, or an input. */
struct explained {
    value_id at;
    struct layer_dims window; /* kernel, stride, padding and dilation as the network has them; kh 0: none */
    bool own_bias;            /* of the operation itself; fused ones do not count */
    struct receptive sees;    /* of the first input */
    double flops;
    int first_step, step_count; /* no steps: nothing is left to do; several: a concat's copies */
    size_t packed_bytes, scratch_bytes;
    value_id host; /* the node whose value lies in the arena; `at` but for what is written in place */
    int64_t channel;
};

struct explanation {
    limn_model *model;
    limn_size size;
    struct plan plan;
    struct explained *nodes; /* in order of execution */
    int count;
    size_t packed_bytes;   /* of all nodes */
    size_t unshared_bytes; /* of all values, if none shared memory with another */
    int peak;              /* the step at which most bytes live */
    size_t peak_bytes;
};

/* `size`: 0 in height or width means the side at which such networks are usually run, or else the least one
 * that is possible. LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status explain_create(limn_model *model, limn_size size, struct explanation *explanation,
                           limn_error *error);
void explain_free(struct explanation *explanation);

/* The next node behind `before` (NO_VALUE: from the start) that was fused into `host`; NO_VALUE behind the
 * last. */
value_id explain_next_fused(const struct graph *graph, value_id host, value_id before);

/* What a fused node became. */
enum fusion explain_fusion(const struct graph *graph, value_id fused);

/* "kernel", "weights", "epilogue" */
const char *fusion_name(enum fusion fusion);

const struct node *explain_node(const struct explanation *explanation, value_id at);

/* A part of the arena that a step has for itself. */
struct explained_block {
    const char *use; /* "shared" by the step's stages, or the threads' "workspaces" */
    size_t offset, bytes;
};

/* Fills `blocks` with those of step `s` and returns how many there are. */
int explain_scratch(const struct explanation *explanation, int s, struct explained_block blocks[2]);

/* All bytes that live in the arena at step `s`, scratch included; the number of steps stands for the end. */
size_t explain_live_bytes(const struct explanation *explanation, int s);

#endif
