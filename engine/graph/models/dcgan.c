/* dcgan.c - generates pictures from noise.
 *
 * Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional Generative
 * Adversarial Networks, ICLR 2016; pytorch/examples, dcgan/main.py, the generator. Transposed convolutions
 * without bias: the first makes 4x4 pixels of the noise, each of the others doubles the side; batch norm and
 * ReLU between them, tanh at the end. Published: five stages, 100 noise values, 64 channels before the last.
 *
 * input  z   N x 1 x 1 x nz        output  picture  N x S x S x C, -1..1, S = 2^(stages + 1) */
#include "engine/graph/models/model_kind.h"

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "main.0.weight");
}

static void build(struct graph *g)
{
    int64_t shape[4];
    int stages = 1;
    /* The discriminator's batch norms are numbered 3, 6, 9; the generator's 1, 4, 7, 10. */
    if (graph_has_tensor(g, "main.2.weight") || !graph_has_tensor(g, "main.1.weight")) {
        graph_fail(g, "weights of a DCGAN discriminator; those of a generator expected");
        return;
    }
    while (graph_has_tensor(g, "main.%d.weight", 3 * stages))
        stages++;
    graph_tensor_shape(g, shape, "main.0.weight");

    value_id x = graph_input_fixed(g, "z", shape[0], 1); /* nz */
    for (int stage = 0; stage < stages; stage++) {
        struct conv conv = stage ? (struct conv){.stride = 2, .pad = 1} : (struct conv){0};
        x = graph_conv2d_transpose(g, x, conv, "main.%d",
                                   3 * stage); /* 8 ngf, 4 ngf, ... C; side 4, 8, ... */
        if (stage < stages - 1)
            x = graph_relu(g, graph_batchnorm(g, x, "main.%d", 3 * stage + 1));
    }
    graph_output(g, graph_tanh(g, x));
}

const struct model_kind dcgan = {"dcgan", "pictures from noise (Radford et al. 2016)", recognise, build, 0};
