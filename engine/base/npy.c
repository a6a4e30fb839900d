/* npy.c - see npy.h.
 *
 *     "\x93NUMPY"  major  minor  header size (2 bytes LE in version 1, 4 in 2 and 3)
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 56, 56), }   padded with spaces; a newline
 *     the elements */
#include "engine/base/npy.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX = 8, AXES = 4 };

const size_t npy_file_most = SIZE_MAX / 4;

/* The text after 'key': in the header, or NULL. The header is Python's repr of a dict, always in one form. */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *found = strstr(header, quoted);
    if (!found)
        return NULL;
    found += strlen(quoted);
    return found + strspn(found, " ");
}

static bool parse_shape(const char *text, int64_t shape[AXES])
{
    int count = 0;
    int64_t sides[AXES];
    if (!text || *text++ != '(')
        return false;
    for (text += strspn(text, " "); *text != ')'; text += strspn(text, ", ")) {
        char *end;
        if (count == AXES || *text < '0' || *text > '9')
            return false;
        sides[count++] = strtoll(text, &end, 10);
        text = end;
    }
    for (int i = 0; i < AXES; i++)
        shape[i] = i < AXES - count ? 1 : sides[i - (AXES - count)];
    return count > 0;
}

static bool elements(const int64_t shape[AXES], size_t *count)
{
    *count = 1;
    for (int i = 0; i < AXES; i++)
        if (shape[i] < 1 || !size_multiply(*count, (uint64_t)shape[i], count))
            return false;
    return true;
}

/* The contents of the header; start: where the elements begin. */
struct layout {
    int64_t shape[AXES];
    size_t start, count; /* count: elements */
    bool doubles;
};

static limn_status read_header(const unsigned char *bytes, size_t size, const char *name,
                               struct layout *layout, limn_error *error)
{
    if (size < PREFIX + 4 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return fail(error, LIMN_E_INPUT, "%s: not a .npy file", name);
    int version = bytes[6];
    size_t length_bytes = version == 1 ? 2 : 4, length = 0;
    if (version < 1 || version > 3)
        return fail(error, LIMN_E_INPUT, "%s: .npy version %d, 1 to 3 expected", name, version);
    for (size_t i = length_bytes; i-- > 0;)
        length = length << 8 | bytes[PREFIX + i];
    size_t start = PREFIX + length_bytes;
    char header[1024];
    if (length >= sizeof header || length > size - start)
        return fail(error, LIMN_E_INPUT, "%s: .npy header of %zu bytes in a file of %zu", name, length, size);
    memcpy(header, bytes + start, length);
    header[length] = 0;
    layout->start = start + length;

    const char *type = value_of(header, "descr"), *order = value_of(header, "fortran_order");
    layout->doubles = type && strncmp(type, "'<f8'", 5) == 0;
    if (!type || (!layout->doubles && strncmp(type, "'<f4'", 5) != 0))
        return fail(error, LIMN_E_INPUT, "%s: elements are %.*s, '<f4' (float32) expected", name,
                    type ? (int)strcspn(type, ",}") : INT_MAX, type ? type : "of no type");
    if (!order || strncmp(order, "False", 5) != 0)
        return fail(error, LIMN_E_INPUT, "%s: Fortran order, C order expected (numpy.ascontiguousarray)",
                    name);
    size_t data_bytes, width = layout->doubles ? sizeof(double) : sizeof(float);
    const int64_t *shape = layout->shape;
    if (!parse_shape(value_of(header, "shape"), layout->shape) || !elements(shape, &layout->count) ||
        !size_multiply(layout->count, width, &data_bytes))
        return fail(error, LIMN_E_INPUT, "%s: one to four positive axes expected", name);
    if (data_bytes != size - layout->start)
        return fail(error, LIMN_E_INPUT,
                    "%s: %zu bytes of data; %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " need %zu", name,
                    size - layout->start, shape[0], shape[1], shape[2], shape[3], data_bytes);
    return LIMN_OK;
}

/* Copies the elements as floats. `to` may be `bytes`: each float then precedes the elements not yet read. */
static void take_elements(const unsigned char *bytes, const struct layout *layout, float *to)
{
    /* NOLINTBEGIN(clang-analyzer-core.NonNull*): the analyzer forgets that read_header has read from them. */
    if (!layout->doubles)
        memmove(to, bytes + layout->start, layout->count * sizeof *to);
    for (size_t i = 0; layout->doubles && i < layout->count; i++) {
        double element;
        memcpy(&element, bytes + layout->start + i * sizeof element, sizeof element);
        to[i] = (float)element;
    }
    /* NOLINTEND(clang-analyzer-core.NonNull*) */
}

/* Decodes into `to`, or if it is NULL into a new block. */
static limn_status decode(const unsigned char *bytes, size_t size, const char *name, float *to,
                          struct npy *array, limn_error *error)
{
    struct layout layout;
    limn_status status = read_header(bytes, size, name, &layout, error);
    if (status != LIMN_OK)
        return status;
    array->data = to ? to : mem_alloc(layout.count * sizeof *to);
    if (!array->data)
        return fail_memory(error, name, layout.count * sizeof *to);
    memcpy(array->shape, layout.shape, sizeof array->shape);
    take_elements(bytes, &layout, array->data);
    return LIMN_OK;
}

limn_status npy_decode(const unsigned char *bytes, size_t size, const char *name, struct npy *array,
                       limn_error *error)
{
    *array = (struct npy){0};
    return decode(bytes, size, name, NULL, array, error);
}

bool npy_starts(const unsigned char *bytes, size_t size)
{
    return size >= PREFIX && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

/* The block of the file becomes that of the array, so that nothing is in memory twice. */
limn_status npy_take(unsigned char *bytes, size_t size, const char *name, struct npy *array,
                     limn_error *error)
{
    *array = (struct npy){0};
    limn_status status = decode(bytes, size, name, (float *)(void *)bytes, array, error);
    if (status != LIMN_OK)
        mem_free(bytes);
    return status;
}

limn_status npy_read(const char *path, struct npy *array, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    *array = (struct npy){0};
    limn_status status = file_read_all(path, npy_file_most, LIMN_E_INPUT, &bytes, &size, error);
    return status == LIMN_OK ? npy_take(bytes, size, input_name(path), array, error) : status;
}

limn_status npy_write(const char *path, const int64_t shape[AXES], const float *data, bool force,
                      limn_error *error)
{
    enum { HEADER = 128 }; /* prefix, length and text: a multiple of 64, as NumPy writes it */
    char header[HEADER + 1];
    memset(header, ' ', HEADER);
    memcpy(header, "\x93NUMPY\x01\x00", PREFIX);
    header[PREFIX] = HEADER - PREFIX - 2;
    header[PREFIX + 1] = 0;
    int length = snprintf(header + PREFIX + 2, HEADER - PREFIX - 2,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64
                          ", %" PRId64 ", %" PRId64 "), }",
                          shape[0], shape[1], shape[2], shape[3]);
    header[PREFIX + 2 + length] = ' ';
    header[HEADER - 1] = '\n';
    size_t count;
    if (!elements(shape, &count))
        return fail(error, LIMN_E_OUTPUT, "%s: cannot write an array of this shape", path);
    struct output *output;
    limn_status status = output_open(path, force, &output, error);
    if (status != LIMN_OK)
        return status;
    status = output_write(output, header, HEADER, error);
    if (status == LIMN_OK)
        status = output_write(output, data, count * sizeof *data, error);
    if (status == LIMN_OK)
        return output_commit(output, error);
    output_abandon(output);
    return status;
}

void npy_free(struct npy *array)
{
    mem_free(array->data);
    *array = (struct npy){0};
}
