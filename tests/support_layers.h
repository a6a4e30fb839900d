/* support_layers.h - one way to run an operator, tried with every variant it has. */
#ifndef TESTS_SUPPORT_LAYERS_H
#define TESTS_SUPPORT_LAYERS_H

#include "layers/operators.h"
#include "tests/support.h"

#define TRIAL_SLOPE 0.2F

/* One way to run an operator: dimensions, strides wider than the channels, an epilogue. */
struct trial {
    enum layer_kind kind;
    struct layer_dims d;
    int64_t x_extra, y_extra; /* floats beyond the channels in a pixel's stride */
    bool bias, residual, scale;
    enum activation activation; /* a leaky ReLU's slope is TRIAL_SLOPE */
    bool hwio;
    const char *only; /* part of the names of the variants to run, or NULL: all */
    int64_t compared; /* every so many pixels one is compared; 0: all are */
};

struct guarded random_block(struct random *random, int64_t count);

/* Whether the variant multiplies bf16 parts. The others are the same kernels in every set with the same
 * isa_of_floats: test_bf16.c compares the tables. */
bool multiplies_parts(const struct layer_variant *variant);

/* Runs every variant that applies on random numbers and compares it with the operator's definition, computed
 * in double straight from the equation: values, untouched gaps between strided pixels, guard zones. Fails the
 * test otherwise. Where the set has the floats of another one, only variants that multiply parts are run. */
void try_all_variants(const struct trial *trial, struct random *random);

/* Runs the variants without a first stage on some rows of one picture, from the first to the last, and
 * compares them with the definition: for tensors beyond 2^31 elements, most of whose pages are never touched.
 * False if there is not enough address space. Only dimensions, kind and hwio of the trial count. */
bool try_large(const struct trial *trial, struct random *random);

/* Whether that has run variant `index` of the operator's table, with the kernels of the instruction set that
 * is running. */
bool variant_was_tried(enum layer_kind kind, int index);

#endif
