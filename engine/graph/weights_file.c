/* weights_file.c - see weights_file.h. */
#include "engine/graph/weights_file.h"
#include "engine/base/file_kinds.h"
#include "engine/base/finite.h"
#include "engine/base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Elements of half precision converted at a time, for the first-level cache; floats read at a time, for the
 * second-level cache. */
enum { CHUNK = 4096, FLOAT_CHUNK = 1 << 17 };

/* A table of LevelDB ends with a magic number. The file has at least as many bytes. */
static limn_status refuse_tensorflow(const struct file *file, limn_error *error)
{
    static const unsigned char magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    static const struct file_kind kind = {"a TensorFlow V1 checkpoint", FILE_CHECKPOINT, NULL};
    unsigned char end[sizeof magic];
    uint64_t size = file_size(file);
    limn_status status = file_read_at(file, size - sizeof end, end, sizeof end, error);
    if (status == LIMN_OK && memcmp(end, magic, sizeof end) == 0)
        status = fail_foreign(file_path(file), &kind, LIMN_E_WEIGHTS, "safetensors", error);
    return status;
}

static limn_status refuse_foreign(const struct file *file, limn_error *error)
{
    unsigned char start[FILE_KIND_BYTES];
    uint64_t size = file_size(file);
    size_t known = size < sizeof start ? (size_t)size : sizeof start;
    if (size < SAFETENSORS_PREFIX) /* read_header says so */
        return LIMN_OK;
    limn_status status = refuse_tensorflow(file, error);
    if (status == LIMN_OK)
        status = file_read_at(file, 0, start, known, error);
    const struct file_kind *kind = status == LIMN_OK ? file_kind_find(start, known) : NULL;
    bool foreign = kind && kind->group != FILE_WEIGHTS;
    return foreign ? fail_foreign(file_path(file), kind, LIMN_E_WEIGHTS, "safetensors", error) : status;
}

static limn_status read_header(struct weights_file *weights, limn_error *error)
{
    const char *path = file_path(weights->file);
    char problem[SAFETENSORS_PROBLEM];
    unsigned char prefix[SAFETENSORS_PREFIX];
    uint64_t size = file_size(weights->file);
    if (size < sizeof prefix)
        return fail(error, LIMN_E_WEIGHTS, "%s: %llu bytes, too short for a safetensors file", path,
                    (unsigned long long)size);
    limn_status status = file_read_at(weights->file, 0, prefix, sizeof prefix, error);
    if (status != LIMN_OK)
        return status;
    size_t bytes = safetensors_header_bytes(prefix, size, problem);
    if (!bytes)
        return fail(error, LIMN_E_WEIGHTS, "%s: not a safetensors file: %s", path, problem);
    char *header = mem_alloc(bytes);
    if (!header)
        return fail_memory(error, path, bytes);
    status = file_read_at(weights->file, sizeof prefix, header, bytes, error);
    if (status == LIMN_OK) {
        struct safetensors_memory memory = {mem_alloc, mem_free};
        weights->header = safetensors_parse(header, bytes, size, memory, problem);
        if (!weights->header)
            status = problem[0]
                         ? fail(error, LIMN_E_WEIGHTS, "%s: not a valid safetensors file: %s", path, problem)
                         : fail_memory(error, path, bytes);
    }
    mem_free(header);
    return status;
}

limn_status weights_open_file(struct file *file, struct weights_file *weights, limn_error *error)
{
    *weights = (struct weights_file){.file = file};
    limn_status status = refuse_foreign(file, error);
    if (status == LIMN_OK)
        status = read_header(weights, error);
    if (status != LIMN_OK)
        weights_close(weights);
    return status;
}

limn_status weights_open(const char *path, struct weights_file *weights, limn_error *error)
{
    *weights = (struct weights_file){0};
    struct file *file;
    limn_status status = file_open(path, LIMN_E_WEIGHTS, &file, error);
    return status == LIMN_OK ? weights_open_file(file, weights, error) : status;
}

void weights_close(struct weights_file *weights)
{
    mem_free(weights->header);
    file_close(weights->file);
    *weights = (struct weights_file){0};
}

/* Reads `count` elements from element `first` on. Reads floats directly into `out` and others through a
 * buffer, in pieces, so that they are checked while they are in a cache. */
static limn_status read_run(const struct weights_file *weights, const struct tensor_entry *entry,
                            uint64_t first, uint64_t count, float *out, bool *finite, limn_error *error)
{
    enum { WIDTH = 2 };
    unsigned char raw[WIDTH * CHUNK];
    bool is_float = entry->dtype == DTYPE_F32;
    uint64_t most = is_float ? FLOAT_CHUNK : CHUNK, width = is_float ? sizeof *out : WIDTH;
    for (uint64_t done = 0; done < count;) {
        size_t some = (size_t)(count - done < most ? count - done : most);
        float *to = out + done;
        void *from = is_float ? (void *)to : raw;
        limn_status status = file_read_at(weights->file, entry->offset + (first + done) * width, from,
                                          some * (size_t)width, error);
        if (status != LIMN_OK)
            return status;
        dtype_to_float(entry->dtype, from, some, to);
        if (!all_finite(to, some))
            *finite = false;
        done += some;
    }
    return LIMN_OK;
}

limn_status weights_check_dtype(const struct weights_file *weights, const struct tensor_entry *entry,
                                limn_error *error)
{
    if (dtype_is_usable(entry->dtype))
        return LIMN_OK;
    limn_reason reason = entry->dtype == DTYPE_F64 ? LIMN_REASON_CHECKPOINT : LIMN_REASON_NONE;
    return fail_because(error, LIMN_E_WEIGHTS, reason, "%s: tensor %s is %s; F32, F16 or BF16 expected",
                        file_path(weights->file), entry->name, dtype_name(entry->dtype));
}

limn_status weights_read_part(const struct weights_file *weights, const struct tensor_entry *entry,
                              struct tensor_part part, float *out, bool *finite, limn_error *error)
{
    limn_status status = weights_check_dtype(weights, entry, error);
    if (part.count == part.step) /* no gaps: one run */
        part = (struct tensor_part){part.first, part.count * part.runs, 1, 0};
    for (uint64_t run = 0; status == LIMN_OK && run < part.runs; run++)
        status = read_run(weights, entry, part.first + run * part.step, part.count, out + run * part.count,
                          finite, error);
    return status;
}

limn_status weights_read(const struct weights_file *weights, const struct tensor_entry *entry, float *out,
                         bool *finite, limn_error *error)
{
    struct tensor_part whole = {.count = entry->elements, .runs = 1};
    return weights_read_part(weights, entry, whole, out, finite, error);
}

/* ---- checking ---------------------------------------------------------------------------- */

static bool is_variance(const char *name)
{
    static const char suffix[] = "running_var";
    size_t length = strlen(name);
    return length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

/* Invalid values of one tensor: their number, and the first of them. */
struct flaws {
    uint64_t count, first;
};

static void note_flaw(struct flaws *flaws, uint64_t element)
{
    if (!flaws->count++)
        flaws->first = element;
}

/* Writes numbers with `between` between them. */
static const char *join(const uint64_t *numbers, int count, const char *between, char text[96])
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < count && used < 96; i++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%" PRIu64, i ? between : "", numbers[i]);
    return text;
}

/* "2,0,1": the position of an element. */
static const char *place_text(const struct tensor_entry *entry, uint64_t element, char text[96])
{
    uint64_t axes[SAFETENSORS_RANK_MOST] = {0};
    for (int i = entry->rank; i-- > 0; element /= entry->shape[i])
        axes[i] = element % entry->shape[i];
    return join(axes, entry->rank, ",", text);
}

static limn_status fail_flaws(const struct weights_file *weights, const struct tensor_entry *entry,
                              const struct flaws *flaws, const char *one, const char *more, limn_error *error)
{
    char place[96];
    return fail(error, LIMN_E_WEIGHTS, "%s: tensor %s holds %" PRIu64 " %s, %sat [%s]",
                file_path(weights->file), entry->name, flaws->count, flaws->count == 1 ? one : more,
                flaws->count == 1 ? "" : "the first ", place_text(entry, flaws->first, place));
}

limn_status weights_check(const struct weights_file *weights, const struct tensor_entry *entry,
                          limn_error *error)
{
    struct flaws nonfinite = {0}, negative = {0};
    bool variances = is_variance(entry->name);
    limn_status status = weights_check_dtype(weights, entry, error);
    for (uint64_t done = 0; status == LIMN_OK && done < entry->elements; done += CHUNK) {
        float values[CHUNK];
        uint64_t some = entry->elements - done < CHUNK ? entry->elements - done : CHUNK;
        bool finite = true;
        status = read_run(weights, entry, done, some, values, &finite, error);
        for (uint64_t i = 0; status == LIMN_OK && (!finite || variances) && i < some; i++) {
            if (!isfinite(values[i]))
                note_flaw(&nonfinite, done + i);
            else if (variances && values[i] < 0)
                note_flaw(&negative, done + i);
        }
    }
    if (status == LIMN_OK && nonfinite.count)
        return fail_flaws(weights, entry, &nonfinite, "value that is NaN or infinite",
                          "values that are NaN or infinite", error);
    if (status == LIMN_OK && negative.count)
        return fail_flaws(weights, entry, &negative, "negative variance", "negative variances", error);
    return status;
}

/* ---- shapes ------------------------------------------------------------------------------ */

const char *shape_text(const struct tensor_entry *entry, char text[96])
{
    return entry->rank ? join(entry->shape, entry->rank, "x", text) : memcpy(text, "scalar", sizeof "scalar");
}
