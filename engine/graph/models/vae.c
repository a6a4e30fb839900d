/* vae.c - diverse colorization by a conditional variational autoencoder.
 *
 * Deshpande, Lu, Yeh, Chong, Forsyth: Learning Diverse Image Colorization, CVPR 2017;
 * aditya12agd5/pytorch_divcolor, vae.py. An encoder of the grey picture keeps its features at four sizes. A
 * decoder enlarges the latent vector to a field of colours, and concatenates the features of each size.
 * Padding is k // 2; batch norm follows the ReLU.
 *
 * inputs  grey  N x 64 x 64 x 1, -1..1;  z  N x 1 x 1 x 64        output  ab  N x 64 x 64 x 2, -1..1
 *
 * The colour encoder is the inverse, a separate graph over the same file: the shape of the grey encoder, then
 * a linear layer.
 *
 * input   ab    N x 64 x 64 x 2, -1..1        output  mean and log-variance of z  N x 1 x 1 x 128 */
#include "engine/graph/models/model_kind.h"

#include <string.h>

/* Convolution, ReLU, batch norm: PREFIX_convN and PREFIX_bnN. */
static value_id conv_relu_bn(struct graph *g, value_id x, const char *prefix, int n, int64_t stride)
{
    int64_t shape[4];
    graph_tensor_shape(g, shape, "%s_conv%d.weight", prefix, n);
    struct conv conv = {.stride = stride, .pad = shape[2] / 2};
    return graph_batchnorm(g, graph_relu(g, graph_conv2d(g, x, conv, "%s_conv%d", prefix, n)), "%s_bn%d",
                           prefix, n);
}

/* Upstream ran a version of torch whose bilinear used align_corners; networks trained since may not. The
 * converter records which. */
static bool align_corners(struct graph *g)
{
    const char *text = safetensors_metadata(g->weights->header, "limn.align_corners");
    bool corners = !text || strcmp(text, "true") == 0;
    if (!corners && strcmp(text, "false") != 0)
        graph_fail(g, "limn.align_corners is \"%s\", true or false expected", text);
    return corners;
}

static value_id cat(struct graph *g, value_id a, value_id b)
{
    return graph_concat(g, (value_id[]){a, b}, 2);
}

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "cond_enc_conv1.weight") && graph_has_tensor(g, "dec_conv1.weight");
}

enum { SIDE = 64 };

/* clang-format off */
static void build(struct graph *g)
{
    static const char *const colour_encoder[] = {"enc_conv", "enc_bn", "enc_fc", NULL};
    bool align = align_corners(g);
    int64_t first[4], deepest[4];
    graph_tensor_shape(g, first, "dec_conv1.weight");
    graph_tensor_shape(g, deepest, "cond_enc_conv4.weight");
    int64_t latent = first[1] - deepest[0];
    if (latent < 1) {
        graph_fail(g, "dec_conv1.weight has too few input channels for a latent vector and the output of "
                      "cond_enc_conv4");
        return;
    }
    value_id grey = graph_input_fixed(g, "grey", 1, SIDE);
    value_id z = graph_input_fixed(g, "z", latent, 1);
    /*                                                               channels      size */
    value_id s32 = conv_relu_bn(g, grey, "cond_enc", 1, 2);       /*    1 ->  128   32  */
    value_id s16 = conv_relu_bn(g, s32, "cond_enc", 2, 2);        /*  128 ->  256   16  */
    value_id s8 = conv_relu_bn(g, s16, "cond_enc", 3, 2);         /*  256 ->  512    8  */
    value_id s4 = conv_relu_bn(g, s8, "cond_enc", 4, 2);          /*  512 -> 1024    4  */

    value_id x = graph_bilinear(g, z, 4, align);                  /*   64            4  */
    x = conv_relu_bn(g, cat(g, x, s4), "dec", 1, 1);              /* 1088 ->  512    4  */
    x = graph_bilinear(g, x, 2, align);                           /*  512            8  */
    x = conv_relu_bn(g, cat(g, x, s8), "dec", 2, 1);              /* 1024 ->  256    8  */
    x = graph_bilinear(g, x, 2, align);                           /*  256           16  */
    x = conv_relu_bn(g, cat(g, x, s16), "dec", 3, 1);             /*  512 ->  128   16  */
    x = graph_bilinear(g, x, 2, align);                           /*  128           32  */
    x = conv_relu_bn(g, cat(g, x, s32), "dec", 4, 1);             /*  256 ->   64   32  */
    x = graph_bilinear(g, x, 2, align);                           /*   64           64  */
    x = graph_conv2d(g, x, (struct conv){.pad = 2}, "dec_conv5"); /*   64 ->    2   64  */
    graph_require_channels(g, x, 2);
    graph_output(g, graph_tanh(g, x));
    graph_ignore(g, colour_encoder);
}
/* clang-format on */

const struct model_kind vae = {"vae", "diverse colorization from a latent vector (Deshpande et al. 2017)",
                               recognise, build, 0};

/* ---- the colour encoder ------------------------------------------------------------------ */

static bool has_colour_encoder(const struct graph *g)
{
    return graph_has_tensor(g, "enc_conv1.weight");
}

/* clang-format off */
static void build_colour_encoder(struct graph *g)
{
    static const char *const the_rest[] = {"cond_enc_", "dec_", NULL};
    value_id x = graph_input_fixed(g, "ab", 2, SIDE);
    x = conv_relu_bn(g, x, "enc", 1, 2);                          /*    2 ->  128   32  */
    x = conv_relu_bn(g, x, "enc", 2, 2);                          /*  128 ->  256   16  */
    x = conv_relu_bn(g, x, "enc", 3, 2);                          /*  256 ->  512    8  */
    x = conv_relu_bn(g, x, "enc", 4, 2);                          /*  512 -> 1024    4  */
    graph_output(g, graph_linear(g, x, 4, "enc_fc1"));            /* 1024 x 4 x 4 -> 128 */
    graph_ignore(g, the_rest);
}
/* clang-format on */

const struct model_kind vae_colour_encoder = {"colour encoder", "the latent vector of a picture's colours",
                                              has_colour_encoder, build_colour_encoder, 0};
