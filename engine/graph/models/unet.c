/* unet.c - segmentation.
 *
 * Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015,
 * as in milesial/Pytorch-UNet (unet/unet_parts.py): "same" padding, batch norm, and an up path either of
 * transposed convolutions (if there is an up1.up.weight) or of bilinear enlargement with align_corners.
 *
 * input  x   N x H x W x C, 0..1, sides of at least 16        output  logits  N x H x W x classes */
#include "engine/graph/models/model_kind.h"

/* (3x3 convolution, batch norm, ReLU) twice: UNIT+PART.double_conv.{0,1,3,4}. */
static value_id double_conv(struct graph *g, value_id x, const char *unit, const char *part)
{
    for (int i = 0; i <= 3; i += 3) {
        x = graph_conv2d(g, x, (struct conv){.pad = 1}, "%s%s.double_conv.%d", unit, part, i);
        x = graph_relu(g, graph_batchnorm(g, x, "%s%s.double_conv.%d", unit, part, i + 1));
    }
    return x;
}

static value_id down(struct graph *g, value_id x, const char *unit)
{
    return double_conv(g, graph_max_pool(g, x, 2, 2, 0), unit, ".maxpool_conv.1");
}

static value_id up(struct graph *g, value_id x, value_id skip, const char *unit)
{
    x = graph_has_tensor(g, "up1.up.weight")
            ? graph_conv2d_transpose(g, x, (struct conv){.stride = 2}, "%s.up", unit)
            : graph_bilinear(g, x, 2, true);
    x = graph_concat(g, (value_id[]){skip, graph_pad_like(g, x, skip)}, 2);
    return double_conv(g, x, unit, ".conv");
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "inc.double_conv.0.weight") && graph_has_tensor(g, "outc.conv.weight");
}

/* clang-format off */
static void build(struct graph *g)
{
    int64_t first[4];
    graph_tensor_shape(g, first, "inc.double_conv.0.weight");
    graph_require_sides(g, 16, 1);
    if (first[1] < 1) {
        graph_fail(g, "tensor inc.double_conv.0.weight: input channels are missing");
        return;
    }
    /*                                                                           channels     size  */
    value_id x1 = double_conv(g, graph_input(g, "x", first[1]), "inc", ""); /*    3 ->   64     1    */
    value_id x2 = down(g, x1, "down1");                                     /*   64 ->  128    1/2   */
    value_id x3 = down(g, x2, "down2");                                     /*  128 ->  256    1/4   */
    value_id x4 = down(g, x3, "down3");                                     /*  256 ->  512    1/8   */
    value_id x = down(g, x4, "down4");                                      /*  512 -> 1024    1/16  */
    x = up(g, x, x4, "up1");                                                /* 1024 ->  512    1/8   */
    x = up(g, x, x3, "up2");                                                /*  512 ->  256    1/4   */
    x = up(g, x, x2, "up3");                                                /*  256 ->  128    1/2   */
    x = up(g, x, x1, "up4");                                                /*  128 ->   64     1    */
    x = graph_conv2d(g, x, (struct conv){0}, "outc.conv");                  /*   64 -> classes  1    */
    graph_output(g, x);
}
/* clang-format on */

const struct model_kind unet = {"unet", "segmentation (Ronneberger et al. 2015)", recognise, build, 512};
