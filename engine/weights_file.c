/* weights_file.c - see weights_file.h. */
#include "weights_file.h"
#include "memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Elements of half precision converted at a time, in the first-level cache. */
enum { CHUNK = 4096, SNIFF = 16 };

static limn_status refuse_foreign(const struct file *file, limn_error *error)
{
    unsigned char first[SNIFF], last[SNIFF];
    uint64_t size = file_size(file);
    if (size < SNIFF)
        return LIMN_OK;
    limn_status status = file_read_at(file, 0, first, SNIFF, error);
    if (status == LIMN_OK)
        status = file_read_at(file, size - SNIFF, last, SNIFF, error);
    const char *what = status == LIMN_OK ? weights_foreign_format(first, last, SNIFF) : NULL;
    if (!what)
        return status;
    return fail(
        error, LIMN_E_WEIGHTS,
        "%s: is %s, not safetensors; convert it with: python3 tools/convert.py '%s' -o NAME.safetensors",
        file_path(file), what, file_path(file));
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

limn_status weights_open(const char *path, struct weights_file *weights, limn_error *error)
{
    *weights = (struct weights_file){0};
    limn_status status = file_open(path, LIMN_E_WEIGHTS, &weights->file, error);
    if (status == LIMN_OK)
        status = refuse_foreign(weights->file, error);
    if (status == LIMN_OK)
        status = read_header(weights, error);
    if (status != LIMN_OK)
        weights_close(weights);
    return status;
}

void weights_close(struct weights_file *weights)
{
    mem_free(weights->header);
    file_close(weights->file);
    *weights = (struct weights_file){0};
}

/* `count` elements from element `first` on. Floats are read to where they belong, others through a buffer. */
static limn_status read_run(const struct weights_file *weights, const struct tensor_entry *entry,
                            uint64_t first, uint64_t count, float *out, limn_error *error)
{
    if (entry->dtype == DTYPE_F32) {
        limn_status status = file_read_at(weights->file, entry->offset + first * sizeof *out, out,
                                          (size_t)count * sizeof *out, error);
        if (status == LIMN_OK)
            dtype_to_float(DTYPE_F32, out, (size_t)count, out);
        return status;
    }
    enum { WIDTH = 2 };
    unsigned char raw[WIDTH * CHUNK];
    for (uint64_t done = 0; done < count;) {
        size_t some = count - done < CHUNK ? (size_t)(count - done) : CHUNK;
        limn_status status =
            file_read_at(weights->file, entry->offset + (first + done) * WIDTH, raw, some * WIDTH, error);
        if (status != LIMN_OK)
            return status;
        dtype_to_float(entry->dtype, raw, some, out + done);
        done += some;
    }
    return LIMN_OK;
}

limn_status weights_read_part(const struct weights_file *weights, const struct tensor_entry *entry,
                              struct tensor_part part, float *out, limn_error *error)
{
    if (!dtype_is_usable(entry->dtype))
        return fail(error, LIMN_E_WEIGHTS, "%s: tensor %s is %s; F32, F16 or BF16 expected",
                    file_path(weights->file), entry->name, dtype_name(entry->dtype));
    if (part.count == part.step) /* no gaps: one run */
        part = (struct tensor_part){part.first, part.count * part.runs, 1, 0};
    limn_status status = LIMN_OK;
    for (uint64_t run = 0; status == LIMN_OK && run < part.runs; run++)
        status =
            read_run(weights, entry, part.first + run * part.step, part.count, out + run * part.count, error);
    return status;
}

limn_status weights_read(const struct weights_file *weights, const struct tensor_entry *entry, float *out,
                         int64_t *unfinite, limn_error *error)
{
    struct tensor_part whole = {.count = entry->elements, .runs = 1};
    limn_status status = weights_read_part(weights, entry, whole, out, error);
    for (uint64_t i = 0; status == LIMN_OK && unfinite && i < entry->elements; i++)
        *unfinite += !isfinite(out[i]);
    return status;
}

const char *shape_text(const struct tensor_entry *entry, char text[96])
{
    strcpy(text, entry->rank ? "" : "scalar");
    for (int i = 0; i < entry->rank; i++) {
        size_t used = strlen(text);
        snprintf(text + used, 96 - used, "%s%llu", i ? "x" : "", (unsigned long long)entry->shape[i]);
    }
    return text;
}
