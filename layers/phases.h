/* phases.h - a transposed convolution as ordinary ones.
 *
 * Seen from the output, a transposed convolution of stride s is s x s ordinary convolutions: outputs whose
 * coordinates have the same remainders modulo s use the same taps, every s-th of the kernel in reverse, and
 * neighbours among them read neighbouring inputs. With k = 4, s = 2, pad = 1, in one dimension:
 *
 *     y[2 j]     = x[j - 1] w[3] + x[j] w[1]          phase 0: pad 1
 *     y[2 j + 1] = x[j] w[2] + x[j + 1] w[0]          phase 1: pad 0
 *
 * No product is with a zero, nothing is scattered, and any method for ordinary convolutions applies.
 * ("Is the deconvolution layer the same as a convolutional layer?", Shi et al. 2016.) */
#ifndef LAYERS_PHASES_H
#define LAYERS_PHASES_H

#include "layers/indirect.h"

/* The number of phases of a transposed convolution. */
int64_t phase_count(const struct layer_dims *d);

/* Phase `phase`, as an ordinary convolution of stride 1 on a lattice of the outputs. A phase without outputs
 * or without taps has 0 of them. */
struct indirect_layer phase_layer(const struct layer_dims *d, int64_t phase);

/* The taps of all phases before `phase`. */
int64_t phase_taps_before(const struct layer_dims *d, int64_t phase);

/* The taps of phase `phase`, as a view of w. */
struct layer_weights phase_weights(const struct layer_dims *d, const struct layer_weights *w, int64_t phase);

/* A method for the ordinary convolutions, as in indirect.h. */
struct phase_method {
    struct layer_needs (*needs)(const struct layer_dims *d);
    struct layer_span (*pack_span)(const struct layer_dims *d, int64_t task);
    void (*pack_task)(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task);
    void (*run_task)(const struct indirect_layer *layer, const struct layer_args *args, const void *packed,
                     int64_t task, void *workspace);
};

/* Members of the same names of struct layer_variant, by `method` for each phase. Phases share the output
 * channels, so they have the same pack tasks and spans; one task packs all phases.
 *
 * Every phase has as many run tasks as the one with most. The tasks of all phases for one position follow one
 * another and find x in the cache. Tasks that a smaller phase does not have do nothing. */
struct layer_needs phase_needs(const struct phase_method *method, const struct layer_dims *d);
struct layer_span phase_pack_span(const struct phase_method *method, const struct layer_dims *d,
                                  int64_t task);
void phase_pack_task(const struct phase_method *method, const struct layer_dims *d,
                     const struct layer_weights *w, void *packed, int64_t task);
void phase_run_task(const struct phase_method *method, const struct layer_args *args, int64_t task,
                    void *workspace);

#endif
