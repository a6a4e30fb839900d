/* stb.c - see stb.h. Compiles Sean Barrett's public domain single-file libraries.
 *
 * stb_image uses signed ints, which overflow on damaged JPEG data (coefficients times quantisers); the
 * Makefile compiles this file with -fwrapv, which makes that harmless. It relies on the checks of the probes:
 * sizes within the limits, complete segments and chunks in a valid order, Huffman codes that fit their
 * tables, a palette of 256 colours. */
#include "engine/pictures/stb.h"
#include "engine/base/memory.h"

#include <limits.h>
#include <string.h>

/* The decoding in progress on this thread. */
static _Thread_local struct {
    size_t most_block, no_memory;
    bool too_large; /* a block over most_block was requested */
} decode;

static bool is_allowed(size_t bytes)
{
    if (bytes > decode.most_block)
        decode.too_large = true;
    return bytes <= decode.most_block;
}

/* Blocks are zeroed: parts that a damaged file leaves unwritten must not show earlier contents of memory. */
static void *stb_alloc(size_t bytes)
{
    if (!is_allowed(bytes))
        return NULL;
    void *block = mem_zalloc(1, bytes);
    if (!block)
        decode.no_memory = bytes;
    return block;
}

static void *stb_grow(void *block, size_t had, size_t bytes)
{
    if (!is_allowed(bytes))
        return NULL;
    void *grown = mem_resize(block, bytes);
    if (!grown)
        decode.no_memory = bytes;
    else if (bytes > had)
        memset((unsigned char *)grown + had, 0, bytes - had);
    return grown;
}

#define STBI_MALLOC(bytes) stb_alloc(bytes)
#define STBI_REALLOC_SIZED(block, had, bytes) stb_grow(block, had, bytes)
#define STBI_FREE(block) mem_free(block)
#define STBI_ASSERT(condition) ((void)0) /* damaged input must never end the process */
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION

#define STBIW_MALLOC(bytes) mem_alloc(bytes)
#define STBIW_REALLOC(block, bytes) mem_resize(block, bytes)
#define STBIW_FREE(block) mem_free(block)
#define STBIW_ASSERT(condition) ((void)0)
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION

/* If a PNG's data starts with an empty chunk, stb copies 0 bytes to NULL, which memcpy does not allow. */
static void *copy_bytes(void *to, const void *from, size_t size)
{
    return size ? memcpy(to, from, size) : to;
}
#define memcpy(to, from, size) copy_bytes(to, from, size)

/* Most functions of stb are unused. The warning comes at the end of the file, so it stays disabled. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#undef memcpy

void *stb_decode(const unsigned char *bytes, size_t size, int channels, bool sixteen, size_t most_block,
                 struct stb_failure *failure)
{
    *failure = (struct stb_failure){0, "more than 2 GB"};
    if (size > INT_MAX)
        return NULL;
    decode.most_block = most_block;
    decode.no_memory = 0;
    decode.too_large = false;
    stbi__g_failure_reason = "malformed"; /* stb does not name every reason */
    int width, height, in_file;
    void *samples;
    if (sixteen)
        samples = stbi_load_16_from_memory(bytes, (int)size, &width, &height, &in_file, channels);
    else
        samples = stbi_load_from_memory(bytes, (int)size, &width, &height, &in_file, channels);
    failure->no_memory = decode.no_memory;
    failure->reason = decode.too_large ? "it unpacks to more than its header says" : stbi_failure_reason();
    return samples;
}

void stb_inflate_prefix(const unsigned char *bytes, size_t size, unsigned char *out, int room)
{
    memset(out, 0, (size_t)room);
    if (size <= INT_MAX)
        stbi_zlib_decode_buffer((char *)out, room, (const char *)bytes, (int)size);
}

bool stb_inflate(const unsigned char *packed, size_t packed_size, unsigned char *out, size_t size)
{
    if (packed_size > INT_MAX || size > INT_MAX)
        return false;
    return stbi_zlib_decode_buffer((char *)out, (int)size, (const char *)packed, (int)packed_size) ==
           (int)size;
}

bool stb_encode_jpeg(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb,
                     int quality)
{
    return stbi_write_jpg_to_func(sink, context, width, height, 3, rgb, quality) != 0;
}

bool stb_encode_bmp(stb_sink *sink, void *context, int width, int height, const unsigned char *rgb)
{
    return stbi_write_bmp_to_func(sink, context, width, height, 3, rgb) != 0;
}
