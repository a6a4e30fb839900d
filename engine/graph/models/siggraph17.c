/* siggraph17.c - colorization with hints, or automatic.
 *
 * Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization with Learned Deep Priors,
 * SIGGRAPH 2017; richzhang/colorization, colorizers/siggraph17.py. A U-shaped network: down by [::2, ::2], up
 * by transposed convolutions to which shortcuts of the same size are added.
 *
 * ReLU follows every convolution of a block, batch norm the last ReLU; neither follows an up or a shortcut
 * convolution.
 *
 * input  Lab  N x H x W x 4: L 0..100, hint a and b in Lab units, mask 0 or 1; H and W multiples of 8
 * output ab   N x H x W x 2, Lab units */
#include "engine/graph/models/model_kind.h"
#include "weights/number.h"

/* Convolutions modelB.0, .2, ... (or .1, .3 after a sum), each with ReLU; then batch norm. */
static value_id add_block(struct graph *g, value_id x, int block, int first, int convolutions,
                          int64_t dilation)
{
    struct conv conv = {.pad = dilation, .dilation = dilation};
    for (int i = 0; i < convolutions; i++)
        x = graph_relu(g, graph_conv2d(g, x, conv, "model%d.%d", block, first + 2 * i));
    return graph_batchnorm(g, x, "model%d.%d", block, first + 2 * convolutions);
}

/* x at twice the size by a 4x4 transposed convolution, plus a 3x3 convolution of the shortcut; then ReLU.
 * `to` and `from` are the blocks that the sum enters and that the shortcut leaves. */
static value_id add_up(struct graph *g, value_id x, int to, value_id shortcut, int from)
{
    value_id across = graph_conv2d(g, shortcut, (struct conv){.pad = 1}, "model%dshort%d.0", from, to);
    x = graph_conv2d_transpose(g, x, (struct conv){.stride = 2, .pad = 1}, "model%dup.0", to);
    return graph_relu(g, graph_add(g, x, across));
}

/* What a published variant subtracts from the mask, 0 or 0.5; the converter records it. */
static float mask_centre(struct graph *g)
{
    const char *text = safetensors_metadata(g->weights->header, "limn.mask_center");
    char *end = NULL;
    float centre = text ? (float)number_parse(text, &end) : 0;
    if (text && (end == text || *end || !(centre >= 0 && centre <= 1)))
        graph_fail(g, "limn.mask_center is \"%s\", a number from 0 to 1 expected", text);
    return centre;
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "model8up.0.weight") && graph_has_tensor(g, "model1short10.0.weight");
}

/* clang-format off */
static void build(struct graph *g)
{
    static const char *const unused[] = {"model_class.", NULL};
    static const float to_lab[] = {110, 110}, zero[] = {0, 0};
    const float scale[] = {0.01F, 1 / 110.0F, 1 / 110.0F, 1}, shift[] = {-0.5F, 0, 0, -mask_centre(g)};
    graph_require_sides(g, 8, 8);
    graph_ignore(g, unused);

    value_id x = graph_scale_shift(g, graph_input(g, "Lab", 4), scale, shift);
    /*                                                                          channels     size  */
    value_id one = add_block(g, x, 1, 0, 2, 1);                            /*    4 ->   64     1    */
    value_id two = add_block(g, graph_subsample(g, one, 2), 2, 0, 2, 1);   /*   64 ->  128    1/2   */
    value_id three = add_block(g, graph_subsample(g, two, 2), 3, 0, 3, 1); /*  128 ->  256    1/4   */
    x = add_block(g, graph_subsample(g, three, 2), 4, 0, 3, 1);            /*  256 ->  512    1/8   */
    x = add_block(g, x, 5, 0, 3, 2);                                       /*  512 ->  512    1/8   */
    x = add_block(g, x, 6, 0, 3, 2);                                       /*  512 ->  512    1/8   */
    x = add_block(g, x, 7, 0, 3, 1);                                       /*  512 ->  512    1/8   */
    x = add_up(g, x, 8, three, 3);                                         /*  512 ->  256    1/4   */
    x = add_block(g, x, 8, 1, 2, 1);                                       /*  256 ->  256    1/4   */
    x = add_up(g, x, 9, two, 2);                                           /*  256 ->  128    1/2   */
    x = add_block(g, x, 9, 1, 1, 1);                                       /*  128 ->  128    1/2   */
    x = add_up(g, x, 10, one, 1);                                          /*  128 ->  128     1    */
    x = graph_conv2d(g, x, (struct conv){.pad = 1}, "model10.1");          /*  128 ->  128     1    */
    x = graph_leaky_relu(g, x, 0.2F);
    x = graph_conv2d(g, x, (struct conv){0}, "model_out.0");               /*  128 ->    2     1    */
    x = graph_tanh(g, x);
    graph_require_channels(g, x, 2);
    graph_output(g, graph_scale_shift(g, x, to_lab, zero));
}
/* clang-format on */

const struct model_kind siggraph17 = {
    "siggraph17", "colorization with hints or automatic (Zhang et al. 2017)", recognise, build, 256};
