/* unet.c - segmentation.
 *
 * Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015,
 * as milesial/Pytorch-UNet has it (unet/unet_parts.py): "same" padding, batch norm, and an up path either of
 * transposed convolutions (there is an up1.up.weight) or of bilinear enlargement with align_corners.
 *
 * input  x   N x H x W x C, 0..1, sides of at least 16        output  logits  N x H x W x classes */
#include "engine/graph/models/models.h"

#include <stdio.h>

/* (3x3 convolution, batch norm, ReLU) twice: NAME.double_conv.{0,1,3,4}. */
static value_id double_conv(struct graph *g, value_id x, const char *name)
{
    for (int i = 0; i < 2; i++) {
        char conv[64], bn[64];
        snprintf(conv, sizeof conv, "%s.double_conv.%d", name, 3 * i);
        snprintf(bn, sizeof bn, "%s.double_conv.%d", name, 3 * i + 1);
        x = graph_relu(g, graph_batchnorm(g, graph_conv2d(g, x, conv, (struct conv){.pad = 1}), bn));
    }
    return x;
}

static value_id down(struct graph *g, value_id x, int number)
{
    char name[64];
    snprintf(name, sizeof name, "down%d.maxpool_conv.1", number);
    return double_conv(g, graph_max_pool(g, x, 2, 2, 0), name);
}

static value_id up(struct graph *g, value_id x, value_id skip, int number, bool transposed)
{
    char name[64];
    snprintf(name, sizeof name, "up%d.up", number);
    x = transposed ? graph_conv2d_transpose(g, x, name, (struct conv){.stride = 2})
                   : graph_bilinear(g, x, 2, true);
    x = graph_concat(g, (value_id[]){skip, graph_pad_like(g, x, skip)}, 2);
    snprintf(name, sizeof name, "up%d.conv", number);
    return double_conv(g, x, name);
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "inc.double_conv.0.weight") && graph_has_tensor(g, "outc.conv.weight");
}

static void build(struct graph *g)
{
    bool transposed = graph_has_tensor(g, "up1.up.weight");
    int64_t first[4];
    graph_tensor_shape(g, first, "inc.double_conv.0.weight");
    graph_require_sides(g, 16, 1);
    if (first[1] < 1) {
        graph_fail(g, "tensor inc.double_conv.0.weight: input channels are missing");
        return;
    }
    /*                                                                        channels          size */
    value_id x1 = double_conv(g, graph_input(g, "x", first[1]), "inc"); /*    3 ->   64       1    */
    value_id x2 = down(g, x1, 1);                                       /*   64 ->  128      1/2   */
    value_id x3 = down(g, x2, 2);                                       /*  128 ->  256      1/4   */
    value_id x4 = down(g, x3, 3);                                       /*  256 ->  512      1/8   */
    value_id x = down(g, x4, 4);                                        /*  512 -> 1024      1/16  */
    x = up(g, x, x4, 1, transposed);                                    /* 1024 ->  512      1/8   */
    x = up(g, x, x3, 2, transposed);                                    /*  512 ->  256      1/4   */
    x = up(g, x, x2, 3, transposed);                                    /*  256 ->  128      1/2   */
    x = up(g, x, x1, 4, transposed);                                    /*  128 ->   64       1    */
    graph_output(g, graph_conv2d(g, x, "outc.conv", (struct conv){0})); /*   64 -> classes    1    */
}

const struct model_kind unet = {"unet", "segmentation (Ronneberger et al. 2015)", recognise, build, 512};
