/* model.h - the opaque types of limn.h: engine and model. */
#ifndef LIMN_MODEL_H
#define LIMN_MODEL_H

#include "engine/base/system.h"
#include "engine/base/tensor.h"
#include "engine/base/threads.h"
#include "engine/graph/graph.h"
#include "engine/graph/models/models.h"
#include "engine/run/step.h"

#include <stdatomic.h>

struct limn_engine {
    struct pool *pool;
    struct kernel_rule rule;
    char description[320];
};

/* The weights of one node as one variant wants them. */
struct packed {
    int node;
    const struct layer_variant *variant;
    unsigned char *data;
};

/* Weights that were packed together, in one block; pack.c makes them. */
struct packed_batch {
    struct packed_batch *next;
    unsigned char *block;
    int count;
    struct packed entries[];
};

/* Frees a list of batches; NULL is an empty list. */
void packed_free(struct packed_batch *packed);

struct limn_model {
    limn_engine *engine;
    const struct model_kind *kind;
    struct weights_file weights;
    struct graph graph;
    struct system_mutex packing; /* guards the list below; its elements never move or change */
    struct packed_batch *packed; /* see pack.h */
    limn_error warning;          /* see limn_model_warning; written once */
    atomic_bool warns;           /* `warning` is written */
};

/* limn_model_load of an open file, but as a network of this kind if `kind` is not NULL: see model_build_as.
 * limn_model_free closes the file, and this function if it fails. */
limn_status model_load_file(limn_engine *engine, struct file *file, const struct model_kind *kind,
                            limn_model **model, limn_error *error);

/* model_load_file of a path. */
limn_status model_load_as(limn_engine *engine, const char *path, const struct model_kind *kind,
                          limn_model **model, limn_error *error);

/* Sets the model's warning about a tensor that holds NaN or infinity, unless it has one. Call it from one
 * thread at a time: while the model is loaded, or under its mutex. */
void model_note_nonfinite(limn_model *model, const struct tensor_entry *entry);

/* Fails if the network's result for `name`, such as a picture's file, holds NaN or infinity: LIMN_E_WEIGHTS
 * if the model has a warning about its weights, else LIMN_E_INPUT. */
limn_status model_check_made(const limn_model *model, const struct tensor *made, const char *name,
                             limn_error *error);

/* The default height and width of a network: the side of its first input if that is fixed, else that of
 * model_kind, else the smallest that the graph accepts. */
int64_t model_usual_side(const struct model_kind *kind, const struct graph *graph);

#endif
