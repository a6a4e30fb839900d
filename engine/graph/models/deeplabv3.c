/* deeplabv3.c - semantic segmentation.
 *
 * Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution for Semantic Image Segmentation, 2017;
 * torchvision, models/segmentation/deeplabv3.py on models/resnet.py. A ResNet of bottleneck blocks whose last
 * two stages keep the size and widen their view by dilation instead, then pooling at several rates side by
 * side (ASPP).
 *
 * input  rgb  N x H x W x 3, normalised        output  logits  N x H x W x classes */
#include "engine/graph/models/models.h"

#include <stdio.h>

enum { NAME = 96 };

/* Convolution CONV without bias, batch norm BN. */
static value_id conv_bn(struct graph *g, value_id x, const char *conv, const char *bn, struct conv how)
{
    return graph_batchnorm(g, graph_conv2d(g, x, conv, how), bn);
}

/* ---- backbone: ResNet (He, Zhang, Ren, Sun 2016) ----------------------------------------- */

struct stage {
    int number;
    int64_t stride, dilation; /* of the stage; its first block keeps the dilation before */
};

/* 1x1, 3x3, 1x1, each with batch norm; the sum with the input goes through ReLU. The stride sits on the 3x3.
 */
static value_id bottleneck(struct graph *g, value_id x, const char *prefix, int64_t stride, int64_t dilation)
{
    char conv[3][NAME], bn[3][NAME], shortcut_conv[NAME], shortcut_bn[NAME];
    for (int i = 0; i < 3; i++) {
        snprintf(conv[i], NAME, "%s.conv%d", prefix, i + 1);
        snprintf(bn[i], NAME, "%s.bn%d", prefix, i + 1);
    }
    snprintf(shortcut_conv, NAME, "%s.downsample.0", prefix);
    snprintf(shortcut_bn, NAME, "%s.downsample.1", prefix);
    value_id shortcut = x;
    if (graph_has_tensor(g, "%s.weight", shortcut_conv))
        shortcut = conv_bn(g, x, shortcut_conv, shortcut_bn, (struct conv){.stride = stride});
    struct conv middle = {.stride = stride, .pad = dilation, .dilation = dilation};
    value_id y = graph_relu(g, conv_bn(g, x, conv[0], bn[0], (struct conv){0}));
    y = graph_relu(g, conv_bn(g, y, conv[1], bn[1], middle));
    y = conv_bn(g, y, conv[2], bn[2], (struct conv){0});
    return graph_relu(g, graph_add(g, y, shortcut));
}

static value_id add_stage(struct graph *g, value_id x, const struct stage *stage, int64_t dilation_before)
{
    for (int block = 0;; block++) {
        char prefix[NAME / 2];
        snprintf(prefix, sizeof prefix, "backbone.layer%d.%d", stage->number, block);
        if (!graph_has_tensor(g, "%s.conv1.weight", prefix))
            return x;
        bool first = block == 0;
        x = bottleneck(g, x, prefix, first ? stage->stride : 1, first ? dilation_before : stage->dilation);
    }
}

/* ---- ASPP: atrous spatial pyramid pooling ------------------------------------------------ */

/* Five views of x side by side: 1x1, 3x3 at three dilations, and the mean of the whole picture; then a 1x1 of
 * them all. Each is convolution, batch norm, ReLU. */
static value_id aspp(struct graph *g, value_id x, const char *prefix)
{
    static const int64_t dilations[] = {0, 12, 24, 36};
    enum { WINDOWS = 4, VIEWS = 5 };
    char conv[NAME], bn[NAME];
    value_id views[VIEWS];
    for (int i = 0; i < WINDOWS; i++) {
        snprintf(conv, NAME, "%s.convs.%d.0", prefix, i);
        snprintf(bn, NAME, "%s.convs.%d.1", prefix, i);
        views[i] = graph_relu(
            g, conv_bn(g, x, conv, bn, (struct conv){.pad = dilations[i], .dilation = dilations[i]}));
    }
    snprintf(conv, NAME, "%s.convs.4.1", prefix);
    snprintf(bn, NAME, "%s.convs.4.2", prefix);
    value_id mean = graph_relu(g, conv_bn(g, graph_average_pool(g, x), conv, bn, (struct conv){0}));
    views[4] = graph_bilinear_like(g, mean, x, false);
    snprintf(conv, NAME, "%s.project.0", prefix);
    snprintf(bn, NAME, "%s.project.1", prefix);
    return graph_relu(g, conv_bn(g, graph_concat(g, views, VIEWS), conv, bn, (struct conv){0}));
}

/* ---- whole ------------------------------------------------------------------------------- */

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "backbone.conv1.weight") &&
           graph_has_tensor(g, "classifier.0.project.0.weight");
}

static void build(struct graph *g)
{
    static const struct stage stages[] = {
        /* stage  stride  dilation     channels (ResNet-50, -101)   size */
        {1, 1, 1}, /*     64 ->  256                1/4  */
        {2, 2, 1}, /*    256 ->  512                1/8  */
        {3, 1, 2}, /*    512 -> 1024                1/8  */
        {4, 1, 4}, /*   1024 -> 2048                1/8  */
    };
    static const char *const unused[] = {"aux_classifier.", NULL};
    graph_ignore(g, unused);
    value_id rgb = graph_input(g, "rgb", 3);
    value_id x = conv_bn(g, rgb, "backbone.conv1", "backbone.bn1",
                         (struct conv){.stride = 2, .pad = 3}); /* 7x7, 1/2 */
    x = graph_max_pool(g, graph_relu(g, x), 3, 2, 1);           /* 1/4 */
    int64_t dilation = 1;
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++) {
        x = add_stage(g, x, &stages[s], dilation);
        dilation = stages[s].dilation;
    }
    x = aspp(g, x, "classifier.0"); /* 2048 -> 256 */
    x = graph_relu(g,
                   conv_bn(g, x, "classifier.1", "classifier.2", (struct conv){.pad = 1})); /*  256 -> 256 */
    x = graph_conv2d(g, x, "classifier.4", (struct conv){0}); /*  256 -> classes */
    graph_output(g, graph_bilinear_like(g, x, rgb, false));
}

const struct model_kind deeplabv3 = {"deeplabv3", "semantic segmentation (Chen et al. 2017)", recognise,
                                     build, 520};
