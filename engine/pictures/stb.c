/* stb.c - see stb.h. Compiles Sean Barrett's public domain single-file libraries.
 *
 * stb_image uses signed ints, which overflow on damaged JPEG data (coefficients times quantisers); the
 * Makefile compiles this file with -fwrapv, which makes that harmless. It relies on the checks of the probes:
 * sizes within the limits, complete segments and chunks in a valid order, Huffman codes that fit their
 * tables, a palette of 256 colours. */
#include "engine/pictures/stb.h"
#include "engine/base/memory.h"
#include "engine/pictures/jpeg_idct.h"

#include <limits.h>
#include <string.h>

/* The decoding in progress on this thread. */
static _Thread_local struct {
    size_t most_block, no_memory;
    bool too_large;   /* a block over most_block was requested */
    const void *jpeg; /* the decoder, an stbi__jpeg */
    int64_t bits;     /* that it had read after the last block */
    int64_t blocks;   /* how many it has transformed */
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
#undef memcpy /* in macOS it is a macro */
#define memcpy(to, from, size) copy_bytes(to, from, size)

/* Most functions of stb are unused. The warning comes at the end of the file, so it stays disabled. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#undef memcpy

static void start_decoding(size_t most_block)
{
    decode.most_block = most_block;
    decode.no_memory = 0;
    decode.too_large = false;
    decode.blocks = 0;
    stbi__g_failure_reason = "malformed"; /* stb does not name every reason */
}

static struct stb_failure decoding_failure(bool ends_early)
{
    return (struct stb_failure){
        .ends_early = ends_early,
        .no_memory = decode.no_memory,
        .reason = decode.too_large ? "it unpacks to more than its header says" : stbi_failure_reason(),
    };
}

static const struct stb_failure too_long = {false, 0, "more than 2 GB"};

void *stb_decode(const unsigned char *bytes, size_t size, int channels, bool sixteen, size_t most_block,
                 struct stb_failure *failure)
{
    *failure = too_long;
    if (size > INT_MAX)
        return NULL;
    start_decoding(most_block);
    int width, height, in_file;
    void *samples;
    if (sixteen)
        samples = stbi_load_16_from_memory(bytes, (int)size, &width, &height, &in_file, channels);
    else
        samples = stbi_load_from_memory(bytes, (int)size, &width, &height, &in_file, channels);
    *failure = decoding_failure(false);
    return samples;
}

/* Takes the planes out of stb's decoder. */
static void take_planes(stbi__jpeg *decoder, struct stb_jpeg *jpeg)
{
    jpeg->components = decoder->s->img_n;
    for (int i = 0; i < jpeg->components; i++) {
        jpeg->planes[i] = (struct stb_plane){
            .samples = decoder->img_comp[i].data,
            .width = decoder->img_comp[i].x,
            .height = decoder->img_comp[i].y,
            .stride = decoder->img_comp[i].w2,
            .across = decoder->img_h_max / decoder->img_comp[i].h,
            .down = decoder->img_v_max / decoder->img_comp[i].v,
            .block = decoder->img_comp[i].raw_data,
        };
        decoder->img_comp[i].raw_data = NULL;
    }
}

/* The decoder reads at most 4 bytes ahead, so that it comes to the marker only if the picture needs more
 * data. */
const unsigned char stb_jpeg_end[STB_JPEG_END] = {0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xff, 0xd9};

/* The bits that the decoder has used of its file. */
static int64_t bits_read(const stbi__jpeg *decoder)
{
    return 8 * (decoder->s->img_buffer - decoder->s->img_buffer_original) - decoder->code_bits;
}

/* Called for each block: of a baseline file, just after it was read. */
static void transform_block(unsigned char *out, int stride, short coefficients[64])
{
    decode.bits = bits_read(decode.jpeg);
    decode.blocks++;
    jpeg_idct(out, stride, coefficients);
}

/* stb replaces missing data by zero bits. `bits`: how many the picture took. */
static bool read_beyond(const stbi__jpeg *decoder, size_t size, int64_t bits)
{
    return decoder->nomore || (!decoder->progressive && bits > 8 * (int64_t)(size - STB_JPEG_END));
}

/* Uses functions and fields that are internal to stb_image. They are the same in the versions that systems
 * package, 2.20 to 2.30: load_jpeg_image, stb's own loader, begins with these calls and continues with the
 * enlargement that jpeg_enlarge.h replaces. stbi__cleanup_jpeg frees what the decoder still has, which is
 * safe after any failure because the decoder starts zeroed. */
bool stb_decode_jpeg(const unsigned char *bytes, size_t size, int64_t blocks, size_t most_block,
                     struct stb_jpeg *jpeg, struct stb_failure *failure)
{
    *failure = too_long;
    *jpeg = (struct stb_jpeg){0};
    if (size > INT_MAX)
        return false;
    start_decoding(most_block);
    stbi__context context;
    stbi__start_mem(&context, bytes, (int)size);
    context.img_n = 0;
    stbi__jpeg *decoder = stbi__malloc(sizeof *decoder);
    bool ends_early = false;
    if (decoder) {
        decoder->s = &context;
        stbi__setup_jpeg(decoder);
        decoder->idct_block_kernel = transform_block;
        decode.jpeg = decoder;
        /* Its result is not used: it also fails on stray bytes after the last block. */
        stbi__decode_jpeg_image(decoder);
        bool decoded = decode.blocks == blocks && context.img_n <= 3;
        ends_early = read_beyond(decoder, size, decoded ? decode.bits : bits_read(decoder));
        if (decoded && !ends_early)
            take_planes(decoder, jpeg);
        stbi__cleanup_jpeg(decoder);
        STBI_FREE(decoder);
    }
    *failure = decoding_failure(ends_early);
    return jpeg->components != 0;
}

void stb_jpeg_free(struct stb_jpeg *jpeg)
{
    for (int i = 0; i < jpeg->components; i++)
        mem_free(jpeg->planes[i].block);
    *jpeg = (struct stb_jpeg){0};
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
