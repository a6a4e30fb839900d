/* model.h - what stands behind the opaque types of limn.h: engine and model. */
#ifndef LIMN_MODEL_H
#define LIMN_MODEL_H

#include "engine/base/tensor.h"
#include "engine/base/threads.h"
#include "engine/graph/graph.h"
#include "engine/graph/models/models.h"
#include "layers/cpu.h"

#include <pthread.h>
#include <stdatomic.h>

struct limn_engine {
    struct pool *pool;
    limn_kernels kernels;
    char description[160];
};

struct limn_model {
    limn_engine *engine;
    const struct model_kind *kind;
    struct weights_file weights;
    struct graph graph;
    pthread_mutex_t packing; /* guards the list below, see pack.h; what is in it never moves or changes */
    struct packed_batch *packed;
    limn_error warning; /* see limn_model_warning; written once */
    atomic_bool warns;  /* that has happened */
};

/* limn_model_load, but as a network of this kind when `kind` is not NULL: see model_build_as. */
limn_status model_load_as(limn_engine *engine, const char *path, const struct model_kind *kind,
                          limn_model **model, limn_error *error);

/* Makes the model's warning of a tensor in which NaN or infinity was read, unless it has one. One thread at a
 * time: while the model is loaded, or under its mutex. */
void model_note_nonfinite(limn_model *model, const struct tensor_entry *entry);

/* Fails when values that the network made for `name`, such as a picture's file, are NaN or infinite:
 * LIMN_E_WEIGHTS where the model warns of its weights, else LIMN_E_INPUT. */
limn_status model_check_made(const limn_model *model, const struct tensor *made, const char *name,
                             limn_error *error);

/* The height and width that a network of this kind is usually run at, for when none is given: of its first
 * input if that has a fixed size, else of the pictures it was made for, else the least that the graph takes.
 */
int64_t model_usual_side(const struct model_kind *kind, const struct graph *graph);

/* The instruction set the process runs with; set by the first engine. */
enum isa engine_isa(void);

#endif
