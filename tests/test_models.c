/* test_models.c - each network against its golden file, node by node, and what its builder refuses.
 *
 * tools/reference/golden.py writes the files: weights of small width, and the values of all nodes as PyTorch
 * computes them in float64. */
#include "engine/base/memory.h"
#include "engine/run/instruction_set.h"
#include "engine/run/session.h"
#include "tests/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/goldens/"

/* ---- goldens ----------------------------------------------------------------------------- */

struct golden {
    struct weights_file file;
    int number; /* of the case */
    int compared, observed;
};

/* The reference NUMBER/NAME as NHWC floats, or NULL. */
static float *golden_values(const struct golden *golden, const char *name, struct tensor *shape)
{
    char full[300];
    snprintf(full, sizeof full, "%d/%s", golden->number, name);
    const struct tensor_entry *entry = safetensors_find(golden->file.header, full);
    if (!entry)
        return NULL;
    float *nchw = malloc((size_t)entry->elements * sizeof *nchw),
          *nhwc = malloc((size_t)entry->elements * sizeof *nhwc);
    bool finite = true;
    assert_ok(weights_read(&golden->file, entry, nchw, &finite, error));
    const uint64_t *s = entry->shape;
    *shape = tensor_view(nhwc, (int64_t)s[0], (int64_t)s[2], (int64_t)s[3], (int64_t)s[1], (int64_t)s[1]);
    tensor_from_nchw(shape, nchw);
    free(nchw);
    return nhwc;
}

static int golden_entries(const struct golden *golden)
{
    char prefix[16];
    int count = 0, length = snprintf(prefix, sizeof prefix, "%d/", golden->number);
    for (size_t i = 0; i < golden->file.header->tensor_count; i++)
        count += strncmp(golden->file.header->tensors[i].name, prefix, (size_t)length) == 0;
    return count;
}

static double largest(const float *values, const struct tensor *shape)
{
    double most = 0;
    for (int64_t i = 0; i < tensor_pixels(shape) * shape->c; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

static limn_status compare_node(void *context, const struct node *node, const struct tensor *made,
                                limn_error *error)
{
    struct golden *golden = context;
    struct tensor shape;
    golden->observed++;
    float *want = golden_values(golden, node->made, &shape);
    if (!want)
        return LIMN_OK;
    bool same_shape = shape.n == made->n && shape.h == made->h && shape.w == made->w && shape.c == made->c;
    /* Float32 sums of up to some hundred products, through up to fifty layers: 4e-6 of the value's largest is
     * the most that was seen. The baseline has no fused multiply-add: every product is rounded as well, which
     * is as many roundings again. After inputs of size 1, small values are as far off as large ones. */
    double tolerance =
        5e-6 * (isa_in_use().isa == ISA_BASELINE ? sqrt(2) : 1) * fmax(1, largest(want, &shape));
    bool agree = same_shape && tensors_agree(made, want, tolerance, 0, node->made);
    golden->compared++;
    free(want);
    return agree ? LIMN_OK
                 : fail(error, LIMN_E_INPUT, "case %d: first node that diverges: %s", golden->number,
                        node->made);
}

/* Fills every input; the first one gives the size. */
static limn_session *golden_session(limn_model *model, const struct golden *golden)
{
    limn_session *session = NULL;
    for (int i = 0; i < limn_model_inputs(model); i++) {
        struct tensor shape;
        float *values =
            golden_values(golden, model->graph.nodes[graph_input_node(&model->graph, i)].name, &shape);
        assert_non_null(values);
        if (!session)
            assert_ok(limn_session_create(model, (limn_size){shape.n, shape.h, shape.w}, &session, error));
        struct tensor *x = session_input(session, i);
        assert_true(x->n == shape.n && x->h == shape.h && x->w == shape.w && x->c == shape.c);
        memcpy(x->data, values, (size_t)(tensor_pixels(x) * x->c) * sizeof *values);
        free(values);
    }
    return session;
}

static int running_nodes(const struct graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->count; i++)
        count += node_runs(&graph->nodes[i]);
    return count;
}

struct golden_file {
    const char *name;
    int cases;
    const struct model_kind *kind; /* NULL: what the file says */
};

static void check_golden(const struct golden_file *file, limn_kernels kernels)
{
    char weights[100], references[100];
    snprintf(weights, sizeof weights, GOLDENS "%s.safetensors", file->name);
    snprintf(references, sizeof references, GOLDENS "%s.golden.safetensors", file->name);
    limn_engine *engine = test_engine(2, kernels);
    limn_model *model;
    struct golden golden = {0};
    assert_ok(model_load_as(engine, weights, file->kind, &model, error));
    assert_ok(weights_open(references, &golden.file, error));
    for (golden.number = 0; golden.number < file->cases; golden.number++) {
        limn_session *session = golden_session(model, &golden);
        golden.compared = golden.observed = 0;
        session_observe(session, compare_node, &golden);
        assert_ok(limn_session_run(session, error));
        assert_int_equal(golden.compared, golden_entries(&golden));
        assert_int_equal(golden.observed, limn_model_inputs(model) + running_nodes(&model->graph));
        limn_session_free(session);
    }
    assert_int_equal(golden_entries(&golden), 0); /* there is no further case */
    weights_close(&golden.file);
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_golden(void **state)
{
    check_golden(*state, LIMN_KERNELS_AUTO);
    check_golden(*state, LIMN_KERNELS_REFERENCE);
}

static void test_golden_openblas(void **state)
{
    check_golden(*state, LIMN_KERNELS_OPENBLAS);
}

/* ---- what the builders take and refuse --------------------------------------------------- */

static const float zeros[64];

/* Tensors that published files carry and the graphs do not need, and an unknown one. */
static void test_unused_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *graph, *unused, *unknown;
    } rows[] = {
        {"deeplabv3", "aux_classifier.0.weight", "backbone.fc.weight"},
        {"deeplabv3", "backbone.bn1.num_batches_tracked", "classifier.5.weight"},
        {"eccv16", "model1.4.num_batches_tracked", "model9.0.weight"},
        {"siggraph17", "model_class.0.weight", "model_classes"},
        {"siggraph17", "model1.4.num_batches_tracked", "model1.6.weight"},
        {"vae", "enc_conv1.weight", "dec_conv6.weight"},
        {"vae", "enc_fc1.weight", "cond_enc_conv5.weight"},
        {"vae", "dec_bn1.num_batches_tracked", ".dec_conv6"},
        {"unet-bilinear", "inc.double_conv.1.num_batches_tracked", "up1.up.bias"},
        {"dcgan-5-stages", "main.1.num_batches_tracked", "main.1.tracked"},
    };
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        limn_model *model;
        struct made_tensor extra[] = {{rows[i].unused, {0}, zeros}, {rows[i].unknown, {2}, zeros}};
        assert_ok(limn_model_load(engine, golden_altered(rows[i].graph, extra, 1, ""), &model, error));
        assert_int_equal(strncmp(limn_model_name(model), rows[i].graph, strlen(limn_model_name(model))), 0);
        limn_model_free(model);
        char message[100];
        snprintf(message, sizeof message, "1 tensors that the network does not have: %s", rows[i].unknown);
        assert_fails(limn_model_load(engine, golden_altered(rows[i].graph, extra, 2, ""), &model, error),
                     LIMN_E_WEIGHTS, message);
    }
    limn_engine_free(engine);
}

static void test_discriminator_is_refused(void **state)
{
    (void)state;
    const struct made_tensor tensors[] = {{"main.0.weight", {2, 3, 4, 4}, (const float[96]){0}},
                                          {"main.2.weight", {1, 2, 4, 4}, zeros},
                                          {"main.3.weight", {1}, zeros},
                                          {"main.5.weight", {1, 1, 4, 4}, zeros}};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    const char *path = scratch_path("discriminator.safetensors");
    write_safetensors(path, tensors, 4, "");
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "DCGAN discriminator");
    assert_null(model);
    limn_engine_free(engine);
}

/* The encoder takes no notice of the half that `vae` runs; what belongs to neither is refused. */
static void test_colour_encoder(void **state)
{
    (void)state;
    const struct made_tensor extra[] = {{"dec_conv1.weight", {0}, zeros},
                                        {"cond_enc_bn1.bias", {0}, zeros},
                                        {"enc_bn1.num_batches_tracked", {0}, zeros},
                                        {"enc_fc2.weight", {2}, zeros}};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(model_load_as(engine, golden_altered("vae-encoder", extra, 3, ""), &vae_colour_encoder, &model,
                            error));
    limn_model_free(model);
    assert_fails(model_load_as(engine, golden_altered("vae-encoder", extra, 4, ""), &vae_colour_encoder,
                               &model, error),
                 LIMN_E_WEIGHTS, "1 tensors that the network does not have: enc_fc2.weight");
    assert_fails(model_load_as(engine, GOLDENS "vae.safetensors", &vae_colour_encoder, &model, error),
                 LIMN_E_WEIGHTS, "vae.safetensors: holds no colour encoder");
    assert_null(model);
    assert_fails(limn_model_load(engine, GOLDENS "vae-encoder.safetensors", &model, error), LIMN_E_WEIGHTS,
                 "dec_conv1.weight");
    limn_engine_free(engine);
}

static void test_metadata_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *graph, *metadata, *message;
    } rows[] = {
        {"siggraph17", "\"limn.mask_center\": \"half\"", "limn.mask_center is \"half\""},
        {"siggraph17", "\"limn.mask_center\": \"nan\"", "limn.mask_center is \"nan\""},
        {"siggraph17", "\"limn.mask_center\": \"0.5 \"", "limn.mask_center is \"0.5 \""},
        {"vae", "\"limn.align_corners\": \"False\"", "limn.align_corners is \"False\""},
        {"vae", "\"limn.model\": \"unet\"", "inc.double_conv.0.weight"},
    };
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        limn_model *model;
        assert_fails(
            limn_model_load(engine, golden_altered(rows[i].graph, NULL, 0, rows[i].metadata), &model, error),
            LIMN_E_WEIGHTS, rows[i].message);
    }
    limn_engine_free(engine);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *graph;
        limn_size size;
        const char *message; /* NULL: the size is possible */
    } rows[] = {
        {"siggraph17", {1, 61, 83}, "61x83, multiples of 8 expected"},
        {"siggraph17", {1, 64, 4}, "64x4, at least 8 each expected"},
        {"siggraph17", {1, 8, 8}, NULL},
        {"unet-transposed", {1, 15, 40}, "15x40, at least 16 each expected"},
        {"unet-bilinear", {1, 40, 15}, "40x15, at least 16 each expected"},
        {"unet-bilinear", {1, 17, 16}, NULL},
        {"deeplabv3", {1, 1, 1}, NULL},
        {"eccv16", {1, 1, 1}, NULL},
        {"eccv16", {1, 1, 0}, "1x0 is not possible"},
        {"vae", {3, 1, 1}, NULL}, /* its inputs have one size, whatever the request */
        {"dcgan-3-stages", {0, 1, 1}, "a batch of 0"},
    };
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[100];
        limn_model *model;
        limn_session *session;
        snprintf(path, sizeof path, GOLDENS "%s.safetensors", rows[i].graph);
        assert_ok(limn_model_load(engine, path, &model, error));
        if (rows[i].message)
            assert_fails(limn_session_create(model, rows[i].size, &session, error), LIMN_E_INPUT,
                         rows[i].message);
        else
            assert_ok(limn_session_create(model, rows[i].size, &session, error));
        limn_session_free(session);
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

#define GOLDEN_OF(name, file)                                                                                \
    {"golden " name, test_golden, NULL, NULL, file},                                                         \
    {                                                                                                        \
        "golden " name ", OpenBLAS", test_golden_openblas, NULL, NULL, file                                  \
    }
#define GOLDEN(name, cases) GOLDEN_OF(name, (&(struct golden_file){name, cases, NULL}))

int main(void)
{
    struct golden_file encoder = {"vae-encoder", 1, &vae_colour_encoder};
    const struct CMUnitTest tests[] = {
        GOLDEN("enhancenet", 3),
        GOLDEN("deeplabv3", 3),
        GOLDEN("eccv16", 2),
        GOLDEN("siggraph17", 2),
        GOLDEN("siggraph17-centred-mask", 2),
        GOLDEN("vae", 2),
        GOLDEN("vae-half-pixel", 1),
        GOLDEN_OF("vae-encoder", &encoder),
        GOLDEN("unet-transposed", 3),
        GOLDEN("unet-bilinear", 3),
        GOLDEN("dcgan-3-stages", 1),
        GOLDEN("dcgan-5-stages", 1),
        cmocka_unit_test(test_unused_tensors),
        cmocka_unit_test(test_discriminator_is_refused),
        cmocka_unit_test(test_colour_encoder),
        cmocka_unit_test(test_metadata_is_checked),
        cmocka_unit_test(test_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
