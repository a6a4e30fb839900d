/* safetensors.c - see safetensors.h. */
#include "weights/safetensors.h"
#include "weights/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(char problem[SAFETENSORS_PROBLEM], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(char problem[SAFETENSORS_PROBLEM], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, SAFETENSORS_PROBLEM, format, arguments);
    va_end(arguments);
    return false;
}

size_t safetensors_header_bytes(const unsigned char prefix[SAFETENSORS_PREFIX], uint64_t file_bytes,
                                char problem[SAFETENSORS_PROBLEM])
{
    uint64_t size = 0;
    for (int i = SAFETENSORS_PREFIX - 1; i >= 0; i--)
        size = size << 8 | prefix[i];
    if (size > SAFETENSORS_HEADER_MOST || size < 2)
        refuse(problem, "header size %llu, 2 to %llu expected", (unsigned long long)size,
               (unsigned long long)SAFETENSORS_HEADER_MOST);
    else if (file_bytes < SAFETENSORS_PREFIX || size > file_bytes - SAFETENSORS_PREFIX)
        refuse(problem, "header of %llu bytes in a file of %llu bytes", (unsigned long long)size,
               (unsigned long long)file_bytes);
    else
        return (size_t)size;
    return 0;
}

/* ---- parsing ----------------------------------------------------------------------------- */

struct parser {
    struct json j;
    struct safetensors *s;
    char *text, *text_end; /* free room for decoded strings */
    char *problem;
};

/* Reads a string by json_string or json_key into the free room, which is as large as the JSON and so always
 * suffices. */
static const char *pooled(struct parser *p, bool (*read)(struct json *, char *, size_t, size_t *))
{
    char *string = p->text;
    size_t length;
    if (!read(&p->j, string, (size_t)(p->text_end - string), &length))
        return NULL;
    p->text += length + 1;
    return string;
}

static bool parse_metadata(struct parser *p)
{
    json_open(&p->j, '{');
    while (json_more(&p->j, '}')) {
        struct metadata_entry *entry = &p->s->metadata[p->s->metadata_count];
        entry->key = pooled(p, json_key);
        if (entry->key && json_peek(&p->j) != '"')
            return refuse(p->problem, "metadata key %s: %s, a string was expected", entry->key,
                          json_kind(&p->j));
        entry->value = pooled(p, json_string);
        if (!entry->key || !entry->value)
            return false;
        p->s->metadata_count++;
    }
    return !p->j.problem;
}

static bool parse_dtype(struct parser *p, struct tensor_entry *tensor)
{
    char name[16];
    if (!json_string(&p->j, name, sizeof name, NULL))
        return false;
    for (tensor->dtype = 0; tensor->dtype < DTYPE_COUNT; tensor->dtype++)
        if (strcmp(name, dtype_name(tensor->dtype)) == 0)
            return true;
    return refuse(p->problem, "tensor %s: unknown dtype %s", tensor->name, name);
}

static bool parse_shape(struct parser *p, struct tensor_entry *tensor)
{
    tensor->rank = 0;
    tensor->elements = 1;
    json_open(&p->j, '[');
    while (json_more(&p->j, ']')) {
        uint64_t side;
        if (!json_unsigned(&p->j, &side))
            return false;
        if (tensor->rank == SAFETENSORS_RANK_MOST)
            return refuse(p->problem, "tensor %s: more than %d dimensions", tensor->name,
                          (int)SAFETENSORS_RANK_MOST);
        tensor->shape[tensor->rank++] = side;
        if (__builtin_mul_overflow(tensor->elements, side, &tensor->elements))
            return refuse(p->problem, "tensor %s: its shape overflows", tensor->name);
    }
    return !p->j.problem;
}

/* Keeps offsets as written; check_layout makes them absolute. */
static bool parse_offsets(struct parser *p, struct tensor_entry *tensor)
{
    uint64_t range[2];
    int count = 0;
    json_open(&p->j, '[');
    while (json_more(&p->j, ']'))
        if (count == 2 || !json_unsigned(&p->j, &range[count++]))
            return json_fail(&p->j, "two offsets were expected");
    if (p->j.problem || count != 2)
        return json_fail(&p->j, "two offsets were expected");
    if (range[1] < range[0])
        return refuse(p->problem, "tensor %s: ends at %llu, before its start %llu", tensor->name,
                      (unsigned long long)range[1], (unsigned long long)range[0]);
    tensor->offset = range[0];
    tensor->bytes = range[1] - range[0];
    return true;
}

static bool parse_tensor(struct parser *p, const char *name)
{
    struct tensor_entry *tensor = &p->s->tensors[p->s->tensor_count++];
    tensor->name = name;
    enum { HAS_DTYPE = 1, HAS_SHAPE = 2, HAS_OFFSETS = 4, HAS_ALL = 7 };
    int seen = 0;
    json_open(&p->j, '{');
    while (json_more(&p->j, '}')) {
        char key[16];
        if (!json_key(&p->j, key, sizeof key, NULL))
            return false;
        int field = strcmp(key, "dtype") == 0          ? HAS_DTYPE
                    : strcmp(key, "shape") == 0        ? HAS_SHAPE
                    : strcmp(key, "data_offsets") == 0 ? HAS_OFFSETS
                                                       : 0;
        if (!field || seen & field)
            return refuse(p->problem, "tensor %s: %s field \"%s\"", name, field ? "repeated" : "unknown",
                          key);
        seen |= field;
        if (!(field == HAS_DTYPE   ? parse_dtype(p, tensor)
              : field == HAS_SHAPE ? parse_shape(p, tensor)
                                   : parse_offsets(p, tensor)))
            return false;
    }
    if (!p->j.problem && seen != HAS_ALL)
        return refuse(p->problem, "tensor %s: dtype, shape or data_offsets is missing", name);
    return !p->j.problem;
}

static bool parse_header(struct parser *p)
{
    bool had_metadata = false;
    json_open(&p->j, '{');
    while (json_more(&p->j, '}')) {
        const char *name = pooled(p, json_key);
        if (!name)
            return false;
        bool is_metadata = strcmp(name, "__metadata__") == 0;
        if (is_metadata && had_metadata)
            return refuse(p->problem, "__metadata__ occurs twice");
        had_metadata |= is_metadata;
        if (!(is_metadata ? parse_metadata(p) : parse_tensor(p, name)))
            return false;
    }
    return json_end(&p->j);
}

/* ---- checks over all tensors ------------------------------------------------------------- */

static int by_offset(const void *left, const void *right)
{
    const struct tensor_entry *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? -1 : 1) : 0;
}

/* By the name of a tensor or the key of a metadata entry: the first member of both. */
static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const struct {
    const char *name;
    unsigned bits;
} dtypes[DTYPE_COUNT] = {
    [DTYPE_BOOL] = {"BOOL", 8},
    [DTYPE_U8] = {"U8", 8},
    [DTYPE_I8] = {"I8", 8},
    [DTYPE_U16] = {"U16", 16},
    [DTYPE_I16] = {"I16", 16},
    [DTYPE_U32] = {"U32", 32},
    [DTYPE_I32] = {"I32", 32},
    [DTYPE_U64] = {"U64", 64},
    [DTYPE_I64] = {"I64", 64},
    [DTYPE_F4] = {"F4", 4},
    [DTYPE_F6_E2M3] = {"F6_E2M3", 6},
    [DTYPE_F6_E3M2] = {"F6_E3M2", 6},
    [DTYPE_F8_E4M3] = {"F8_E4M3", 8},
    [DTYPE_F8_E5M2] = {"F8_E5M2", 8},
    [DTYPE_F8_E8M0] = {"F8_E8M0", 8},
    [DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [DTYPE_F16] = {"F16", 16},
    [DTYPE_BF16] = {"BF16", 16},
    [DTYPE_F32] = {"F32", 32},
    [DTYPE_F64] = {"F64", 64},
    [DTYPE_C64] = {"C64", 64},
};

/* Sorts by name. */
static bool check_names(struct parser *p)
{
    struct safetensors *s = p->s;
    qsort(s->tensors, s->tensor_count, sizeof *s->tensors, by_name);
    for (size_t i = 1; i < s->tensor_count; i++)
        if (strcmp(s->tensors[i - 1].name, s->tensors[i].name) == 0)
            return refuse(p->problem, "tensor %s occurs twice", s->tensors[i].name);
    qsort(s->metadata, s->metadata_count, sizeof *s->metadata, by_name);
    for (size_t i = 1; i < s->metadata_count; i++)
        if (strcmp(s->metadata[i - 1].key, s->metadata[i].key) == 0)
            return refuse(p->problem, "metadata key %s occurs twice", s->metadata[i].key);
    return true;
}

/* Checks that the bytes match the shapes, and that tensors cover the file from offset 0 without gap or
 * overlap. */
static bool check_layout(struct parser *p, uint64_t data_start, uint64_t file_bytes)
{
    struct safetensors *s = p->s;
    qsort(s->tensors, s->tensor_count, sizeof *s->tensors, by_offset);
    uint64_t expected = 0;
    for (size_t i = 0; i < s->tensor_count; i++) {
        struct tensor_entry *tensor = &s->tensors[i];
        uint64_t bits;
        if (__builtin_mul_overflow(tensor->elements, (uint64_t)dtypes[tensor->dtype].bits, &bits) || bits % 8)
            return refuse(p->problem, "tensor %s: %llu elements of %s are not a whole number of bytes",
                          tensor->name, (unsigned long long)tensor->elements, dtype_name(tensor->dtype));
        if (tensor->bytes != bits / 8)
            return refuse(p->problem, "tensor %s: %llu bytes, its shape and dtype need %llu", tensor->name,
                          (unsigned long long)tensor->bytes, (unsigned long long)(bits / 8));
        if (tensor->offset != expected)
            return refuse(p->problem, "tensor %s: begins at offset %llu, %llu expected (gap or overlap)",
                          tensor->name, (unsigned long long)tensor->offset, (unsigned long long)expected);
        if (tensor->bytes > file_bytes - data_start - expected)
            return refuse(p->problem, "tensor %s: ends at byte %llu, beyond the file's %llu (truncated?)",
                          tensor->name, (unsigned long long)(data_start + expected + tensor->bytes),
                          (unsigned long long)file_bytes);
        expected += tensor->bytes;
        tensor->offset += data_start;
    }
    qsort(s->tensors, s->tensor_count, sizeof *s->tensors, by_name);
    if (expected != file_bytes - data_start)
        return refuse(p->problem, "%llu bytes after the last tensor",
                      (unsigned long long)(file_bytes - data_start - expected));
    return true;
}

/* Counts tensors and metadata entries in a first pass, so that one allocation suffices. */
static bool count_entries(struct json j, size_t *tensors, size_t *metadata, char *problem)
{
    *tensors = *metadata = 0;
    json_open(&j, '{');
    while (json_more(&j, '}')) {
        char key[16];
        struct json before = j;
        if (json_key(&j, key, sizeof key, NULL) && strcmp(key, "__metadata__") == 0 && json_peek(&j) == '{') {
            json_open(&j, '{');
            for (; json_more(&j, '}'); (*metadata)++)
                if (json_key(&j, NULL, 0, NULL))
                    json_skip(&j);
            continue;
        }
        j = before; /* a longer name does not fit `key`: skip it */
        if (json_key(&j, NULL, 0, NULL))
            json_skip(&j);
        (*tensors)++;
    }
    if (json_end(&j))
        return true;
    return refuse(problem, "header byte %zu: %s", json_position(&j), j.problem);
}

struct safetensors *safetensors_parse(const void *header, size_t header_bytes, uint64_t file_bytes,
                                      struct safetensors_memory memory, char problem[SAFETENSORS_PROBLEM])
{
    problem[0] = 0;
    struct json j = json_text(header, header_bytes);
    if (!header_bytes || *(const char *)header != '{') {
        refuse(problem, "the header does not begin with {");
        return NULL;
    }
    size_t tensors, metadata;
    if (!count_entries(j, &tensors, &metadata, problem))
        return NULL;

    /* No overflow: each entry takes several of at most SAFETENSORS_HEADER_MOST bytes of JSON. */
    size_t tensors_bytes = tensors * sizeof(struct tensor_entry);
    size_t metadata_bytes = metadata * sizeof(struct metadata_entry);
    size_t whole = sizeof(struct safetensors) + tensors_bytes + metadata_bytes + header_bytes + 1;
    unsigned char *block = memory.allocate(whole);
    if (!block)
        return NULL;
    struct safetensors *s = (void *)block;
    s->tensor_count = s->metadata_count = 0;
    s->tensors = (void *)(block + sizeof *s);
    s->metadata = (void *)(block + sizeof *s + tensors_bytes);
    char *text = (char *)block + sizeof *s + tensors_bytes + metadata_bytes;
    struct parser parser = {
        .j = j, .s = s, .text = text, .text_end = text + header_bytes + 1, .problem = problem};
    uint64_t data_start = SAFETENSORS_PREFIX + (uint64_t)header_bytes;
    if (parse_header(&parser) && check_names(&parser) && check_layout(&parser, data_start, file_bytes))
        return s;
    if (!problem[0])
        refuse(problem, "header byte %zu: %s", json_position(&parser.j), parser.j.problem);
    memory.release(block);
    return NULL;
}

/* ---- look-up ----------------------------------------------------------------------------- */

const struct tensor_entry *safetensors_find(const struct safetensors *s, const char *name)
{
    struct tensor_entry key = {.name = name};
    return s->tensor_count ? bsearch(&key, s->tensors, s->tensor_count, sizeof key, by_name) : NULL;
}

const char *safetensors_metadata(const struct safetensors *s, const char *key)
{
    struct metadata_entry wanted = {.key = key};
    const struct metadata_entry *found =
        s->metadata_count ? bsearch(&wanted, s->metadata, s->metadata_count, sizeof wanted, by_name) : NULL;
    return found ? found->value : NULL;
}

/* ---- element types ----------------------------------------------------------------------- */

const char *dtype_name(enum dtype dtype)
{
    return dtype < DTYPE_COUNT ? dtypes[dtype].name : "unknown";
}

bool dtype_is_usable(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Masks instead of branches, so that
 * compilers vectorize a loop over it. No intermediate float is subnormal, because threads that compute flush
 * those to zero: a subnormal half, fraction * 2^-24, is (1 + fraction * 2^-10) * 2^-14 - 2^-14. */
static float half_to_float(uint32_t half)
{
    const uint32_t rebias = (uint32_t)(127 - 15) << 23, one = UINT32_C(1) << 23;
    uint32_t magnitude = ((half & 0x7FFF) << 13) + rebias, exponent = half & 0x7C00;
    uint32_t is_subnormal = 0U - (exponent == 0), is_not_finite = 0U - (exponent == 0x7C00);
    uint32_t subnormal = bits_from_float(float_from_bits(magnitude + one) - float_from_bits(rebias + one));
    uint32_t other = magnitude + (is_not_finite & rebias); /* infinity, NaN: exponent 255 */
    return float_from_bits((half & 0x8000) << 16 | (is_subnormal & subnormal) | (~is_subnormal & other));
}

/* Elements converted at a time: a constant, so that compilers vectorize. */
enum { TOGETHER = 64 };

static void halves_to_floats(enum dtype dtype, const unsigned char *bytes, float to[TOGETHER])
{
    uint32_t halves[TOGETHER];
    for (int i = 0; i < TOGETHER; i++)
        halves[i] = (uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
    if (dtype == DTYPE_F16)
        for (int i = 0; i < TOGETHER; i++)
            to[i] = half_to_float(halves[i]);
    else
        for (int i = 0; i < TOGETHER; i++)
            to[i] = float_from_bits(halves[i] << 16);
}

/* Converts little-endian words to the machine's order, also in place. */
static void words_to_floats(const unsigned char *bytes, size_t count, float *to)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (bytes != (const unsigned char *)to)
        memcpy(to, bytes, count * sizeof *to);
#else
    for (size_t i = 0; i < count; i++) {
        const unsigned char *b = bytes + 4 * i;
        to[i] = float_from_bits((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                                (uint32_t)b[3] << 24);
    }
#endif
}

void dtype_to_float(enum dtype dtype, const void *from, size_t count, float *to)
{
    const unsigned char *bytes = from;
    if (dtype == DTYPE_F32) {
        words_to_floats(bytes, count, to);
        return;
    }
    for (; count >= TOGETHER; count -= TOGETHER, bytes += 2 * TOGETHER, to += TOGETHER)
        halves_to_floats(dtype, bytes, to);
    unsigned char last[2 * TOGETHER] = {0};
    float converted[TOGETHER];
    memcpy(last, bytes, 2 * count);
    halves_to_floats(dtype, last, converted);
    memcpy(to, converted, count * sizeof *to);
}
