/* pack.h - weights as the kernels want them, made once for all sessions of a model.
 *
 * What a session needs is packed in one go by all threads of the engine. The work is cut into units: one or a
 * few pack tasks of one tensor, and the part of the tensor that they read. A thread reads that part into a
 * buffer of its own that is small, used again for every unit and therefore stays in its cache; no tensor
 * stands in memory twice. */
#ifndef LIMN_PACK_H
#define LIMN_PACK_H

#include "engine/run/model.h"

/* The weights of one node as one variant wants them, for the kernel, channels and layout that `dims` has. */
struct pack_request {
    int node;
    const struct layer_variant *variant;
    const struct layer_dims *dims;
    const void *data; /* the answer; NULL for a variant without weights */
};

/* Answers all requests: from what the model has already, the rest from its file, by at most `threads` threads
 * of the engine. The data belongs to the model and is never changed. Thread-safe. On failure nothing is kept.
 * LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status model_pack(limn_model *model, struct pack_request *requests, int count, int threads,
                       limn_error *error);

/* Threads that pack at a time: those of the engine, up to a few, which suffice to keep the memory busy. */
int pack_threads(const limn_model *model);

/* Bytes that packing one request would take: for good, which is nothing where the model has it already, and
 * as a buffer of each thread meanwhile. Thread-safe. For pack_bytes `model` may be NULL: one that has
 * nothing. */
size_t pack_bytes(limn_model *model, const struct pack_request *request);
size_t pack_staging_bytes(limn_model *model, const struct pack_request *request);

/* Bytes at most that model_pack holds beside these for each request, and for all together. */
enum { PACK_NOTES_EACH = 256, PACK_NOTES = 1024 };

/* Frees a model's list; NULL is an empty one. */
struct packed_batch;
void packed_free(struct packed_batch *packed);

#endif
