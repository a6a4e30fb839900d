/* network_input.c - see network_input.h. */
#include "engine/pipelines/network_input.h"
#include "engine/base/memory.h"
#include "engine/base/tensor.h"
#include "engine/pictures/alpha.h"
#include "engine/pipelines/colorizer.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"

#include <string.h>

/* ---- each pipeline: the size of the input, and its values -------------------------------- */

static limn_status size_to_segment(const limn_model *model, const struct picture *source, limn_size *size,
                                   limn_error *error)
{
    static const limn_segment_options defaults = {0};
    int classes;
    limn_status status = segment_check(model, &defaults, &classes, error);
    return status == LIMN_OK ? segment_size(model, source, &defaults, size, error) : status;
}

static limn_status size_to_colorize(const limn_model *model, const struct picture *source, limn_size *size,
                                    limn_error *error)
{
    (void)source;
    (void)error;
    *size = (limn_size){1, colorizer_side(model), colorizer_side(model)};
    return LIMN_OK;
}

/* Channels of hints stay 0. */
static limn_status fill_to_colorize(const limn_model *model, const struct picture *source, struct tensor *x,
                                    limn_error *error)
{
    return colorizer_fill(model, source, x, NULL, error);
}

static limn_status size_to_upscale(const limn_model *model, const struct picture *source, limn_size *size,
                                   limn_error *error)
{
    int64_t factor;
    *size = (limn_size){1, source->height, source->width};
    return upscale_factor(model, &factor, error);
}

static limn_status fill_to_upscale(const limn_model *model, const struct picture *source, struct tensor *x,
                                   limn_error *error)
{
    struct picture filled;
    (void)model;
    limn_status status = alpha_fill(source, &filled, error);
    if (status == LIMN_OK)
        upscale_fill(filled.pixels ? &filled : source, 0, x);
    picture_free(&filled);
    return status;
}

static const struct pipeline {
    const struct model_kind *kind;
    limn_status (*size)(const limn_model *model, const struct picture *source, limn_size *size,
                        limn_error *error);
    limn_status (*fill)(const limn_model *model, const struct picture *source, struct tensor *x,
                        limn_error *error); /* x starts as zeros */
} pipelines[] = {
    {&deeplabv3, size_to_segment, segment_fill},   {&unet, size_to_segment, segment_fill},
    {&eccv16, size_to_colorize, fill_to_colorize}, {&siggraph17, size_to_colorize, fill_to_colorize},
    {&vae, size_to_colorize, fill_to_colorize},    {&enhancenet, size_to_upscale, fill_to_upscale},
};

/* ---- all --------------------------------------------------------------------------------- */

static limn_status make(const struct pipeline *pipeline, const limn_model *model,
                        const struct picture *source, struct npy *input, limn_error *error)
{
    limn_size size;
    struct tensor x = {0};
    limn_status status = pipeline->size(model, source, &size, error);
    if (status != LIMN_OK)
        return status;
    int64_t channels = model->graph.nodes[graph_input_node(&model->graph, 0)].channels;
    size_t count = (size_t)(size.height * size.width * channels);
    status = tensor_create(1, size.height, size.width, channels, &x, error);
    if (status != LIMN_OK)
        return status;
    memset(x.data, 0, count * sizeof *x.data);
    status = pipeline->fill(model, source, &x, error);
    if (status == LIMN_OK && !(input->data = mem_alloc(count * sizeof *input->data)))
        status = fail_memory(error, "the network's input", count * sizeof *input->data);
    if (status == LIMN_OK) {
        tensor_to_nchw(&x, input->data);
        for (int axis = 0; axis < 4; axis++)
            input->shape[axis] = (const int64_t[]){1, channels, size.height, size.width}[axis];
    }
    tensor_free(&x);
    return status;
}

limn_status network_input(const limn_model *model, const struct picture *source, struct npy *input,
                          limn_error *error)
{
    *input = (struct npy){0};
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++)
        if (pipelines[i].kind == model->kind)
            return make(&pipelines[i], model, source, input, error);
    return fail(error, LIMN_E_USAGE, "%s: the input of %s is a latent vector (.npy), not a picture",
                model->graph.path, model->kind->name);
}
