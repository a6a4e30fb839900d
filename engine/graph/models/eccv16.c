/* eccv16.c - automatic colorization.
 *
 * Zhang, Isola, Efros: Colorful Image Colorization, ECCV 2016; richzhang/colorization, colorizers/eccv16.py.
 * For every pixel the network computes probabilities of 313 quantised colours; the result is their mean.
 *
 * ReLU follows every convolution but the last two; batch norm follows the last ReLU of a block.
 *
 * input  L    N x H x W x 1, 0..100        output  ab  N x 8 ceil(H/8) x 8 ceil(W/8) x 2, Lab units */
#include "engine/graph/models/model_kind.h"

/* A row of the table: the convolutions of a block, modelB.0, .2, .4, and a batch norm numbered two further.
 */
struct block {
    int number, convolutions;
    int64_t last_stride, dilation;
};

static value_id add_block(struct graph *g, value_id x, const struct block *block)
{
    for (int i = 0; i < block->convolutions; i++) {
        struct conv conv = {.pad = block->dilation, .dilation = block->dilation};
        if (i == block->convolutions - 1)
            conv.stride = block->last_stride;
        x = graph_relu(g, graph_conv2d(g, x, conv, "model%d.%d", block->number, 2 * i));
    }
    return graph_batchnorm(g, x, "model%d.%d", block->number, 2 * block->convolutions);
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "model_out.weight") && graph_has_tensor(g, "model8.0.weight") &&
           !graph_has_tensor(g, "model8up.0.weight");
}

/* clang-format off */
static void build(struct graph *g)
{
    static const struct block blocks[] = {
        /* block  convs  last stride  dilation      channels        size */
        {  1,     2,     2,           1},      /*   1 ->  64        1/2  */
        {  2,     2,     2,           1},      /*  64 -> 128        1/4  */
        {  3,     3,     2,           1},      /* 128 -> 256        1/8  */
        {  4,     3,     1,           1},      /* 256 -> 512        1/8  */
        {  5,     3,     1,           2},      /* 512 -> 512        1/8  */
        {  6,     3,     1,           2},      /* 512 -> 512        1/8  */
        {  7,     3,     1,           1},      /* 512 -> 512        1/8  */
    };
    static const float centre_l[] = {0.01F}, shift_l[] = {-0.5F}; /* (L - 50) / 100 */
    static const float to_lab[] = {110, 110}, zero[] = {0, 0};
    const struct conv plain = {0}, padded = {.pad = 1}, twice = {.stride = 2, .pad = 1};

    value_id x = graph_scale_shift(g, graph_input(g, "L", 1), centre_l, shift_l);
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
        x = add_block(g, x, &blocks[b]);
    x = graph_relu(g, graph_conv2d_transpose(g, x, twice, "model8.0"));       /* 512 -> 256   1/4 */
    x = graph_relu(g, graph_conv2d(g, x, padded, "model8.2"));                /* 256 -> 256   1/4 */
    x = graph_relu(g, graph_conv2d(g, x, padded, "model8.4"));                /* 256 -> 256   1/4 */
    x = graph_softmax(g, graph_conv2d(g, x, plain, "model8.6"));              /* 256 -> 313   1/4 */
    x = graph_conv2d(g, x, plain, "model_out");                               /* 313 ->   2   1/4 */
    graph_require_channels(g, x, 2);
    /* Upstream multiplies by 110 at the end. Before the interpolation the result is the same, and the factor
     * folds into the weights. */
    graph_output(g, graph_bilinear(g, graph_scale_shift(g, x, to_lab, zero), 4, false));
}
/* clang-format on */

const struct model_kind eccv16 = {"eccv16", "colorization, automatic (Zhang et al. 2016)", recognise, build,
                                  256};
