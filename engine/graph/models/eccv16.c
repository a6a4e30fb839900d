/* eccv16.c - automatic colorization.
 *
 * Zhang, Isola, Efros: Colorful Image Colorization, ECCV 2016; richzhang/colorization, colorizers/eccv16.py.
 * The network chooses among 313 quantised colours for every pixel; the mean colour of that distribution is
 * the answer.
 *
 * Every convolution but the last two is followed by ReLU, and batch norm stands behind the ReLU.
 *
 * input  L    N x H x W x 1, 0..100        output  ab  N x 8 ceil(H/8) x 8 ceil(W/8) x 2, Lab units */
#include "engine/graph/models/models.h"

#include <stdio.h>

/* A row of the table: convolutions of one block and what follows them. Tensor names: modelB.0, .2, .4; BN two
 * further. */
struct block {
    int number, convolutions;
    int64_t last_stride, dilation;
};

static value_id conv_relu(struct graph *g, value_id x, int block, int index, int64_t stride, int64_t dilation)
{
    char name[32];
    snprintf(name, sizeof name, "model%d.%d", block, index);
    return graph_relu(
        g, graph_conv2d(g, x, name, (struct conv){.stride = stride, .pad = dilation, .dilation = dilation}));
}

static value_id add_block(struct graph *g, value_id x, const struct block *block)
{
    for (int i = 0; i < block->convolutions; i++) {
        bool last = i == block->convolutions - 1;
        x = conv_relu(g, x, block->number, 2 * i, last ? block->last_stride : 1, block->dilation);
    }
    char name[32];
    snprintf(name, sizeof name, "model%d.%d", block->number, 2 * block->convolutions);
    return graph_batchnorm(g, x, name);
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "model_out.weight") && graph_has_tensor(g, "model8.0.weight") &&
           !graph_has_tensor(g, "model8up.0.weight");
}

static void build(struct graph *g)
{
    static const struct block blocks[] = {
        /* block  convs  last stride  dilation      channels        size */
        {1, 2, 2, 1}, /*   1 ->  64       1/2  */
        {2, 2, 2, 1}, /*  64 -> 128       1/4  */
        {3, 3, 2, 1}, /* 128 -> 256       1/8  */
        {4, 3, 1, 1}, /* 256 -> 512       1/8  */
        {5, 3, 1, 2}, /* 512 -> 512       1/8  */
        {6, 3, 1, 2}, /* 512 -> 512       1/8  */
        {7, 3, 1, 1}, /* 512 -> 512       1/8  */
    };
    static const float centre_l[] = {0.01F}, shift_l[] = {-0.5F}; /* (L - 50) / 100 */
    static const float to_lab[] = {110, 110}, zero[] = {0, 0};

    value_id x = graph_scale_shift(g, graph_input(g, "L", 1), centre_l, shift_l);
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
        x = add_block(g, x, &blocks[b]);
    x = graph_relu(g, graph_conv2d_transpose(g, x, "model8.0",
                                             (struct conv){.stride = 2, .pad = 1})); /* 512 -> 256, 1/4 */
    x = conv_relu(g, x, 8, 2, 1, 1);                                                 /* 256 -> 256 */
    x = conv_relu(g, x, 8, 4, 1, 1);                                                 /* 256 -> 256 */
    x = graph_softmax(g, graph_conv2d(g, x, "model8.6", (struct conv){0}));          /* 256 -> 313 */
    x = graph_conv2d(g, x, "model_out", (struct conv){0});                           /* 313 -> 2 */
    graph_require_channels(g, x, 2);
    /* Upstream multiplies by 110 at the end; before the interpolation it is the same, and folds into the
     * weights. */
    graph_output(g, graph_bilinear(g, graph_scale_shift(g, x, to_lab, zero), 4, false));
}

const struct model_kind eccv16 = {"eccv16", "colorization, automatic (Zhang et al. 2016)", recognise, build,
                                  256};
