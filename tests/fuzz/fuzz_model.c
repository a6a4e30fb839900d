/* fuzz_model.c - untrusted networks: from the tensors of a file to a plan, without a run.
 *
 * An input names one of the networks in tests/goldens and a size, and says what the file has different:
 *
 *     unet-bilinear 1x64x48
 *     outc.conv.weight F16 1000000x2x1x1        this tensor has, or a new one is, of that dtype and shape
 *     -outc.conv.bias                           without this one
 *     @limn.classes ["car"]                     metadata
 *
 * All values are zeros, in a file with holes, so that shapes may be as large as a stranger's. */
#include "engine/base/memory.h"
#include "engine/inspect/explanation.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/labels.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"
#include "engine/run/plan.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 128, TENSORS_MOST = 600, METADATA_MOST = 8, HEADER_MOST = 1 << 17, BYTES_MOST = 1 << 22 };
static const size_t memory = (size_t)16 << 20; /* besides what is already in use */

struct tensor_line {
    char name[NAME], dtype[8];
    int rank;
    unsigned long long shape[SAFETENSORS_RANK_MOST];
};

struct made_file {
    struct tensor_line tensors[TENSORS_MOST];
    int count;
    char metadata[METADATA_MOST][2][NAME];
    int metadata_count;
    limn_size size;
};

/* ---- the file ---------------------------------------------------------------------------- */

static const struct {
    const char *name, *more; /* more: a second file of it */
} bases[] = {{"dcgan-3-stages", NULL},  {"deeplabv3", NULL},   {"eccv16", NULL},
             {"enhancenet", NULL},      {"siggraph17", NULL},  {"unet-bilinear", NULL},
             {"unet-transposed", NULL}, {"vae", "vae-encoder"}};
enum { BASES = sizeof bases / sizeof *bases };

static void add_golden(struct made_file *base, const char *name)
{
    struct weights_file weights;
    limn_error error;
    char path[NAME];
    snprintf(path, sizeof path, "tests/goldens/%s.safetensors", name);
    REQUIRE(weights_open(path, &weights, &error) == LIMN_OK);
    for (size_t i = 0; i < weights.header->tensor_count; i++) {
        const struct tensor_entry *entry = &weights.header->tensors[i];
        struct tensor_line *line = &base->tensors[base->count++];
        REQUIRE(base->count <= TENSORS_MOST && strlen(entry->name) < NAME);
        strcpy(line->name, entry->name);
        strcpy(line->dtype, dtype_name(entry->dtype));
        line->rank = entry->rank;
        for (int axis = 0; axis < entry->rank; axis++)
            line->shape[axis] = entry->shape[axis];
    }
    weights_close(&weights);
}

/* The networks in tests/goldens, read at the first call. */
static const struct made_file *base_named(const char *name)
{
    static struct made_file read[BASES];
    int index = 0;
    while (index < BASES && strcmp(name, bases[index].name) != 0)
        index++;
    if (index == BASES)
        return NULL;
    if (!read[index].count) {
        add_golden(&read[index], name);
        if (bases[index].more)
            add_golden(&read[index], bases[index].more);
    }
    return &read[index];
}

static void read_shape(const char *text, struct tensor_line *line)
{
    char *end = (char *)text;
    for (line->rank = 0; line->rank < SAFETENSORS_RANK_MOST && *end; end += *end == 'x') {
        const char *start = end;
        line->shape[line->rank] = strtoull(start, &end, 10);
        if (end == start)
            return;
        line->rank++;
    }
}

static void apply(struct made_file *file, const char *text)
{
    struct tensor_line line = {.rank = 0};
    char shape[NAME] = "";
    int at = 0;
    if (*text == '@') {
        char(*entry)[NAME] = file->metadata[file->metadata_count];
        if (file->metadata_count < METADATA_MOST && sscanf(text, "@%127s %127[^\n]", entry[0], entry[1]) == 2)
            file->metadata_count++;
        return;
    }
    bool dropped = *text == '-';
    if (sscanf(text + dropped, "%127s %7s %127s", line.name, line.dtype, shape) < 3 - 2 * dropped)
        return;
    read_shape(shape, &line);
    while (at < file->count && strcmp(file->tensors[at].name, line.name) != 0)
        at++;
    if (dropped && at < file->count)
        file->tensors[at] = file->tensors[--file->count];
    else if (!dropped && at < TENSORS_MOST)
        file->tensors[at] = line, file->count += at == file->count;
}

static uint64_t bytes_of(const struct tensor_line *line)
{
    static const char *const four = "F32", *const eight = "I64", *const two[] = {"F16", "BF16"};
    uint64_t bytes = strcmp(line->dtype, four) == 0                                         ? 4
                     : strcmp(line->dtype, eight) == 0                                      ? 8
                     : strcmp(line->dtype, two[0]) == 0 || strcmp(line->dtype, two[1]) == 0 ? 2
                                                                                            : 1;
    for (int axis = 0; axis < line->rank; axis++)
        if (__builtin_mul_overflow(bytes, (uint64_t)line->shape[axis], &bytes))
            return 0; /* which the reader finds out */
    return bytes;
}

/* The path of the file, or NULL when it would be larger than files get. */
static const char *write_file(const struct made_file *file)
{
    static char bytes[HEADER_MOST];
    char *header = bytes + SAFETENSORS_PREFIX;
    size_t used = 0, room = sizeof bytes - SAFETENSORS_PREFIX;
    uint64_t offset = 0;
#define PUT(...) (used += used < room ? (size_t)snprintf(header + used, room - used, __VA_ARGS__) : 0)
    PUT("{\"__metadata__\":{");
    for (int i = 0; i < file->metadata_count; i++) {
        PUT("%s\"%s\":\"", i ? "," : "", file->metadata[i][0]);
        for (const char *c = file->metadata[i][1]; *c; c++)
            PUT("%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
        PUT("\"");
    }
    PUT("}");
    for (int i = 0; i < file->count; i++) {
        const struct tensor_line *line = &file->tensors[i];
        uint64_t end;
        if (__builtin_add_overflow(offset, bytes_of(line), &end))
            return NULL;
        PUT(",\"%s\":{\"dtype\":\"%s\",\"shape\":[", line->name, line->dtype);
        for (int axis = 0; axis < line->rank; axis++)
            PUT("%s%llu", axis ? "," : "", line->shape[axis]);
        PUT("],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset, (unsigned long long)end);
        offset = end;
    }
    PUT("}");
#undef PUT
    if (used >= room)
        return NULL;
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        bytes[i] = (char)(used >> (8 * i));
    const char *path = fuzz_file((const uint8_t *)bytes, SAFETENSORS_PREFIX + used);
    bool large = __builtin_add_overflow(offset, (uint64_t)SAFETENSORS_PREFIX + used, &offset);
    return !large && fuzz_file_grow(offset) ? path : NULL;
}

/* ---- what is promised -------------------------------------------------------------------- */

/* What lives at the same time lies apart, within the arena. */
static void check_arena(const struct plan *plan, const struct graph *graph)
{
    for (int a = 0; a < graph->count; a++) {
        const struct placement *one = &plan->placements[a];
        if (!one->bytes)
            continue;
        REQUIRE(one->offset <= plan->arena_bytes && one->bytes <= plan->arena_bytes - one->offset);
        for (int b = 0; b < a; b++) {
            const struct placement *other = &plan->placements[b];
            bool together = other->bytes && one->first <= other->last && other->first <= one->last;
            REQUIRE(!together || one->offset + one->bytes <= other->offset ||
                    other->offset + other->bytes <= one->offset);
        }
    }
}

/* As limn explain makes it: the plan that a session would get within the memory. */
static void check_plan(limn_model *model, limn_size size)
{
    struct explanation explanation;
    limn_error error;
    const struct graph *graph = &model->graph;
    const char *path = graph->path;
    limn_status status = explain_create(model, size, &explanation, &error);
    REQUIRE(status != LIMN_E_MEMORY || strstr(error.message, "out of memory"));
    REQUIRE(status == LIMN_E_MEMORY || status == LIMN_OK ||
            fuzz_is_failure(status, &error, LIMN_E_INPUT, path));
    if (status != LIMN_OK)
        return;
    REQUIRE(plan_bytes(&explanation.plan) <= mem_available() + memory);
    check_arena(&explanation.plan, graph);
    for (int i = 0; i < explanation.count; i++)
        REQUIRE(explanation.nodes[i].flops >= 0 && explanation.nodes[i].sees.height >= 0);
    explain_free(&explanation);
}

/* What the commands ask of a network before they run it. */
static void check_uses(limn_model *model)
{
    const char *path = model->graph.path;
    struct generator generator;
    const limn_segment_options options = {0};
    struct labels labels = {.count = 0};
    struct mask_values values;
    limn_error error;
    int64_t factor;
    int classes;
    limn_status status = upscale_factor(model, &factor, &error);
    REQUIRE((status == LIMN_OK) == (factor > 0));
    status = generator_of(model, &generator, &error);
    REQUIRE(status != LIMN_OK || (generator.side > 0 && generator.latent > 0));
    status = segment_check(model, &options, &classes, &error);
    REQUIRE((status == LIMN_OK) == (classes > 1));
    if (status == LIMN_OK) {
        status = labels_read(model, classes, &labels, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
        labels_free(&labels);
        status = mask_values_read(model, classes, &values, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
    }
    REQUIRE(model_usual_side(model->kind, &model->graph) > 0);
}

/* The same bytes in memory, unless they are many: in a block of their size, so that AddressSanitizer reports
 * reads beyond them. Only the limit of memory may make a difference. */
static void check_bytes(limn_engine *engine, const char *path, limn_status wanted)
{
    struct file *file;
    limn_error error;
    limn_model *model;
    REQUIRE(file_open(path, LIMN_E_WEIGHTS, &file, &error) == LIMN_OK);
    size_t size = file_size(file) < BYTES_MOST ? (size_t)file_size(file) : 0;
    unsigned char *bytes = malloc(size);
    REQUIRE(file_read_at(file, 0, bytes, size, &error) == LIMN_OK);
    file_close(file);
    if (size) {
        limn_status status = limn_model_load_bytes(engine, bytes, size, path, &model, &error);
        REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
        REQUIRE(status == wanted);
        if (status == LIMN_OK)
            check_plan(model, (limn_size){1, 64, 64});
        limn_model_free(model);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static limn_engine *engine;
    static struct made_file file;
    char *text = strndup((const char *)data, size), *rest = text, name[NAME] = "";
    long long n = 1, h = 64, w = 64;
    limn_error error;
    limn_model *model, *encoder;
    if (!engine)
        REQUIRE(limn_engine_create(&(limn_options){.threads = 2}, &engine, &error) == LIMN_OK);
    sscanf(strsep(&rest, "\n"), "%127s %lldx%lldx%lld", name, &n, &h, &w);
    const struct made_file *base = base_named(name);
    if (base)
        file = *base;
    for (char *line; base && (line = strsep(&rest, "\n"));)
        apply(&file, line);
    free(text);
    const char *path = base ? write_file(&file) : NULL;
    if (!path)
        return 0;

    const size_t held = mem_in_use();
    mem_set_limit(held + memory);
    limn_status status = limn_model_load(engine, path, &model, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
    if (status == LIMN_OK) {
        check_plan(model, (limn_size){n, h, w});
        check_uses(model);
        if (model->kind == &vae &&
            model_load_as(engine, path, &vae_colour_encoder, &encoder, &error) == LIMN_OK) {
            check_plan(encoder, (limn_size){1, 64, 64});
            limn_model_free(encoder);
        }
        limn_model_free(model);
    }
    check_bytes(engine, path, status);
    mem_set_limit(0);
    REQUIRE(mem_in_use() == held);
    return 0;
}
