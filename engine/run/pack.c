/* pack.c - see pack.h. */
#include "engine/run/pack.h"
#include "engine/base/memory.h"
#include "engine/base/pages.h"
#include "layers/cpu.h"
#include "layers/sizes.h"

#include <assert.h>
#include <stdatomic.h>

/* The least bytes of a run that is read from the file, if the kernel leaves a choice: smaller reads cost more
 * for the call than for the bytes. */
enum { RUN_BYTES_LEAST = 4096 };

/* ---- units ------------------------------------------------------------------------------- */

/* A tensor of the file, and the packed entry that it is packed into. */
struct source {
    const struct node *node;
    const struct layer_variant *variant;
    const struct layer_dims *dims;
    unsigned char *packed;
    int64_t tasks, together;   /* pack tasks, and how many of them form a unit */
    int64_t first_unit, units; /* its range of units in a pack_run */
    atomic_bool nonfinite;     /* NaN or infinity was read */
};

/* The side of a kernel that an enlargement was folded into: in the file, and as packed. */
enum { ENLARGED_FROM = 3, ENLARGED_TO = 4 };

/* A side of a node's kernel, kh or kw, in the file. */
static int64_t side_in_file(const struct node *node, int64_t side)
{
    return node->enlarged ? ENLARGED_FROM : side;
}

/* Weights of oc x ic channels and kh x kw taps at `data`, in a layout. */
static struct layer_weights describe_weights(enum weight_layout layout, int64_t oc, int64_t ic, int64_t kh,
                                             int64_t kw, const float *data)
{
    struct layer_weights weights = {.data = data, .stride_w = 1, .stride_h = kw};
    switch (layout) {
    case LAYOUT_OIHW:
        weights.stride_i = kh * kw, weights.stride_o = ic * kh * kw;
        break;
    case LAYOUT_IOHW:
        weights.stride_o = kh * kw, weights.stride_i = oc * kh * kw;
        break;
    case LAYOUT_HWIO:
        weights.stride_o = 1, weights.stride_i = oc;
        weights.stride_w = ic * oc, weights.stride_h = kw * ic * oc;
        break;
    }
    return weights;
}

/* Where the weights of a span of channels are in the tensor. */
static struct tensor_part part_of(const struct node *node, struct layer_span span)
{
    int64_t kh = side_in_file(node, node->window.kh), kw = side_in_file(node, node->window.kw);
    int64_t elements = (int64_t)node->weight->elements, oc = node->channels, ic = elements / (oc * kh * kw);
    struct layer_weights whole = describe_weights(node->layout, oc, ic, kh, kw, NULL);
    int64_t channel = span.axis == AXIS_OUTPUT ? whole.stride_o : whole.stride_i;
    int64_t step = channel * (span.axis == AXIS_OUTPUT ? oc : ic);
    return (struct tensor_part){.first = (uint64_t)(span.first * channel),
                                .count = (uint64_t)(span.count * channel),
                                .runs = (uint64_t)(elements / step),
                                .step = (uint64_t)step};
}

/* [3x3 kernel after an enlargement] => [the equivalent 4x4 kernel of a transposed convolution]: see
 * graph_fold.c. */
static void enlarge_kernel(const float *in, int64_t stride_h, int64_t stride_w, float *out)
{
    static const int first[ENLARGED_TO] = {2, 1, 0, 0}, last[ENLARGED_TO] = {2, 2, 1, 0};
    for (int kh = 0; kh < ENLARGED_TO; kh++)
        for (int kw = 0; kw < ENLARGED_TO; kw++) {
            float sum = 0;
            for (int h = first[kh]; h <= last[kh]; h++)
                for (int w = first[kw]; w <= last[kw]; w++)
                    sum += in[h * stride_h + w * stride_w];
            *out++ = sum;
        }
}

/* The weights of oc x ic channels, which `staging` holds as the file has them, in the form that kernels pack.
 */
static struct layer_weights prepare_weights(const struct node *node, int64_t oc, int64_t ic, float *staging)
{
    int64_t kh = side_in_file(node, node->window.kh), kw = side_in_file(node, node->window.kw);
    struct layer_weights weights = describe_weights(node->layout, oc, ic, kh, kw, staging);
    if (node->enlarged) {
        float *out = staging + oc * ic * kh * kw;
        for (int64_t o = 0; o < oc; o++)
            for (int64_t i = 0; i < ic; i++)
                enlarge_kernel(staging + o * weights.stride_o + i * weights.stride_i, weights.stride_h,
                               weights.stride_w, out + (o * ic + i) * ENLARGED_TO * ENLARGED_TO);
        weights = describe_weights(LAYOUT_OIHW, oc, ic, ENLARGED_TO, ENLARGED_TO, out);
    }
    weights.scale = node->weight_scale;
    return weights;
}

/* The channels that a task reads: all, if the variant does not say. */
static struct layer_span task_span(const struct source *source, int64_t task)
{
    if (source->variant->pack_span)
        return source->variant->pack_span(source->dims, task);
    return (struct layer_span){AXIS_OUTPUT, 0, source->node->channels};
}

/* The tasks first .. end-1 of a unit, and the channels that they read. */
static struct layer_span unit_span(const struct source *source, int64_t unit, int64_t *first, int64_t *end)
{
    *first = unit * source->together;
    *end = smaller(*first + source->together, source->tasks);
    struct layer_span span = task_span(source, *first), last = task_span(source, *end - 1);
    span.count = last.first + last.count - span.first;
    return span;
}

static void cut_into_units(struct source *source)
{
    source->tasks = source->variant->needs(source->dims).pack_tasks;
    source->together = source->tasks;
    if (source->variant->pack_span) {
        struct tensor_part part = part_of(source->node, task_span(source, 0));
        int64_t run_bytes = (int64_t)(part.count * sizeof(float));
        source->together = part.runs == 1 ? 1 : divide_up(RUN_BYTES_LEAST, run_bytes);
    }
    source->units = divide_up(source->tasks, source->together);
}

/* Floats of staging that the largest unit needs, in whole cache lines, so that threads share none. */
static int64_t unit_floats(const struct source *source)
{
    int64_t most = 0, first, end;
    for (int64_t unit = 0; unit < source->units; unit++) {
        struct tensor_part part = part_of(source->node, unit_span(source, unit, &first, &end));
        int64_t floats = (int64_t)(part.runs * part.count);
        if (source->node->enlarged) /* those of the file and the larger ones */
            floats += floats / (ENLARGED_FROM * ENLARGED_FROM) * ENLARGED_TO * ENLARGED_TO;
        most = larger(most, floats);
    }
    return round_up(most, LINE_FLOATS);
}

static limn_status pack_unit(struct source *source, int64_t unit, const struct weights_file *file,
                             float *staging, limn_error *error)
{
    int64_t first, end;
    const struct node *node = source->node;
    struct layer_span span = unit_span(source, unit, &first, &end);
    struct tensor_part part = part_of(node, span);
    bool output = span.axis == AXIS_OUTPUT, finite = true;
    limn_status status = weights_read_part(file, node->weight, part, staging, &finite, error);
    if (status != LIMN_OK)
        return status;
    if (!finite)
        atomic_store(&source->nonfinite, true);
    int64_t oc = output ? span.count : node->channels;
    int64_t taps = side_in_file(node, node->window.kh) * side_in_file(node, node->window.kw);
    int64_t ic = (int64_t)(part.runs * part.count) / (oc * taps);
    struct layer_weights weights = prepare_weights(node, oc, ic, staging);
    const float *data = weights.data;
    int64_t stride = output ? weights.stride_o : weights.stride_i;
    for (int64_t task = first; task < end; task++) {
        weights.data = data + (task_span(source, task).first - span.first) * stride;
        source->variant->pack_task(source->dims, &weights, source->packed, task);
    }
    return LIMN_OK;
}

/* ---- all units, on several threads ------------------------------------------------------- */

struct pack_run {
    const struct weights_file *file;
    struct source *sources;
    int count;
    int64_t units;
    atomic_llong next; /* the first unit that no thread has taken */
    float *staging;    /* staging_floats for each thread */
    int64_t staging_floats;
    atomic_bool failed; /* set by the first failure, which then fills the two below */
    limn_status status;
    limn_error *error;
};

static limn_status pack_units(struct pack_run *run, float *staging, limn_error *error)
{
    limn_status status = LIMN_OK;
    struct source *source = run->sources;
    for (int64_t unit; status == LIMN_OK && !atomic_load(&run->failed) &&
                       (unit = atomic_fetch_add(&run->next, 1)) < run->units;) {
        while (unit >= source->first_unit + source->units)
            source++;
        status = pack_unit(source, unit - source->first_unit, run->file, staging, error);
    }
    return status;
}

static void pack_on_thread(void *context, int64_t thread, int worker)
{
    (void)worker;
    struct pack_run *run = context;
    limn_error error;
    limn_status status = pack_units(run, run->staging + thread * run->staging_floats, &error);
    if (status != LIMN_OK && !atomic_exchange(&run->failed, true)) {
        run->status = status;
        if (run->error)
            *run->error = error;
    }
}

int pack_threads(const limn_model *model)
{
    enum { THREADS_MOST = 8 }; /* enough to saturate memory; each needs a buffer */
    return (int)smaller(pool_threads(model->engine->pool), THREADS_MOST);
}

static limn_status pack_sources(limn_model *model, struct pack_run *run, int threads)
{
    for (int i = 0; i < run->count; i++) {
        struct source *source = &run->sources[i];
        cut_into_units(source);
        source->first_unit = run->units;
        run->units += source->units;
        run->staging_floats = larger(run->staging_floats, unit_floats(source));
    }
    size_t bytes = size_product(threads, float_bytes(run->staging_floats));
    run->staging = mem_alloc(bytes);
    if (!run->staging)
        return fail_memory(run->error, model->graph.path, bytes);
    uint64_t denormals = cpu_flush_denormals(); /* as the pool's own threads do */
    pool_run(model->engine->pool, threads, pack_on_thread, run);
    cpu_restore_denormals(denormals);
    mem_free(run->staging);
    for (int i = 0; run->status == LIMN_OK && i < run->count; i++)
        if (atomic_load(&run->sources[i].nonfinite))
            model_note_nonfinite(model, run->sources[i].node->weight);
    return run->status;
}

static struct packed *find_packed(struct packed_batch *batch, int node, const struct layer_variant *variant)
{
    for (; batch; batch = batch->next)
        for (int i = 0; i < batch->count; i++)
            if (batch->entries[i].node == node && batch->entries[i].variant == variant)
                return &batch->entries[i];
    return NULL;
}

static struct source source_of(const limn_model *model, const struct pack_request *request)
{
    return (struct source){
        .node = &model->graph.nodes[request->node], .variant = request->variant, .dims = request->dims};
}

/* Whole cache lines, so that each entry begins on its own. */
static size_t entry_bytes(const struct layer_variant *variant, const struct layer_dims *dims)
{
    return whole_lines(variant->needs(dims).packed_bytes);
}

/* Adds each request that the model cannot answer yet to `batch` and to `sources`, once. `batch` precedes the
 * model's own list. Returns the bytes that their data takes; data pointers are not set. */
static size_t note_missing(const limn_model *model, const struct pack_request *requests, int count,
                           struct packed_batch *batch, struct source *sources)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const struct pack_request *request = &requests[i];
        if (!request->variant->pack_task || find_packed(batch, request->node, request->variant))
            continue;
        sources[batch->count] = source_of(model, request);
        batch->entries[batch->count++] = (struct packed){.node = request->node, .variant = request->variant};
        bytes = size_sum(bytes, entry_bytes(request->variant, request->dims));
    }
    return bytes;
}

static limn_status pack_batch(limn_model *model, struct packed_batch *batch, struct source *sources,
                              size_t bytes, int threads, limn_error *error)
{
    batch->block = mem_alloc(bytes);
    if (!batch->block)
        return fail_memory(error, model->graph.path, bytes);
    pages_populate(model->engine->pool, batch->block, bytes);
    unsigned char *data = batch->block;
    for (int i = 0; i < batch->count; i++) {
        sources[i].packed = batch->entries[i].data = data;
        data += entry_bytes(sources[i].variant, sources[i].dims);
    }
    struct pack_run run = {
        .file = &model->weights, .sources = sources, .count = batch->count, .error = error};
    return pack_sources(model, &run, threads);
}

static limn_status pack_missing(limn_model *model, const struct pack_request *requests, int count,
                                int threads, limn_error *error)
{
    static_assert(sizeof(struct pack_request) + sizeof(struct packed) + sizeof(struct source) <=
                      PACK_NOTES_EACH,
                  "the notes on a request");
    size_t most = (size_t)count, bytes = sizeof(struct packed_batch) + most * sizeof(struct packed);
    struct packed_batch *batch = mem_zalloc(1, bytes);
    struct source *sources = mem_zalloc(most, sizeof *sources);
    limn_status status = LIMN_OK;
    if (!batch || !sources) {
        status = fail_memory(error, model->graph.path, bytes + most * sizeof *sources);
    } else {
        batch->next = model->packed;
        bytes = note_missing(model, requests, count, batch, sources);
        if (batch->count)
            status = pack_batch(model, batch, sources, bytes, threads, error);
    }
    mem_free(sources);
    if (status == LIMN_OK && batch->count) {
        model->packed = batch;
    } else if (batch) {
        batch->next = NULL;
        packed_free(batch);
    }
    return status;
}

limn_status model_pack(limn_model *model, struct pack_request *requests, int count, int threads,
                       limn_error *error)
{
    system_mutex_lock(&model->packing);
    limn_status status = pack_missing(model, requests, count, threads, error);
    for (int i = 0; i < count; i++) {
        const struct packed *entry = find_packed(model->packed, requests[i].node, requests[i].variant);
        requests[i].data = entry ? entry->data : NULL;
    }
    system_mutex_unlock(&model->packing);
    return status;
}

/* ---- memory that packing needs ----------------------------------------------------------- */

/* Whether a request is for weights that the model has not packed yet. */
static bool is_missing(limn_model *model, const struct pack_request *request)
{
    if (!request->variant->pack_task || !model)
        return request->variant->pack_task;
    system_mutex_lock(&model->packing);
    bool missing = !find_packed(model->packed, request->node, request->variant);
    system_mutex_unlock(&model->packing);
    return missing;
}

size_t pack_bytes(limn_model *model, const struct pack_request *request)
{
    return is_missing(model, request) ? entry_bytes(request->variant, request->dims) : 0;
}

size_t pack_staging_bytes(limn_model *model, const struct pack_request *request)
{
    if (!is_missing(model, request))
        return 0;
    struct source source = source_of(model, request);
    cut_into_units(&source);
    return float_bytes(unit_floats(&source));
}
