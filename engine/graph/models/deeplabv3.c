/* deeplabv3.c - semantic segmentation.
 *
 * Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution for Semantic Image Segmentation, 2017;
 * torchvision, models/segmentation/deeplabv3.py on models/resnet.py. A ResNet of bottleneck blocks whose last
 * two stages keep the size and use dilation instead, then pooling at several rates side by side (ASPP).
 *
 * input  rgb  N x H x W x 3, normalised        output  logits  N x H x W x classes */
#include "engine/graph/models/model_kind.h"

static const struct conv plain = {0};

/* ---- backbone: ResNet (He, Zhang, Ren, Sun 2016) ----------------------------------------- */

struct stage {
    int number;
    int64_t stride, dilation; /* of the stage; its first block has the dilation of the stage before */
};

/* 1x1, 3x3, 1x1, each with batch norm, plus the input, then ReLU. The 3x3 has the stride. */
static value_id bottleneck(struct graph *g, value_id x, int stage, int block, int64_t stride,
                           int64_t dilation)
{
    struct conv middle = {.stride = stride, .pad = dilation, .dilation = dilation};
    struct conv across = {.stride = stride};
    value_id shortcut = x, y;
    if (graph_has_tensor(g, "backbone.layer%d.%d.downsample.0.weight", stage, block)) {
        shortcut = graph_conv2d(g, x, across, "backbone.layer%d.%d.downsample.0", stage, block);
        shortcut = graph_batchnorm(g, shortcut, "backbone.layer%d.%d.downsample.1", stage, block);
    }
    y = graph_conv2d(g, x, plain, "backbone.layer%d.%d.conv1", stage, block);
    y = graph_relu(g, graph_batchnorm(g, y, "backbone.layer%d.%d.bn1", stage, block));
    y = graph_conv2d(g, y, middle, "backbone.layer%d.%d.conv2", stage, block);
    y = graph_relu(g, graph_batchnorm(g, y, "backbone.layer%d.%d.bn2", stage, block));
    y = graph_conv2d(g, y, plain, "backbone.layer%d.%d.conv3", stage, block);
    y = graph_batchnorm(g, y, "backbone.layer%d.%d.bn3", stage, block);
    return graph_relu(g, graph_add(g, y, shortcut));
}

static value_id add_stage(struct graph *g, value_id x, const struct stage *stage, int64_t dilation_before)
{
    for (int block = 0; graph_has_tensor(g, "backbone.layer%d.%d.conv1.weight", stage->number, block);
         block++)
        x = block ? bottleneck(g, x, stage->number, block, 1, stage->dilation)
                  : bottleneck(g, x, stage->number, block, stage->stride, dilation_before);
    return x;
}

/* ---- ASPP: atrous spatial pyramid pooling ------------------------------------------------ */

/* Five branches on x: 1x1, 3x3 at three dilations, and the mean of the whole picture; then a 1x1 of their
 * concatenation. Each is convolution, batch norm, ReLU. */
static value_id aspp(struct graph *g, value_id x)
{
    static const int64_t dilations[] = {0, 12, 24, 36};
    enum { WINDOWS = 4, BRANCHES = 5 };
    value_id branches[BRANCHES], y;
    for (int i = 0; i < WINDOWS; i++) {
        struct conv conv = {.pad = dilations[i], .dilation = dilations[i]};
        y = graph_conv2d(g, x, conv, "classifier.0.convs.%d.0", i);
        branches[i] = graph_relu(g, graph_batchnorm(g, y, "classifier.0.convs.%d.1", i));
    }
    y = graph_conv2d(g, graph_average_pool(g, x), plain, "classifier.0.convs.4.1");
    y = graph_relu(g, graph_batchnorm(g, y, "classifier.0.convs.4.2"));
    branches[WINDOWS] = graph_bilinear_like(g, y, x, false);
    y = graph_conv2d(g, graph_concat(g, branches, BRANCHES), plain, "classifier.0.project.0");
    return graph_relu(g, graph_batchnorm(g, y, "classifier.0.project.1"));
}

/* ---- whole ------------------------------------------------------------------------------- */

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "backbone.conv1.weight") &&
           graph_has_tensor(g, "classifier.0.project.0.weight");
}

/* clang-format off */
static void build(struct graph *g)
{
    static const struct stage stages[] = {
        /* stage  stride  dilation     channels (ResNet-50, -101)   size */
        {  1,     1,      1},       /*     64 ->  256                1/4  */
        {  2,     2,      1},       /*    256 ->  512                1/8  */
        {  3,     1,      2},       /*    512 -> 1024                1/8  */
        {  4,     1,      4},       /*   1024 -> 2048                1/8  */
    };
    static const char *const unused[] = {"aux_classifier.", NULL};
    graph_ignore(g, unused);

    value_id rgb = graph_input(g, "rgb", 3);
    /*                                                                                channels        size */
    value_id x = graph_conv2d(g, rgb, (struct conv){.stride = 2, .pad = 3},      /*      3 ->   64     1/2 */
                              "backbone.conv1");
    x = graph_relu(g, graph_batchnorm(g, x, "backbone.bn1"));
    x = graph_max_pool(g, x, 3, 2, 1);                                           /*     64             1/4 */
    int64_t dilation = 1;
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++) {
        x = add_stage(g, x, &stages[s], dilation);
        dilation = stages[s].dilation;
    }
    x = aspp(g, x);                                                              /*   2048 ->  256     1/8 */
    x = graph_conv2d(g, x, (struct conv){.pad = 1}, "classifier.1");             /*    256 ->  256     1/8 */
    x = graph_relu(g, graph_batchnorm(g, x, "classifier.2"));
    x = graph_conv2d(g, x, plain, "classifier.4");                               /*    256 -> classes  1/8 */
    graph_output(g, graph_bilinear_like(g, x, rgb, false));                      /*         classes    1   */
}
/* clang-format on */

const struct model_kind deeplabv3 = {"deeplabv3", "semantic segmentation (Chen et al. 2017)", recognise,
                                     build, 520};
