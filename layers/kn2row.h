/* kn2row.h - convolution to few output channels, as in a last layer: first the products, then their sums.
 *
 * With three output channels most lanes of a vector of output channels would be empty. But what a pixel of x
 * contributes to each output under each tap does not depend on the other pixels, so all contributions are one
 * matrix product with KH*KW*OC columns, 27 for 3x3:
 *
 *     T [pixels of x][KH*KW][OC]  =  x [pixels][IC]  x  W [IC][KH*KW*OC]
 *
 *     y[oh][ow]  =  sum over kh, kw of  T[oh - pad + kh][ow - pad + kw][kh][kw]
 *
 * A transposed convolution differs only in the pixels that a sum takes: the tap (kh, kw) of input (ih, iw)
 * belongs to output (ih * stride - pad + kh, iw * stride - pad + kw), so an output has every stride-th tap,
 * as in phases.h. ("kn2row": Anderson, Vasudevan, Keane and Gregg 2017, who keep all of T.)
 *
 * A task computes some rows of y from the top down. It keeps as many rows of T as a row of y needs, in a
 * ring: with 512 pixels and 27 columns that is 200 KB, which stays in L2. Rows of T have pixels of zeros at
 * both ends for the taps outside the picture at its left and right; taps above and below the picture are left
 * out of the sum.
 *
 * Each x is read once. There are as many products as in the equation, plus those of the rows of x that two
 * tasks share.
 *
 * The functions serve conv2d_kn2row.c (`transposed` false) and conv2d_transpose_kn2row.c (true). An ordinary
 * convolution must have stride 1: with more, it would use only a part of T. */
#ifndef LAYERS_KN2ROW_H
#define LAYERS_KN2ROW_H

#include "layers/layer.h"

/* Whether this form is the fastest for the channels and taps: few output channels, more input channels. */
bool kn2row_applies(const struct layer_dims *d);

/* The members of the same names of struct layer_variant. Packing is one task. */
struct layer_needs kn2row_needs(const struct layer_dims *d, bool transposed);
void kn2row_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task);
void kn2row_run_task(const struct layer_args *args, int64_t task, void *workspace, bool transposed);

#endif
