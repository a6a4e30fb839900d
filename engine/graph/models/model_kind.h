/* model_kind.h - a kind of network: one file each in this folder defines one. */
#ifndef LIMN_MODEL_KIND_H
#define LIMN_MODEL_KIND_H

#include "engine/graph/graph.h"

struct model_kind {
    const char *name;
    const char *does;                             /* one line */
    bool (*recognise)(const struct graph *graph); /* by tensors that only this network has */
    void (*build)(struct graph *graph);
    int64_t side; /* of the pictures that it usually runs on; 0: its inputs have fixed sizes */
};

extern const struct model_kind deeplabv3, eccv16, siggraph17, vae, unet, dcgan, enhancenet;

/* The half of vae that a vae's file may omit. */
extern const struct model_kind vae_colour_encoder;

#endif
