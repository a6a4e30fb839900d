/* operators.h - the operators, and for each the table of its variants.
 *
 * Variants are listed in the order of their speed: the reference first, each later one faster than those
 * before it wherever it applies. The planner (engine/run/plan_fit.c) chooses by that order alone and measures
 * nothing:
 *
 *   1. A step gets the last variant of the table that applies to its dimensions and that the options allow;
 *      if there is none, the first, which always applies. Of the families, `reference` allows
 *      FAMILY_REFERENCE only, `openblas` all but FAMILY_NATIVE, and both `native` and `auto` allow all.
 *      Precision P allows variants of PRECISION_FP32 and of P, no other.
 *   2. If all packed weights exceed twice the plain weights plus 48 MB, or a session its memory limit, steps
 *      change to slower variants, one at a time. A step changes only to an earlier variant of the same family
 *      that applies and that the options allow: the last of those that save bytes. Of all steps the planner
 *      changes the one that saves most bytes for each operation (`flops`).
 *
 * So a new variant belongs after every variant that it beats. Native variants follow OpenBLAS's: where none
 * of them applies, OpenBLAS's is used even with `native`. If limn was built without OpenBLAS, variants of
 * FAMILY_OPENBLAS apply to nothing. */
#ifndef LAYERS_OPERATORS_H
#define LAYERS_OPERATORS_H

#include "layers/layer.h"

enum layer_kind {
    LAYER_CONV2D,           /* conv2d.c */
    LAYER_CONV2D_TRANSPOSE, /* conv2d_transpose.c */
    LAYER_POINTWISE,        /* pointwise.c: an epilogue on its own */
    LAYER_MAX_POOL,         /* pool.c */
    LAYER_AVERAGE_POOL,     /* pool.c: over the whole picture */
    LAYER_SOFTMAX,          /* softmax.c: over the channels */
    LAYER_PAD,              /* pad.c: adds zeros around a picture, or crops it */
    LAYER_UPSAMPLE,         /* upsample.c: nearest neighbour, integer factor */
    LAYER_BILINEAR,         /* bilinear.c: to any size */
    LAYER_BICUBIC,          /* bicubic.c: as in TensorFlow 1, integer factor */
    LAYER_COUNT,
};

struct layer_operator {
    const char *name;
    bool has_epilogue;                           /* a following pointwise operation can be fused in */
    double (*flops)(const struct layer_dims *d); /* multiplications and additions, each counted as one */
    const struct layer_variant *const *variants; /* in the order above; ends with NULL */
};

/* Indexed by enum layer_kind. */
extern const struct layer_operator layer_operators[LAYER_COUNT];

#endif
