/* dcgan.c - pictures from noise.
 *
 * Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional Generative
 * Adversarial Networks, ICLR 2016; pytorch/examples, dcgan/main.py, the generator. Transposed convolutions
 * without bias: the first makes 4x4 pixels of the noise, each further one doubles the side; batch norm and
 * ReLU between them, tanh at the end. Published: five stages, 100 noise values, 64 channels before the last.
 *
 * input  z   N x 1 x 1 x nz        output  picture  N x S x S x C, -1..1, S = 2^(stages + 1) */
#include "engine/graph/models/models.h"

#include <stdio.h>

static bool recognise(const struct graph *g)
{
    return graph_has_tensor(g, "main.0.weight");
}

static void build(struct graph *g)
{
    char name[32];
    int64_t shape[4];
    int stages = 1;
    /* The discriminator's batch norms stand at 3, 6, 9; the generator's at 1, 4, 7, 10. */
    if (graph_has_tensor(g, "main.2.weight") || !graph_has_tensor(g, "main.1.weight")) {
        graph_fail(g, "these are the weights of a DCGAN discriminator; the generator's are needed");
        return;
    }
    while (graph_has_tensor(g, "main.%d.weight", 3 * stages))
        stages++;
    graph_tensor_shape(g, shape, "main.0.weight");

    value_id x = graph_input_fixed(g, "z", shape[0], 1); /* nz */
    for (int stage = 0; stage < stages; stage++) {
        struct conv conv = stage ? (struct conv){.stride = 2, .pad = 1} : (struct conv){0};
        snprintf(name, sizeof name, "main.%d", 3 * stage);
        x = graph_conv2d_transpose(g, x, name, conv); /* 8 ngf, 4 ngf, ... C; side 4, 8, ... */
        if (stage == stages - 1)
            break;
        snprintf(name, sizeof name, "main.%d", 3 * stage + 1);
        x = graph_relu(g, graph_batchnorm(g, x, name));
    }
    graph_output(g, graph_tanh(g, x));
}

const struct model_kind dcgan = {"dcgan", "pictures from noise (Radford et al. 2016)", recognise, build, 0};
