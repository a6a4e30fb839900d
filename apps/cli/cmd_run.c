/* cmd_run.c - limn run: runs a network on a tensor or a picture, and writes what it makes as a tensor. */
#include "apps/cli/dump.h"
#include "apps/cli/notes.h"
#include "engine/base/files.h"
#include "engine/base/finite.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/pipelines/network_input.h"

#include <inttypes.h>
#include <string.h>

/* Reads the first input: a tensor (.npy), as it is, or a picture, which the network's preprocessing turns
 * into a tensor. */
static limn_status read_input(const struct options *options, const limn_model *model, const char *path,
                              struct npy *input, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    struct picture picture;
    const char *name = input_name(path), *dot = strrchr(path, '.');
    *input = (struct npy){0};
    limn_status status = file_read_all(path, npy_file_most, LIMN_E_INPUT, &bytes, &size, error);
    if (status != LIMN_OK)
        return status;
    if (npy_starts(bytes, size) || (dot && strcmp(dot, ".npy") == 0))
        return npy_take(bytes, size, name, input, error);
    status = picture_decode(bytes, size, name, !options->no_orient, &picture, error);
    mem_free(bytes);
    if (status == LIMN_OK && picture.warning[0])
        note_once(options, name, picture.warning);
    if (status == LIMN_OK)
        status = network_input(model, &picture, input, error);
    picture_free(&picture);
    return status;
}

/* Sets the second input, if the graph has one, from --latent, else to zeros. */
static limn_status set_latent(limn_session *session, const struct options *options, limn_error *error)
{
    limn_shape wanted = limn_session_input_shape(session, 1);
    struct npy latent = {{wanted.n, wanted.c, wanted.h, wanted.w}, NULL};
    if (!wanted.n)
        return options->latent ? fail(error, LIMN_E_USAGE, "--latent: this network has no latent input")
                               : LIMN_OK;
    limn_status status = LIMN_OK;
    size_t count = (size_t)(wanted.n * wanted.c * wanted.h * wanted.w);
    if (options->latent)
        status = npy_read(options->latent, &latent, error);
    else if (!(latent.data = mem_zalloc(count, sizeof *latent.data)))
        status = fail_memory(error, "the latent vector", count * sizeof *latent.data);
    const int64_t *s = latent.shape;
    if (status == LIMN_OK && (size_t)(s[0] * s[1] * s[2] * s[3]) != count)
        status = fail(error, LIMN_E_INPUT, "%s: %" PRId64 " x %" PRId64 " latent values expected",
                      options->latent, wanted.n, wanted.c);
    if (status == LIMN_OK)
        status = limn_session_set_input(session, 1, latent.data, error);
    npy_free(&latent);
    return status;
}

/* Warns about values that are not finite, which are written unchanged, and about such weights. */
static void warn_nonfinite(const limn_session *session, const char *path)
{
    const struct tensor *made = session_output(session);
    const char *weights = limn_model_warning(session->model);
    int64_t nonfinite = count_nonfinite(made);
    if (nonfinite)
        app_warn("%s: %" PRId64 " of %" PRId64 " values are NaN or infinite%s%s",
                 strcmp(path, "-") == 0 ? "standard output" : path, nonfinite, tensor_pixels(made) * made->c,
                 weights ? "; " : "", weights ? weights : "");
    else
        app_model_warn(session->model, LIMN_OK);
}

static size_t value_bytes(const limn_session *session, value_id x)
{
    const struct layer_dims *d = &session->plan.dims[x];
    return (size_t)(d->n * d->oh * d->ow * d->oc) * sizeof(float);
}

/* The largest of the arrays that are allocated besides the session, one at a time. */
static size_t array_bytes(const struct dumps *dumps, const limn_session *session)
{
    const struct graph *graph = &session->graph;
    size_t most = value_bytes(session, graph_maker(graph, graph->output));
    for (int i = 0; i < dumps->count; i++) {
        size_t bytes = value_bytes(session, dumps->list[i].node);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Creates a session that leaves memory for these arrays after the input has been copied into it and freed.
 * Their size follows from its plan; if too little is left, the session is planned again. */
static limn_status create_session(limn_model *model, const struct npy *input, struct dumps *dumps,
                                  limn_session **session, limn_error *error)
{
    enum { SMALL = 80 << 10 }; /* the buffer of a file, block headers, a latent vector */
    const int64_t *s = input->shape;
    struct session_request request = {.output = model->graph.output, .size = {s[0], s[2], s[3]}};
    size_t freed = (size_t)(s[0] * s[1] * s[2] * s[3]) * sizeof(float);
    limn_status status = session_plan(model, &request, session, error);
    if (status == LIMN_OK)
        status = dumps_find(dumps, *session, error);
    if (status == LIMN_OK) {
        size_t arrays = array_bytes(dumps, *session) + SMALL, left = mem_available(), all;
        request.room.beside = arrays > freed ? arrays - freed : 0;
        if (__builtin_add_overflow(plan_bytes(&(*session)->plan), request.room.beside, &all) || all > left) {
            limn_session_free(*session);
            status = session_plan(model, &request, session, error);
            dumps->session = *session;
        }
    }
    if (status == LIMN_OK)
        status = session_prepare(*session, error);
    if (status != LIMN_OK) {
        limn_session_free(*session);
        *session = NULL;
    }
    return status;
}

/* Runs the network and writes the output. Frees the input once it is copied into the session. */
static limn_status run_tensor(limn_model *model, struct npy *input, const char *name, struct dumps *dumps,
                              limn_error *error)
{
    const struct options *options = dumps->options;
    limn_session *session;
    limn_status status = create_session(model, input, dumps, &session, error);
    if (status != LIMN_OK)
        return status;
    limn_shape wanted = limn_session_input_shape(session, 0), made = limn_session_output_shape(session);
    float *output = NULL;
    if (wanted.c != input->shape[1] || wanted.h != input->shape[2] || wanted.w != input->shape[3])
        status = fail(error, LIMN_E_INPUT,
                      "%s: %" PRId64 " channels of %" PRId64 "x%" PRId64 ", %s takes %" PRId64 " of %" PRId64
                      "x%" PRId64,
                      name, input->shape[1], input->shape[2], input->shape[3], limn_model_name(model),
                      wanted.c, wanted.h, wanted.w);
    if (status == LIMN_OK)
        status = limn_session_set_input(session, 0, input->data, error);
    npy_free(input);
    if (status == LIMN_OK)
        status = set_latent(session, options, error);
    if (status == LIMN_OK)
        status = dumps_run(dumps, error);
    size_t bytes = (size_t)(made.n * made.c * made.h * made.w) * sizeof *output;
    if (status == LIMN_OK && !(output = mem_alloc(bytes)))
        status = fail_memory(error, "the output", bytes);
    if (status == LIMN_OK)
        status = limn_session_get_output(session, output, error);
    if (status == LIMN_OK)
        status = npy_write(options->output, (int64_t[4]){made.n, made.c, made.h, made.w}, output,
                           options->force, error);
    if (status == LIMN_OK)
        warn_nonfinite(session, options->output);
    mem_free(output);
    limn_session_free(session);
    return status;
}

limn_status run_run(const struct options *options, limn_error *error)
{
    const char *path;
    limn_model *model;
    struct npy input;
    struct dumps dumps;
    limn_status status = app_input(options, &path, error);
    if (status == LIMN_OK && !options->output)
        status = fail(error, LIMN_E_USAGE, "missing -o OUTPUT.npy");
    if (status == LIMN_OK)
        status = output_check(options->output, options->force, error);
    if (status == LIMN_OK)
        status = dumps_begin(&dumps, options, error);
    if (status != LIMN_OK)
        return status;
    status = app_model(options, NULL, &model, error);
    if (status != LIMN_OK)
        return status;
    status = read_input(options, model, path, &input, error);
    if (status == LIMN_OK)
        status = run_tensor(model, &input, input_name(path), &dumps, error);
    npy_free(&input);
    app_model_free(model);
    return status;
}
