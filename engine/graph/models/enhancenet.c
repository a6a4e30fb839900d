/* enhancenet.c - 4x super-resolution.
 *
 * Sajjadi, Schoelkopf, Hirsch: EnhanceNet: Single Image Super-Resolution Through Automated Texture
 * Synthesis, ICCV 2017. The network predicts the difference to bicubic interpolation.
 *
 * The published checkpoint is TensorFlow's: 25 convolutions "generator/Conv", "generator/Conv_1", ... in the
 * order of execution, all 3x3 "same", weights HWIO. The number of residual blocks and the width are read from
 * the tensors (published: 10 and 64).
 *
 * input  rgb   N x H x W x 3, 0..1        output  N x 4H x 4W x 3, before clipping */
#include "engine/graph/models/model_kind.h"

/* Mean colour of the training set, red, green, blue. */
static const float mean[3] = {0.47614917F, 0.45001204F, 0.40904046F};
static const float minus_mean[3] = {-0.47614917F, -0.45001204F, -0.40904046F};

/* Convolution `number` of the checkpoint. */
static value_id conv(struct graph *g, value_id x, int number)
{
    struct conv same = {.layout = LAYOUT_HWIO, .weight = "/weights", .bias = "/biases", .pad = 1};
    return number ? graph_conv2d(g, x, same, "generator/Conv_%d", number)
                  : graph_conv2d(g, x, same, "generator/Conv");
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "generator/Conv/weights") && graph_has_tensor(g, "generator/Conv_1/weights");
}

/* clang-format off */
static void build(struct graph *g)
{
    enum { OUTSIDE_BLOCKS = 5 };
    int convolutions = 1;
    while (graph_has_tensor(g, "generator/Conv_%d/weights", convolutions))
        convolutions++;
    int blocks = (convolutions - OUTSIDE_BLOCKS) / 2, n = 0; /* n: number of the next convolution */
    if (blocks < 0 || convolutions != OUTSIDE_BLOCKS + 2 * blocks) {
        graph_fail(g, "%d convolutions; %d and two for each residual block expected", convolutions,
                   (int)OUTSIDE_BLOCKS);
        return;
    }
    value_id rgb = graph_input(g, "rgb", 3);
    value_id centred = graph_shift(g, rgb, minus_mean);

    /*                                                        channels   size  */
    value_id x = graph_relu(g, conv(g, centred, n++));     /*  3 -> 64   1x     */
    for (int block = 0; block < blocks; block++) {         /*                   */
        value_id y = graph_relu(g, conv(g, x, n++));       /* 64 -> 64   1x     */
        x = graph_add(g, conv(g, y, n++), x);              /* 64 -> 64   1x     */
    }                                                      /*                   */
    for (int doubling = 0; doubling < 2; doubling++) {     /*                   */
        x = graph_upsample(g, x, 2);                       /* 64         2x, 4x */
        x = graph_relu(g, conv(g, x, n++));                /* 64 -> 64   2x, 4x */
    }                                                      /*                   */
    x = graph_relu(g, conv(g, x, n++));                    /* 64 -> 64   4x     */
    value_id enlarged = graph_bicubic(g, centred, 4);      /*  3         4x     */
    x = graph_add(g, conv(g, x, n), enlarged);             /* 64 ->  3   4x     */
    graph_output(g, graph_shift(g, x, mean));
}
/* clang-format on */

const struct model_kind enhancenet = {"enhancenet", "4x super-resolution of a picture", recognise, build,
                                      128};
