/* run.c - limn run: the bare graph on a tensor. */
#include "app.h"
#include "memory.h"
#include "npy.h"

#include <inttypes.h>

static limn_status run_tensor(limn_model *model, const struct npy *input, const struct options *options,
                              limn_error *error)
{
    limn_size size = {input->shape[0], input->shape[2], input->shape[3]};
    limn_session *session;
    limn_status status = limn_session_create(model, size, &session, error);
    if (status != LIMN_OK)
        return status;
    limn_shape wanted = limn_session_input_shape(session, 0), made = limn_session_output_shape(session);
    float *output = NULL;
    if (wanted.c != input->shape[1])
        status = fail(error, LIMN_E_INPUT, "the input has %" PRId64 " channels, %s takes %" PRId64,
                      input->shape[1], limn_model_name(model), wanted.c);
    size_t bytes = (size_t)(made.n * made.c * made.h * made.w) * sizeof *output;
    if (status == LIMN_OK && !(output = mem_alloc(bytes)))
        status = fail_memory(error, "the output", bytes);
    if (status == LIMN_OK)
        status = limn_session_set_input(session, 0, input->data, error);
    if (status == LIMN_OK)
        status = limn_session_run(session, error);
    if (status == LIMN_OK)
        status = limn_session_get_output(session, output, error);
    if (status == LIMN_OK)
        status = npy_write(options->output, (int64_t[4]){made.n, made.c, made.h, made.w}, output,
                           options->force, error);
    mem_free(output);
    limn_session_free(session);
    return status;
}

limn_status run_run(const struct options *options, limn_error *error)
{
    const char *path;
    limn_engine *engine;
    limn_model *model;
    struct npy input;
    limn_status status = app_input(options, &path, error);
    if (status == LIMN_OK && !options->output)
        status = fail(error, LIMN_E_USAGE, "where to? -o OUTPUT.npy is needed");
    if (status != LIMN_OK)
        return status;
    status = app_model(options, NULL, &engine, &model, error);
    if (status != LIMN_OK)
        return status;
    status = npy_read(path, &input, error);
    if (status == LIMN_OK)
        status = run_tensor(model, &input, options, error);
    npy_free(&input);
    limn_model_free(model);
    limn_engine_free(engine);
    return status;
}
