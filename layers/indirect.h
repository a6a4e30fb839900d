/* indirect.h - indirect convolution (Dukhan 2019), on the micro-kernels of simd_gemm.c: what conv2d_native.c
 * and conv2d_transpose_native.c share.
 *
 * The pixels under the kernel are not copied into a matrix (im2col). A table of pointers says where they are:
 * for each tap and each output pixel of a block, the pixel of x under it, or zeros outside the picture.
 *
 *     [N IH IW IC] + pointers [KH*KW][PIXELS]  x  W packed  =>  C [PIXELS x columns]  =>  epilogue, y
 *
 * W is packed as [panel][KH*KW][IC][columns]. A slice of 512 products of a strip of panels, 256 channels or
 * less, is used for all tiles of the block before the next slice, so it is read from L2; a tile of pixels is
 * multiplied by all panels of the strip before the next tile. The last slice completes a tile, and y gets up
 * to 1 KB of each of its pixels: 256 bytes at a time would take up to three times as long in memory.
 *
 * Taps that read only zeros for a whole tile are skipped: with a dilation near the size of the picture that
 * is most of them. With fewer than 16 input channels, as in a first layer, taps are so short that those of a
 * kernel row are joined to one of KW*IC channels: in x they are neighbours. Only where they are not, at the
 * sides of the picture and with gaps in x or the kernel, they are copied side by side.
 *
 * A task is a block of pixels, and, in a small picture with few blocks, one of several groups of panels. */
#ifndef LAYERS_INDIRECT_H
#define LAYERS_INDIRECT_H

#include "layers/panels.h"

/* An ordinary convolution of dims.oh x dims.ow outputs, whose padding may be negative. Its outputs are on a
 * lattice of the pixels of y: output (oh, ow) is pixel (first_h + oh * step_h, first_w + ow * step_w) of the
 * y_h x y_w pixels. */
struct indirect_layer {
    struct layer_dims dims;
    int64_t y_h, y_w, first_h, first_w, step_h, step_w;
};

/* The pixels of x under the taps of a block of output pixels. */
enum { INDIRECT_PIXELS = 96 }; /* of a block: a multiple of every tile's rows */
struct indirect_rows {
    const float **rows; /* [KH*KW][INDIRECT_PIXELS]; joined: [KH][INDIRECT_PIXELS] */
    int64_t *pixels;    /* of y */
    float *zeros;       /* IC; joined: KW*IC */
    float *copies;      /* [INDIRECT_PIXELS][KH][KW*IC], if the taps of kernel rows are joined */
};

/* Fills rows and pixels for the `count` output pixels from `first` on, one row of the picture after the
 * other. Rows after the last pixel, to the end of its tile, get any valid pointer. */
void indirect_find_rows(const struct indirect_layer *layer, const struct layer_args *args, int64_t first,
                        int64_t count, const struct indirect_rows *to);

/* Whether any of `count` rows reads the picture under a tap. */
bool indirect_sees(const float *const *rows, int64_t count, const float *zeros);

/* Members of the same names of struct layer_variant and struct layer_needs. */
struct layer_needs indirect_needs(const struct layer_dims *d);
struct layer_span indirect_pack_span(const struct layer_dims *d, int64_t task);
void indirect_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,
                        int64_t task);

/* Runs a task of `layer` with x, y and the epilogue of `args`. The dimensions and weights are those of
 * `layer` and `packed`, not those of `args`. */
void indirect_run_task(const struct indirect_layer *layer, const struct layer_args *args, const void *packed,
                       int64_t task, void *workspace);

#endif
