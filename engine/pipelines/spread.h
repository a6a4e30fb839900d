/* spread.h - spreads colour hints over a picture: up to the edges of the things they lie on.
 *
 * Levin, Lischinski, Weiss, "Colorization using Optimization", SIGGRAPH 2004: a pixel without a hint has the
 * weighted mean colour of its eight neighbours, and neighbours of similar lightness weigh more:
 *
 *     w(p, q) = max(exp(-(L(p) - L(q))^2 / v), 1e-6)    L: lightness, 0..1
 *     v       = max(0.6 * variance of L in the 3 x 3 pixels around p, 2e-6)
 *     ab(p)   = sum of w(p, q) ab(q) / sum of w(p, q)   over the neighbours q inside the picture
 *
 * The same colour is the mean result of random walks: each starts at p, steps to q with the probability
 * w(p, q) / sum, and returns the colour of the first hint that it meets. Here each step also ends the walk
 * with a small probability. The share of walks that meet a hint is the confidence in the colour: 1 on a hint,
 * less far away from all of them, almost 0 behind strong edges.
 *
 * The linear equations are solved approximately by Gauss-Seidel sweeps on a cascade of grids: first on a
 * coarse grid of at most 16 x 16 cells, whose solution, enlarged, is the start on the next grid of twice the
 * side, up to the picture's own. 8 sweeps are then enough on the large grids. Time: about 700 operations a
 * pixel, on one thread; the same result on any number of threads. */
#ifndef LIMN_SPREAD_H
#define LIMN_SPREAD_H

#include "engine/base/tensor.h"
#include "engine/base/watch.h"

/* Spreads the hints in the input of siggraph17, 1 x H x W x 4: L (0..100), hint a, hint b, mask (above 0 on
 * hints, else 0). On return a and b are set in every pixel, and the mask is the confidence, 0..1; where it is
 * 0, so are a and b. `watch` may be NULL.
 * Errors: LIMN_E_MEMORY, LIMN_E_CANCELLED; the input is then unchanged. */
limn_status spread_hints(struct tensor *input, const struct watch *watch, limn_error *error);

/* The most that spread_hints holds at a time. */
size_t spread_bytes(int64_t height, int64_t width);

#endif
