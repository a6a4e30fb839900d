/* fuzz_safetensors.c - untrusted weights: the header, and the tensors after it. */
#include "engine/base/memory.h"
#include "engine/graph/weights_file.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What safetensors.h promises: sorted names, each once; bytes as the shape needs them, within the file. */
static void check_header(const struct safetensors *header, size_t size)
{
    for (size_t i = 0; i < header->tensor_count; i++) {
        const struct tensor_entry *entry = &header->tensors[i];
        uint64_t elements = 1;
        REQUIRE(i == 0 || strcmp(entry[-1].name, entry->name) < 0);
        REQUIRE(safetensors_find(header, entry->name) == entry);
        REQUIRE(entry->dtype < DTYPE_COUNT && entry->rank >= 0 && entry->rank <= SAFETENSORS_RANK_MOST);
        for (int axis = 0; axis < entry->rank; axis++)
            REQUIRE(!__builtin_mul_overflow(elements, entry->shape[axis], &elements));
        REQUIRE(elements == entry->elements);
        REQUIRE(entry->offset >= SAFETENSORS_PREFIX && entry->offset <= size);
        REQUIRE(entry->bytes <= size - entry->offset);
    }
    for (size_t i = 0; i < header->metadata_count; i++) {
        const struct metadata_entry *entry = &header->metadata[i];
        REQUIRE(i == 0 || strcmp(entry[-1].key, entry->key) < 0);
        REQUIRE(safetensors_metadata(header, entry->key) == entry->value);
    }
    REQUIRE(!safetensors_find(header, "\n") && !safetensors_metadata(header, "\n"));
}

/* A part of a tensor is that part of the whole. */
static void check_values(const struct weights_file *weights, const struct tensor_entry *entry)
{
    limn_error error;
    bool whole_finite = true, part_finite = true, all_finite = true;
    uint64_t count = entry->elements;
    float *whole = mem_alloc((size_t)count * sizeof *whole), *part = mem_alloc((size_t)count * sizeof *part);
    REQUIRE(whole && part);
    REQUIRE(weights_read(weights, entry, whole, &whole_finite, &error) == LIMN_OK);
    for (uint64_t i = 0; i < count; i++)
        all_finite = all_finite && isfinite(whole[i]);
    limn_status status = weights_check(weights, entry, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, file_path(weights->file));
    REQUIRE(whole_finite == all_finite && (status != LIMN_OK || all_finite));
    struct tensor_part odd = {.first = 1, .count = 1, .runs = count / 2, .step = 2};
    REQUIRE(weights_read_part(weights, entry, odd, part, &part_finite, &error) == LIMN_OK);
    REQUIRE(part_finite || !whole_finite);
    for (uint64_t i = 0; i < odd.runs; i++)
        REQUIRE(memcmp(&part[i], &whole[1 + 2 * i], sizeof *part) == 0);
    struct tensor_part run = {.first = count / 2, .count = 1, .runs = count - count / 2, .step = 1};
    REQUIRE(weights_read_part(weights, entry, run, part, &part_finite, &error) == LIMN_OK);
    REQUIRE(memcmp(part, whole + count / 2, (size_t)run.runs * sizeof *part) == 0);
    mem_free(whole);
    mem_free(part);
}

/* Checks all tensors, if the file was opened, and closes it. */
static void check_tensors(struct weights_file *weights, limn_status status)
{
    limn_error error;
    char text[96];
    REQUIRE((weights->header != NULL) == (status == LIMN_OK));
    for (size_t i = 0; status == LIMN_OK && i < weights->header->tensor_count; i++) {
        const struct tensor_entry *entry = &weights->header->tensors[i];
        REQUIRE(strlen(shape_text(entry, text)) < sizeof text);
        if (dtype_is_usable(entry->dtype))
            check_values(weights, entry);
        else
            REQUIRE(weights_read(weights, entry, NULL, NULL, &error) == LIMN_E_WEIGHTS);
    }
    weights_close(weights);
}

/* The same bytes in memory, in a block of their size so that AddressSanitizer reports reads beyond them. */
static void check_bytes(const uint8_t *data, size_t size, const char *name, limn_status wanted,
                        const limn_error *wanted_error)
{
    struct weights_file weights;
    struct file *file;
    limn_error error;
    uint8_t *bytes = malloc(size);
    if (size)
        memcpy(bytes, data, size);
    REQUIRE(file_open_bytes(bytes, size, name, LIMN_E_WEIGHTS, &file, &error) == LIMN_OK);
    limn_status status = weights_open_file(file, &weights, &error);
    REQUIRE(status == wanted);
    REQUIRE(status == LIMN_OK || strcmp(error.message, wanted_error->message) == 0);
    check_tensors(&weights, status);
    free(bytes);
}

static void check_file(const uint8_t *data, size_t size, bool is_header)
{
    struct weights_file weights;
    limn_error error;
    const char *path = fuzz_file(data, size);
    limn_status status = weights_open(path, &weights, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
    REQUIRE(is_header || status != LIMN_OK);
    check_tensors(&weights, status);
    check_bytes(data, size, path, status, &error);
    mem_set_limit(mem_in_use() + size);
    status = weights_open(path, &weights, &error);
    mem_set_limit(0);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, path);
    weights_close(&weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    char problem[SAFETENSORS_PROBLEM] = "";
    size_t bytes = size < SAFETENSORS_PREFIX ? 0 : safetensors_header_bytes(data, size, problem);
    struct safetensors *header = NULL;
    if (bytes) {
        struct safetensors_memory memory = {mem_alloc, mem_free};
        REQUIRE(bytes <= size - SAFETENSORS_PREFIX);
        header = safetensors_parse(data + SAFETENSORS_PREFIX, bytes, size, memory, problem);
        REQUIRE(header ? !problem[0] : problem[0] && strlen(problem) < sizeof problem);
    }
    if (header)
        check_header(header, size);
    check_file(data, size, header);
    mem_free(header);
    REQUIRE(mem_in_use() == held);
    return 0;
}
