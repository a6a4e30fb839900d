/* model.c - engines and models: see limn.h and model.h. */
#include "engine/run/model.h"
#include "engine/base/finite.h"
#include "engine/base/machine_memory.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/run/instruction_set.h"
#include "engine/run/weights_path.h"
#include "layers/gemm.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- engine ------------------------------------------------------------------------------ */

/* "limn 0.1.0, avx512 kernels, OpenBLAS core SkylakeX, 2 threads". After the kernels there may be the reason
 * for not having others, and the precision if it is not fp32. */
static void describe(limn_engine *engine)
{
    struct isa_choice choice = isa_in_use();
    const char *core = gemm_core();
    int threads = pool_threads(engine->pool);
    enum layer_precision precision = engine->rule.precision;
    char denied[128] = "", chosen[32] = "";
    if (*choice.denied)
        snprintf(denied, sizeof denied, " (no matrix tiles: %s)", choice.denied);
    if (precision != PRECISION_FP32)
        snprintf(chosen, sizeof chosen, ", precision %s", precision_name(precision));
    snprintf(engine->description, sizeof engine->description, "limn %s, %s kernels%s%s, %s%s, %d thread%s",
             LIMN_VERSION, isa_name(choice.isa), denied, chosen, core ? "OpenBLAS core " : "no OpenBLAS",
             core ? core : "", threads, threads == 1 ? "" : "s");
}

_Static_assert((int)LIMN_BF16X2 == PRECISION_BF16X2 && (int)LIMN_BF16 == PRECISION_BF16, "the same numbers");

limn_status limn_engine_create(const limn_options *options, limn_engine **engine, limn_error *error)
{
    enum { THREADS_MOST = 1024 };
    *engine = NULL;
    limn_options chosen = options ? *options : (limn_options){0};
    if (chosen.threads < 0 || chosen.threads > THREADS_MOST)
        return fail(error, LIMN_E_USAGE, "%d threads; 1 to %d expected, 0 for one per core", chosen.threads,
                    (int)THREADS_MOST);
    if (chosen.kernels == LIMN_KERNELS_OPENBLAS && !gemm_available())
        return fail(error, LIMN_E_USAGE, "OpenBLAS kernels: this limn was built without OpenBLAS");
    if ((unsigned)chosen.precision >= PRECISION_COUNT)
        return fail(error, LIMN_E_USAGE, "precision %d: LIMN_FP32, LIMN_BF16X2 or LIMN_BF16 expected",
                    (int)chosen.precision);
    if (gemm_available() && !system_can_map(GEMM_BUFFER))
        return fail(error, LIMN_E_MEMORY, "out of memory: OpenBLAS needs %zu MB of address space (ulimit -v)",
                    GEMM_BUFFER >> 20);
    limn_status status = isa_use(chosen.isa, error);
    if (status != LIMN_OK)
        return status;
    if (chosen.memory_limit)
        machine_memory_limit(chosen.memory_limit);
    limn_engine *created = mem_zalloc(1, sizeof *created);
    if (!created)
        return fail_memory(error, "the engine", sizeof *created);
    created->rule = (struct kernel_rule){chosen.kernels, (enum layer_precision)chosen.precision};
    status = pool_create(chosen.threads ? chosen.threads : usable_cores(), &created->pool, error);
    if (status != LIMN_OK) {
        limn_engine_free(created);
        return status;
    }
    machine_memory_limit(chosen.memory_limit); /* again: now the stacks of the threads count too */
    describe(created);
    *engine = created;
    return LIMN_OK;
}

void limn_engine_free(limn_engine *engine)
{
    if (engine)
        pool_free(engine->pool);
    mem_free(engine);
}

int limn_engine_threads(const limn_engine *engine)
{
    return pool_threads(engine->pool);
}

const char *limn_engine_describe(const limn_engine *engine)
{
    return engine->description;
}

/* ---- model ------------------------------------------------------------------------------- */

limn_status model_load_file(limn_engine *engine, struct file *file, const struct model_kind *kind,
                            limn_model **model, limn_error *error)
{
    *model = NULL;
    limn_model *created = mem_zalloc(1, sizeof *created);
    if (!created) {
        limn_status failure = fail_memory(error, file_path(file), sizeof *created);
        file_close(file);
        return failure;
    }
    created->engine = engine;
    created->kind = kind;
    system_mutex_create(&created->packing);
    limn_status status = weights_open_file(file, &created->weights, error);
    if (status == LIMN_OK)
        status = kind ? model_build_as(&created->weights, kind, &created->graph, error)
                      : model_build(&created->weights, &created->graph, &created->kind, error);
    if (status != LIMN_OK) {
        limn_model_free(created);
        return status;
    }
    if (created->graph.nonfinite)
        model_note_nonfinite(created, created->graph.nonfinite);
    *model = created;
    return LIMN_OK;
}

limn_status model_load_as(limn_engine *engine, const char *path, const struct model_kind *kind,
                          limn_model **model, limn_error *error)
{
    *model = NULL;
    struct file *file;
    limn_status status = file_open(path, LIMN_E_WEIGHTS, &file, error);
    return status == LIMN_OK ? model_load_file(engine, file, kind, model, error) : status;
}

limn_status limn_model_load(limn_engine *engine, const char *weights, limn_model **model, limn_error *error)
{
    char path[SYSTEM_PATH_MAX];
    *model = NULL;
    limn_status status = weights_path(weights, path, error);
    return status == LIMN_OK ? model_load_as(engine, path, NULL, model, error) : status;
}

limn_status limn_model_load_bytes(limn_engine *engine, const void *bytes, size_t size, const char *name,
                                  limn_model **model, limn_error *error)
{
    *model = NULL;
    struct file *file;
    if (!bytes || !name)
        return fail(error, LIMN_E_USAGE, "%s: NULL", bytes ? "the name of the weights" : "the weights");
    limn_status status = file_open_bytes(bytes, size, name, LIMN_E_WEIGHTS, &file, error);
    return status == LIMN_OK ? model_load_file(engine, file, NULL, model, error) : status;
}

void packed_free(struct packed_batch *packed)
{
    for (struct packed_batch *next; packed; packed = next) {
        next = packed->next;
        mem_free(packed->block);
        mem_free(packed);
    }
}

void limn_model_free(limn_model *model)
{
    if (!model)
        return;
    packed_free(model->packed);
    system_mutex_free(&model->packing);
    graph_free(&model->graph);
    weights_close(&model->weights);
    mem_free(model);
}

const char *limn_model_name(const limn_model *model)
{
    return model->kind->name;
}

const char *limn_model_metadata(const limn_model *model, const char *key)
{
    return safetensors_metadata(model->weights.header, key);
}

int limn_model_inputs(const limn_model *model)
{
    int count = 0;
    for (int i = 0; i < model->graph.count; i++)
        count += model->graph.nodes[i].role == NODE_INPUT;
    return count;
}

const char *limn_model_input_name(const limn_model *model, int index)
{
    value_id node = index < 0 ? NO_VALUE : graph_input_node(&model->graph, index);
    return node == NO_VALUE ? NULL : model->graph.nodes[node].name;
}

limn_size limn_model_usual_size(const limn_model *model)
{
    int64_t side = model_usual_side(model->kind, &model->graph);
    return (limn_size){1, side, side};
}

const char *limn_model_node_name(const limn_model *model, int index)
{
    const struct graph *graph = &model->graph;
    value_id last = graph_maker(graph, graph->output);
    for (value_id x = 0; index >= 0 && x <= last; x++)
        if (graph->nodes[x].fused_into == NO_VALUE && index-- == 0)
            return graph->nodes[x].name;
    return NULL;
}

void model_note_nonfinite(limn_model *model, const struct tensor_entry *entry)
{
    if (atomic_load(&model->warns))
        return;
    if (weights_check(&model->weights, entry, &model->warning) != LIMN_OK)
        atomic_store(&model->warns, true);
}

const char *limn_model_warning(const limn_model *model)
{
    return atomic_load(&model->warns) ? model->warning.message : NULL;
}

limn_status model_check_made(const limn_model *model, const struct tensor *made, const char *name,
                             limn_error *error)
{
    int64_t nonfinite = count_nonfinite(made);
    bool warned = atomic_load(&model->warns);
    if (!nonfinite)
        return LIMN_OK;
    return fail(error, warned ? LIMN_E_WEIGHTS : LIMN_E_INPUT,
                "%s: %" PRId64 " of %" PRId64 " values that the network made are NaN or infinite; %s%s", name,
                nonfinite, tensor_pixels(made) * made->c, warned ? model->warning.message : model->graph.path,
                warned ? "" : " itself holds none");
}

int64_t model_usual_side(const struct model_kind *kind, const struct graph *graph)
{
    const struct node *input = &graph->nodes[graph_input_node(graph, 0)];
    if (input->side || kind->side)
        return input->side ? input->side : kind->side;
    return round_up(larger(graph->side_least, 1), graph->side_multiple);
}
