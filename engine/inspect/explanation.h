/* explanation.h - describes a model at one size: what each node computes, what is fused into it, its
 * receptive field, the kernel that runs it, and the place of its value in the arena.
 *
 * Weights are not packed and nothing is run, so sizes too large for this machine can be explained too. If a
 * memory limit is set, the plan is made within it, like a session's. */
#ifndef LIMN_EXPLANATION_H
#define LIMN_EXPLANATION_H

#include "engine/inspect/receptive.h"
#include "engine/run/model.h"

/* Where an operation without a step of its own was fused. */
enum fusion {
    FUSION_KERNEL,   /* an enlargement, into the taps of a larger kernel */
    FUSION_WEIGHTS,  /* factors, into the weights and bias */
    FUSION_EPILOGUE, /* applied to each result before it is stored */
};

/* A node that runs, or an input. */
struct explained {
    value_id at;
    struct layer_dims window; /* kernel, stride, padding and dilation as the network has them; kh 0: none */
    bool own_bias;            /* the operation itself has a bias, not only one fused into it */
    struct receptive sees;    /* its field in the first input */
    double flops;
    int first_step, step_count; /* 0 steps: written in place, or an input; several: a concat's copies */
    size_t packed_bytes, scratch_bytes;
    value_id host; /* the node whose value in the arena holds this one; `at` unless it is written in place */
    int64_t channel; /* the first channel of this value in the host's */
};

struct explanation {
    limn_model *model;
    limn_size size;
    struct plan plan;
    struct explained *nodes; /* in order of execution */
    int count;
    size_t packed_bytes;   /* of all nodes */
    size_t unshared_bytes; /* of all values if they did not share memory */
    int peak;              /* the step with the most live bytes */
    size_t peak_bytes;
};

/* 0 in `size` selects a batch of 1, or the usual side of the network (model_usual_side). LIMN_E_INPUT for a
 * size that the graph does not accept, LIMN_E_MEMORY. Release with explain_free. */
limn_status explain_create(limn_model *model, limn_size size, struct explanation *explanation,
                           limn_error *error);
void explain_free(struct explanation *explanation);

/* Sets *text to the explanation as JSON, to be freed with mem_free: see limn_model_explain. LIMN_E_MEMORY;
 * *text is then NULL. */
limn_status explain_json(const struct explanation *explanation, char **text, limn_error *error);

/* The first node after `before` (NO_VALUE: from the start) that was fused into `host`, or NO_VALUE. */
value_id explain_next_fused(const struct graph *graph, value_id host, value_id before);

/* Where a fused node went. */
enum fusion explain_fusion(const struct graph *graph, value_id fused);

/* "kernel", "weights", "epilogue" */
const char *fusion_name(enum fusion fusion);

const struct node *explain_node(const struct explanation *explanation, value_id at);

/* A part of the arena that a step uses as scratch. */
struct explained_block {
    const char *use; /* "shared" by the step's stages, or the threads' "workspaces" */
    size_t offset, bytes;
};

/* Fills `blocks` with those of step `s`; returns how many. */
int explain_scratch(const struct explanation *explanation, int s, struct explained_block blocks[2]);

/* The live bytes of the arena at step `s`, including scratch; s = plan.step_count is the end of the run. */
size_t explain_live_bytes(const struct explanation *explanation, int s);

#endif
