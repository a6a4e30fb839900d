/* bf16_indirect.h - indirect convolution (indirect.h) on products of bf16 parts (bf16.h): what conv2d_bf16.c
 * and conv2d_transpose_bf16.c share.
 *
 * A term of an output is a tap and an input channel, and the channels of a tap are rounded up to whole steps
 * of 32. For a block of 96 pixels, and a slice of 2048 terms at a time, or 1024 or 672 in two or three parts:
 *
 *     rows of x under the taps  =>  A [96 pixels x 2048], split into parts       in L2
 *     for each strip of 8 panels of 32 channels
 *       for each panel
 *         for each 128 terms of it          B [128 x 32] in parts: 24 KB with three, in L1
 *           for each 32 pixels              C [32 x 32] += A B: sums in registers or tiles for 128 terms
 *       the last slice: C [96 x 256] => epilogue, y
 *
 * A is split once for all channels. C is kept between slices. What moves through memory is x and y, and how
 * long that takes depends on the pieces: a panel of a pixel, 128 bytes, would be written 3 to 4 times as
 * slowly as a strip of it. The products prefetch the strip that they complete, and their share of the next
 * block of x. Terms whose taps read only zeros for all 32 pixels are skipped. Where slices and chunks end
 * depends on the layer's dimensions only.
 *
 * The lean form keeps the weights as floats, and splits 128 x 32 of them at a time, in cache: 4 bytes a
 * weight instead of 6. Results are the same. */
#ifndef LAYERS_BF16_INDIRECT_H
#define LAYERS_BF16_INDIRECT_H

#include "layers/indirect.h"

/* Whether `d` has enough channels and pixels to fill blocks, and products of so many parts take less time
 * than those of floats: `fewer` is the number of times that another variant has fewer of these. */
bool bf16_indirect_applies(int parts, int fewer, const struct layer_dims *d);

/* The time of conv2d_native over that of Winograd's forms is 2 to 3, that of the transposed forms the same.
 */
enum { BF16_WINOGRAD_FEWER = 3 };

struct layer_span bf16_pack_span(const struct layer_dims *d, int64_t task);

/* The other functions are as in indirect.h, for each form. */
#define BF16_DECLARE(form)                                                                                   \
    struct layer_needs bf16_needs_##form(const struct layer_dims *d);                                        \
    void bf16_pack_task_##form(const struct layer_dims *d, const struct layer_weights *w, void *packed,      \
                               int64_t task);                                                                \
    void bf16_run_task_##form(const struct indirect_layer *layer, const struct layer_args *args,             \
                              const void *packed, int64_t task, void *workspace);

BF16_DECLARE(bf16x3)
BF16_DECLARE(bf16x3_lean)
BF16_DECLARE(bf16x2)
BF16_DECLARE(bf16)

#endif
