/* safetensors.h - the header of a safetensors file, read and checked by every rule of the format.
 *
 * The format (safetensors documentation, "Format"):
 *
 *     8 bytes      N, the size of the header, unsigned, little-endian
 *     N bytes      JSON, begins with '{', may be padded with spaces at its end:
 *                  {"name": {"dtype": "F32", "shape": [64, 3, 3, 3], "data_offsets": [begin, end]}, ...,
 *                   "__metadata__": {"key": "value", ...}}
 *     the rest     the tensors, row-major, little-endian; offsets count from here
 *
 * Rules checked: N lies within the file and under 100 MB; the JSON is valid; no name or metadata key occurs
 * twice; dtypes are known; each tensor has exactly the bytes of its shape and dtype; the tensors cover the
 * rest of the file from offset 0 to its end, without gap or overlap.
 *
 * Does no I/O and allocates nothing itself: the caller reads the header and passes an allocator. */
#ifndef WEIGHTS_SAFETENSORS_H
#define WEIGHTS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAFETENSORS_HEADER_MOST UINT64_C(100000000)

enum {
    SAFETENSORS_PREFIX = 8, /* bytes before the header */
    SAFETENSORS_RANK_MOST = 8,
    SAFETENSORS_PROBLEM = 256,
};

enum dtype {
    DTYPE_BOOL,
    DTYPE_U8,
    DTYPE_I8,
    DTYPE_U16,
    DTYPE_I16,
    DTYPE_U32,
    DTYPE_I32,
    DTYPE_U64,
    DTYPE_I64,
    DTYPE_F4,
    DTYPE_F6_E2M3,
    DTYPE_F6_E3M2,
    DTYPE_F8_E4M3,
    DTYPE_F8_E5M2,
    DTYPE_F8_E8M0,
    DTYPE_F8_E4M3FNUZ,
    DTYPE_F8_E5M2FNUZ,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_C64,
    DTYPE_COUNT,
};

struct tensor_entry {
    const char *name;
    enum dtype dtype;
    int rank;
    uint64_t shape[SAFETENSORS_RANK_MOST];
    uint64_t elements;
    uint64_t offset; /* of the first byte, from the start of the file */
    uint64_t bytes;
};

struct metadata_entry {
    const char *key, *value;
};

struct safetensors {
    size_t tensor_count, metadata_count;
    struct tensor_entry *tensors;    /* sorted by name */
    struct metadata_entry *metadata; /* sorted by key */
};

/* N, from the first 8 bytes of a file of `file_bytes` bytes; 0, with the reason in `problem`, if it cannot be
 * the size of a header. */
size_t safetensors_header_bytes(const unsigned char prefix[SAFETENSORS_PREFIX], uint64_t file_bytes,
                                char problem[SAFETENSORS_PROBLEM]);

struct safetensors_memory {
    void *(*allocate)(size_t bytes);
    void (*release)(void *block);
};

/* Parses the header (the N bytes after the prefix). The result is one block from memory.allocate; free it
 * with memory.release. NULL on failure, with the reason in `problem`, which is "" if there was no memory. */
struct safetensors *safetensors_parse(const void *header, size_t header_bytes, uint64_t file_bytes,
                                      struct safetensors_memory memory, char problem[SAFETENSORS_PROBLEM]);

/* The tensor of that name, or NULL. */
const struct tensor_entry *safetensors_find(const struct safetensors *s, const char *name);

/* The value of a metadata key, or NULL. */
const char *safetensors_metadata(const struct safetensors *s, const char *key);

/* "F32", "BF16", ... */
const char *dtype_name(enum dtype dtype);

/* Whether limn computes with it: F32, F16, BF16. */
bool dtype_is_usable(enum dtype dtype);

/* `count` elements of a usable dtype, little-endian, at any alignment, to float; exact. F32 may be converted
 * in place. */
void dtype_to_float(enum dtype dtype, const void *from, size_t count, float *to);

#endif
