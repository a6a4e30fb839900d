/* models.h - the networks that limn knows. One file each beside this one. */
#ifndef LIMN_MODELS_H
#define LIMN_MODELS_H

#include "engine/graph/graph.h"

struct model_kind {
    const char *name;
    const char *does;                             /* one line */
    bool (*recognise)(const struct graph *graph); /* by tensors that only this network has */
    void (*build)(struct graph *graph);
    int64_t side; /* of the pictures that it is usually run at; 0: its inputs have sizes of their own */
};

/* Ends with NULL. */
extern const struct model_kind *const model_table[];

extern const struct model_kind deeplabv3, eccv16, siggraph17, vae, unet, dcgan, enhancenet;

/* The half of vae that a vae's file may leave out; not in the table, as the file is a vae. */
extern const struct model_kind vae_colour_encoder;

/* Recognises the network of a weights file, by the metadata key limn.model, else by its tensors; builds it
 * into *graph and folds it. *kind lives for ever. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status model_build(const struct weights_file *weights, struct graph *graph,
                        const struct model_kind **kind, limn_error *error);

/* Builds and folds a network of this kind, whatever the file says that it is. LIMN_E_WEIGHTS where kind's
 * own tensors are missing, and as above. */
limn_status model_build_as(const struct weights_file *weights, const struct model_kind *kind,
                           struct graph *graph, limn_error *error);

#endif
