/* model.h - what stands behind the opaque types of limn.h: engine and model. */
#ifndef LIMN_MODEL_H
#define LIMN_MODEL_H

#include "cpu.h"
#include "graph.h"
#include "threads.h"
#include "models/models.h"

#include <pthread.h>

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
};

/* limn_model_load, but as a network of this kind when `kind` is not NULL: see model_build_as. */
limn_status model_load_as(limn_engine *engine, const char *path, const struct model_kind *kind,
                          limn_model **model, limn_error *error);

/* The height and width that a network of this kind is usually run at, for when none is given: of its first
 * input if that has a fixed size, else of the pictures it was made for, else the least that the graph takes.
 */
int64_t model_usual_side(const struct model_kind *kind, const struct graph *graph);

/* The instruction set the process runs with; set by the first engine. */
enum isa engine_isa(void);

#endif
