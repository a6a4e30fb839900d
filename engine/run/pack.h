/* pack.h - weights in the form that kernels read, made once for all sessions of a model.
 *
 * The weights that a session needs are packed together by all threads of the engine. The work is cut into
 * units: one or a few pack tasks of one tensor, and the part of the tensor that they read. Each thread reads
 * that part into its own small buffer, which it reuses for every unit and which therefore stays in its cache.
 * No whole tensor is in memory twice. */
#ifndef LIMN_PACK_H
#define LIMN_PACK_H

#include "engine/run/model.h"

/* The weights of one node for one variant, with the kernel, channels and layout of `dims`. */
struct pack_request {
    int node;
    const struct layer_variant *variant;
    const struct layer_dims *dims;
    const void *data; /* set by model_pack; NULL for a variant without weights */
};

/* Sets the data of all requests: from what the model has packed already, else from its file, packed by at
 * most `threads` threads of the engine. The data belongs to the model and never changes. Thread-safe. On
 * failure nothing is kept. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status model_pack(limn_model *model, struct pack_request *requests, int count, int threads,
                       limn_error *error);

/* Threads that pack at a time: those of the engine, but no more than keep the memory busy. */
int pack_threads(const limn_model *model);

/* Bytes that packing one request takes: permanently, and per thread while packing; 0 if the model has packed
 * it already. Thread-safe. pack_bytes accepts NULL for a model that has packed nothing. */
size_t pack_bytes(limn_model *model, const struct pack_request *request);
size_t pack_staging_bytes(limn_model *model, const struct pack_request *request);

/* Bytes at most that model_pack holds in addition, for each request and for the call. */
enum { PACK_NOTES_EACH = 256, PACK_NOTES = 1024 };

#endif
