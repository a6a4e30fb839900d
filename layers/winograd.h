/* winograd.h - convolution by Winograd's algorithm: what ordinary, dilated and transposed convolutions share.
 * simd_winograd.c explains the algorithm and has its transforms.
 *
 * The outputs of a layer are divided into tiles of m x m, and the tiles into blocks:
 *
 *     x      =>  V [slice][positions][tiles][IC]    the transformed inputs, one small matrix a position
 *     V x U  =>  M [positions][tiles][columns]      a matrix product a position, with the transformed weights
 *                                                   U [panel][positions][IC][columns]
 *     M      =>  y                                  transformed back, with the epilogue
 *
 * There are points^2 = 25, 36 or 64 positions. A phase of a transposed convolution uses 25 of the 36 of V,
 * and its U and M have only these. One block at a time goes through all stages, so that V and M stay in the
 * cache; in a layer of few blocks, V of all is computed first.
 *
 * Tiles on a lattice. The outputs of a tile need not be neighbours: a convolution with dilation 2 consists of
 * 2 x 2 independent ordinary ones, on the even or odd rows and columns, and a transposed convolution of
 * stride 2 of 2 x 2 ordinary ones with different weights. Both change only where a tile's pixels are. */
#ifndef LAYERS_WINOGRAD_H
#define LAYERS_WINOGRAD_H

#include "layers/panels.h"

/* One axis of the picture: where the outputs and inputs of a tile are. Output o of a lattice has
 * p = lattice + o * out_step, and is at p + first. The first input of a tile whose first output has p is at
 * (p + offset) / scale, and the following are in_step apart. */
struct winograd_axis {
    int64_t in, out;            /* pixels of x and y */
    int64_t lattices, out_step; /* out_step lattices, or one */
    int64_t first, in_step, offset, scale;
};

struct winograd_layer {
    const struct winograd_kernels *kernels;
    struct winograd_axis h, w;
    int64_t n, ic, oc;
    int64_t slice; /* input channels of V that lie together, and of U that a lean product has at a time */
};

/* The layer of a convolution of stride 1, with one slice. */
struct winograd_layer winograd_conv2d(enum winograd_form form, const struct layer_dims *d);

enum {
    WINOGRAD_POSITIONS = 64,   /* at most */
    WINOGRAD_TILES = 96,       /* of a block at most */
    WINOGRAD_BLOCKS = 32,      /* with so many tasks of one block, all threads end together */
    WINOGRAD_SHARED = 32 << 20 /* bytes of V that may be kept for a whole layer */
};

/* Tiles of all pictures. */
int64_t winograd_tiles(const struct winograd_layer *layer);

/* The `count` tiles from `first` on. */
struct winograd_tile {
    int64_t n, oh, ow; /* its first output */
};
void winograd_find_tiles(const struct winograd_layer *layer, int64_t first, int64_t count,
                         struct winograd_tile *tiles);

/* The pixels of x under a tile, points x points of them; `zeros`, IC floats, outside the picture. */
void winograd_find_inputs(const struct winograd_layer *layer, const struct layer_args *args,
                          const float *zeros, const struct winograd_tile *tile, const float **at);

/* The pixels of y that a tile computes, outputs x outputs of them; -1 outside the picture. */
void winograd_find_outputs(const struct winograd_layer *layer, const struct winograd_tile *tile,
                           int64_t *pixels);

/* Tiles of a block, a multiple of every matrix tile's rows, and how many blocks there are. Blocks are as
 * equal as possible; the last may have fewer tiles. */
int64_t winograd_block(const struct winograd_layer *layer);
int64_t winograd_blocks(const struct winograd_layer *layer);

/* Floats between the positions of V or M with `tiles` rows of `width`. There is a gap of 64 bytes, so that
 * the positions, which a transform accesses one after the other, are in different sets of the cache. */
int64_t winograd_stride(int64_t tiles, int64_t width);

/* Channels rounded up to whole lines of the cache. */
int64_t winograd_width(int64_t channels);
int64_t winograd_v_width(const struct winograd_layer *layer); /* of a slice of V */

/* Floats of V and of M for `tiles` tiles. */
int64_t winograd_v_floats(const struct winograd_layer *layer, int64_t tiles);
int64_t winograd_m_floats(const struct winograd_layer *layer, int64_t tiles);

/* Transforms the inputs of `count` tiles from `first` on, at most WINOGRAD_TILES, to the rows from `row` on
 * of v, a V of `tiles` rows. zeros: IC zeros. */
void winograd_input(const struct winograd_layer *layer, const struct layer_args *args, const float *zeros,
                    int64_t first, int64_t count, float *v, int64_t row, int64_t tiles);

/* Pixels that a transform will need soon: those of x under some tiles, or those of y that they compute. The
 * products prefetch them, a few with each call of a kernel. So the core computes while it waits for memory;
 * a transform that waits by itself takes two to four times as long. */
struct winograd_fetch {
    const struct winograd_layer *layer;
    const struct layer_args *args;
    const float *zeros;        /* as in winograd_find_inputs */
    int64_t channel, channels; /* which of each pixel */
    bool outputs;              /* of y */
    struct winograd_tile tiles[WINOGRAD_TILES];
    int64_t count;             /* of tiles */
    int64_t each, tile, pixel; /* pixels of a tile; how many tiles, and pixels of the last, are done */
    int64_t together;          /* pixels with each call */
    const float *at[WINOGRAD_POSITIONS];
};

/* Begins with tile `first`, for `count` tiles, or as many as there are. The pixels are divided among `calls`
 * calls of a kernel. */
void winograd_fetch_begin(struct winograd_fetch *fetch, int64_t first, int64_t count, int64_t calls);

/* M = V U, or with `add` M += V U, of a block and a panel, over some of the input channels. Strides are the
 * floats between positions. */
struct winograd_product {
    const float *v; /* the block's first row in the slice of the first of these channels */
    int64_t v_stride, v_width;
    const float *u; /* [positions][channels][columns] */
    int64_t u_stride;
    float *m; /* [positions][tiles][columns] */
    int64_t m_stride;
    int64_t tiles, channels; /* of the block; of the input */
    bool add;
    struct winograd_fetch *x, *y; /* to prefetch, or NULL */
    /* Of lean products: which positions, the first of which is at u, and what the next product reads. */
    int64_t position, positions; /* 0: all */
    const float *next_v, *next_weights;
    int64_t next_floats; /* of the weights */
};

/* Calls of the kernel for a product. */
int64_t winograd_calls(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                       const struct winograd_product *product);

/* Makes `product`, of the panel of output channel oc, prefetch what winograd_output will write from it. */
void winograd_fetch_outputs(const struct winograd_layer *layer, const struct layer_args *args, int64_t first,
                            int64_t oc, struct winograd_product *product, struct winograd_fetch *y);

void winograd_multiply(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                       const struct winograd_product *product);

/* The same from weights that are not transformed: [channels][taps][taps][columns]. They are transformed into
 * `u`, winograd_u_floats floats, one slice of the channels at a time, and in a panel of 64 columns one row of
 * positions, so that all stays in an L2 of 1 MB with its V and M. All of U would go to memory and back, which
 * takes longer than reading the same weights again for each row. Members of u in `product` are not used. */
void winograd_multiply_lean(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                            const float *weights, float *u, struct winograd_product product);
int64_t winograd_u_floats(const struct winograd_layer *layer);
int64_t winograd_lean_slice(const struct winograd_kernels *kernels, int64_t ic); /* its input channels */

/* A prepare stage (layer.h): V of all tiles, to args->shared. workspace: winograd_width(IC) floats. */
int64_t winograd_prepare_tasks(const struct winograd_layer *layer);
void winograd_prepare_task(const struct winograd_layer *layer, const struct layer_args *args, int64_t task,
                           void *workspace);

/* Transforms M of `count` tiles, from `first` on, back into channels oc .. oc+channels-1 of y. */
void winograd_output(const struct winograd_layer *layer, const struct layer_args *args, int64_t first,
                     int64_t count, int64_t oc, int64_t channels, const float *m, int64_t m_stride);

#endif
