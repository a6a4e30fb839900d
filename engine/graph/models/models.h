/* models.h - from a weights file to the graph of the network it holds. */
#ifndef LIMN_MODELS_H
#define LIMN_MODELS_H

#include "engine/graph/models/model_kind.h"

/* The networks that limn recognises; ends with NULL. vae_colour_encoder is not among them: its file is a vae.
 */
extern const struct model_kind *const model_table[];

/* Recognises the network of a weights file, by the metadata key limn.model if there is one, else by its
 * tensors; builds it into *graph and folds it. *kind has static storage. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status model_build(const struct weights_file *weights, struct graph *graph,
                        const struct model_kind **kind, limn_error *error);

/* Builds and folds a network of this kind, whatever limn.model says. LIMN_E_WEIGHTS if the tensors of `kind`
 * are missing, and errors as above. */
limn_status model_build_as(const struct weights_file *weights, const struct model_kind *kind,
                           struct graph *graph, limn_error *error);

#endif
