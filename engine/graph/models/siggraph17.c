/* siggraph17.c - colorization with hints, or automatic.
 *
 * Zhang, Zhu, Isola, Geng, Lin, Yu, Efros: Real-Time User-Guided Image Colorization with Learned Deep Priors,
 * SIGGRAPH 2017; richzhang/colorization, colorizers/siggraph17.py. A U-shaped network: down by [::2, ::2], up
 * by transposed convolutions that meet shortcuts of the same size.
 *
 * ReLU behind every convolution of a block, batch norm behind the last; none between an up or shortcut
 * convolution and their sum.
 *
 * input  Lab  N x H x W x 4: L 0..100, hint a and b in Lab units, mask 0 or 1; H and W multiples of 8
 * output ab   N x H x W x 2, Lab units */
#include "engine/graph/models/models.h"
#include "weights/number.h"

#include <stdio.h>

/* Convolutions modelB.0, .2, ... (or .1, .3 behind a sum), each with ReLU, then batch norm if wanted. */
static value_id add_block(struct graph *g, value_id x, int block, int first, int convolutions,
                          int64_t dilation)
{
    char name[32];
    for (int i = 0; i < convolutions; i++) {
        snprintf(name, sizeof name, "model%d.%d", block, first + 2 * i);
        x = graph_relu(g, graph_conv2d(g, x, name, (struct conv){.pad = dilation, .dilation = dilation}));
    }
    snprintf(name, sizeof name, "model%d.%d", block, first + 2 * convolutions);
    return graph_batchnorm(g, x, name);
}

/* Twice the size, plus what the way down had there: transposed 4x4 + 3x3. */
static value_id add_up(struct graph *g, value_id x, const char *up, value_id shortcut, const char *across)
{
    value_id beside = graph_conv2d(g, shortcut, across, (struct conv){.pad = 1});
    return graph_add(g, graph_conv2d_transpose(g, x, up, (struct conv){.stride = 2, .pad = 1}), beside);
}

/* What a published variant subtracts from the mask, recorded by the converter: 0 or 0.5. */
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

static void build(struct graph *g)
{
    static const char *const unused[] = {"model_class.", NULL};
    static const float to_lab[] = {110, 110}, zero[] = {0, 0};
    const float scale[] = {0.01F, 1 / 110.0F, 1 / 110.0F, 1}, shift[] = {-0.5F, 0, 0, -mask_centre(g)};
    graph_require_sides(g, 8, 8);
    graph_ignore(g, unused);

    value_id x = graph_scale_shift(g, graph_input(g, "Lab", 4), scale, shift);
    /*                                                                               channels     size */
    value_id one = add_block(g, x, 1, 0, 2, 1);                             /*   4 ->  64    1   */
    value_id two = add_block(g, graph_subsample(g, one, 2), 2, 0, 2, 1);    /*  64 -> 128   1/2  */
    value_id three = add_block(g, graph_subsample(g, two, 2), 3, 0, 3, 1);  /* 128 -> 256   1/4  */
    x = add_block(g, graph_subsample(g, three, 2), 4, 0, 3, 1);             /* 256 -> 512   1/8  */
    x = add_block(g, x, 5, 0, 3, 2);                                        /* 512 -> 512   1/8  */
    x = add_block(g, x, 6, 0, 3, 2);                                        /* 512 -> 512   1/8  */
    x = add_block(g, x, 7, 0, 3, 1);                                        /* 512 -> 512   1/8  */
    x = graph_relu(g, add_up(g, x, "model8up.0", three, "model3short8.0")); /* 512 -> 256   1/4  */
    x = add_block(g, x, 8, 1, 2, 1);                                        /* 256 -> 256   1/4  */
    x = graph_relu(g, add_up(g, x, "model9up.0", two, "model2short9.0"));   /* 256 -> 128   1/2  */
    x = add_block(g, x, 9, 1, 1, 1);                                        /* 128 -> 128   1/2  */
    x = graph_relu(g, add_up(g, x, "model10up.0", one, "model1short10.0")); /* 128 -> 128    1   */
    x = graph_conv2d(g, x, "model10.1", (struct conv){.pad = 1});           /* 128 -> 128    1   */
    x = graph_leaky_relu(g, x, 0.2F);
    x = graph_tanh(g, graph_conv2d(g, x, "model_out.0", (struct conv){0})); /* 128 ->   2    1   */
    graph_require_channels(g, x, 2);
    graph_output(g, graph_scale_shift(g, x, to_lab, zero));
}

const struct model_kind siggraph17 = {
    "siggraph17", "colorization with hints or automatic (Zhang et al. 2017)", recognise, build, 256};
