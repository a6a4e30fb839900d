/* picture_stream.c - see picture_stream.h. */
#include "engine/pictures/picture_stream.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CHUNK = 1 << 12,       /* read at a time while the length of a frame is not known */
    FIRST_ROOM = 1 << 16,  /* that doubles as the bytes of a frame arrive */
    HEADER_MOST = 1 << 20, /* bytes of a PNM header, which may contain comments */
};

struct picture_stream {
    unsigned char *block;    /* of `room` bytes */
    size_t start, end, room; /* the bytes that were read and not yet used: block[start] to block[end - 1] */
    bool ended;              /* standard input has no more */
    bool pnm;                /* the first picture is a PNM */
    int64_t frames;          /* begun so far */
    char name[64];           /* of the current frame */
};

void picture_stream_close(struct picture_stream *stream)
{
    if (stream)
        mem_free(stream->block);
    mem_free(stream);
}

limn_status picture_stream_open(struct picture_stream **stream, limn_error *error)
{
    struct picture_stream *opened = *stream = mem_zalloc(1, sizeof *opened);
    if (opened)
        opened->block = mem_alloc(CHUNK);
    if (!opened || !opened->block) {
        picture_stream_close(opened);
        *stream = NULL;
        return fail_memory(error, "standard input", sizeof *opened + CHUNK);
    }
    opened->room = CHUNK;
    return LIMN_OK;
}

bool picture_stream_is_pnm(const struct picture_stream *stream)
{
    return stream->pnm;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static limn_status set_room(struct picture_stream *stream, size_t room, limn_error *error)
{
    unsigned char *block = mem_resize(stream->block, room);
    if (!block)
        return fail_memory(error, stream->name, room);
    stream->block = block;
    stream->room = room;
    return LIMN_OK;
}

/* Reads once, until there are `wanted` bytes at most. */
static limn_status read_some(struct picture_stream *stream, size_t wanted, limn_error *error)
{
    size_t got, room = stream->start + wanted;
    limn_status status = room > stream->room ? set_room(stream, room, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = stdin_read(stream->block + stream->end, room - stream->end, stream->name, &got, error);
    if (status != LIMN_OK)
        return status;
    stream->end += got;
    stream->ended = !got;
    return LIMN_OK;
}

/* Reads until there are `wanted` bytes, or to the end of standard input. The block grows with what has
 * arrived, not with what a header announces. */
static limn_status read_until(struct picture_stream *stream, size_t wanted, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (;;) {
        size_t have = stream->end - stream->start, step = have < FIRST_ROOM ? FIRST_ROOM : 2 * have;
        if (status != LIMN_OK || stream->ended || have >= wanted)
            return status;
        status = read_some(stream, step < wanted ? step : wanted, error);
    }
}

/* Reads to the end of standard input. */
static limn_status read_rest(struct picture_stream *stream, limn_error *error)
{
    limn_status status = read_until(stream, PICTURE_MOST_BYTES + 1, error);
    return status == LIMN_OK && !stream->ended
               ? fail(error, LIMN_E_INPUT, "%s: larger than %zu bytes, the most accepted here", stream->name,
                      PICTURE_MOST_BYTES)
               : status;
}

/* Forgets the first `count` bytes. The memory of a large frame is released. */
static void drop(struct picture_stream *stream, size_t count)
{
    stream->start += count;
    size_t left = stream->end - stream->start;
    if (left > CHUNK)
        return;
    memmove(stream->block, stream->block + stream->start, left);
    stream->start = 0;
    stream->end = left;
    if (stream->room > CHUNK)
        (void)set_room(stream, CHUNK, NULL); /* on failure the larger block stays */
}

/* ---- pictures ---------------------------------------------------------------------------- */

static struct picture_bytes bytes_read(const struct picture_stream *stream)
{
    return (struct picture_bytes){stream->block + stream->start, stream->end - stream->start, stream->name};
}

static bool is_pnm(const struct picture_stream *stream)
{
    return pnm_starts(stream->block + stream->start, stream->end - stream->start);
}

/* Whitespace between two frames; the first byte of the next one ends it. */
static limn_status skip_space(struct picture_stream *stream, limn_error *error)
{
    limn_status status = LIMN_OK;
    while (status == LIMN_OK) {
        drop(stream, pnm_skip_space(stream->block + stream->start, stream->end - stream->start));
        if (stream->ended || stream->end > stream->start)
            break;
        status = read_some(stream, CHUNK, error);
    }
    return status;
}

limn_status picture_stream_more(struct picture_stream *stream, bool *more, limn_error *error)
{
    enum { MAGIC = 3 };
    if (stream->frames++)
        snprintf(stream->name, sizeof stream->name, "standard input, frame %" PRId64, stream->frames);
    else
        snprintf(stream->name, sizeof stream->name, "standard input");
    bool first = stream->frames == 1;
    limn_status status = first ? LIMN_OK : skip_space(stream, error);
    if (status == LIMN_OK)
        status = read_until(stream, MAGIC, error);
    if (first)
        stream->pnm = is_pnm(stream);
    *more = status == LIMN_OK && (first || stream->end > stream->start);
    return status;
}

/* Reads a frame of PNM; *size bytes of what is then there belong to it. */
static limn_status read_frame(struct picture_stream *stream, size_t *size, limn_error *error)
{
    limn_status status = LIMN_OK;
    *size = 0;
    while (status == LIMN_OK && !*size) {
        struct picture_bytes file = bytes_read(stream);
        status = pnm_frame(&file, stream->ended, size, error);
        if (status != LIMN_OK || *size)
            break;
        if (file.bytes[1] <= '3')
            status = read_rest(stream, error);
        else if (file.size > HEADER_MOST)
            status =
                fail(error, LIMN_E_INPUT, "%s: PNM header of more than %d bytes", stream->name, HEADER_MOST);
        else
            status = read_some(stream, file.size + CHUNK, error);
    }
    return status == LIMN_OK ? read_until(stream, *size, error) : status;
}

/* How often the end of a picture is directly followed by the start of another. */
static int count_joints(const struct picture_bytes *file, const char *joint, size_t length)
{
    int count = 0;
    const unsigned char *at = file->bytes, *end = file->bytes + file->size;
    while ((at = find_bytes(at, (size_t)(end - at), joint, length))) {
        at += length;
        count++;
    }
    return count;
}

/* Refuses a stream of PNG or JPEG pictures. Cameras append a JPEG or two to a JPEG: previews, depth maps. */
static limn_status check_only_one(const struct picture_stream *stream, limn_error *error)
{
    static const char png[] = "IEND\xae\x42\x60\x82\x89PNG\r\n\x1a\n", jpeg[] = "\xff\xd9\xff\xd8\xff";
    enum { PREVIEWS_MOST = 2 };
    struct picture_bytes file = bytes_read(stream);
    bool is_jpeg = file.size > 2 && memcmp(file.bytes, "\xff\xd8\xff", 3) == 0;
    bool several = is_jpeg ? count_joints(&file, jpeg, sizeof jpeg - 1) > PREVIEWS_MOST
                           : count_joints(&file, png, sizeof png - 1) > 0;
    return several
               ? fail(error, LIMN_E_INPUT, "%s: holds more than one %s picture; several pictures must be PNM",
                      stream->name, is_jpeg ? "JPEG" : "PNG")
               : LIMN_OK;
}

limn_status picture_stream_next(struct picture_stream *stream, bool orient, struct picture *picture,
                                limn_error *error)
{
    size_t size = SIZE_MAX; /* of a frame; other formats take all bytes */
    limn_status status;
    *picture = (struct picture){0};
    if (is_pnm(stream))
        status = read_frame(stream, &size, error);
    else if (stream->frames > 1)
        status = fail(error, LIMN_E_INPUT, "%s: a PNM picture expected after the one before", stream->name);
    else if ((status = read_rest(stream, error)) == LIMN_OK)
        status = check_only_one(stream, error);
    if (status != LIMN_OK)
        return status;
    struct picture_bytes file = bytes_read(stream);
    size = size < file.size ? size : file.size;
    status = picture_decode(file.bytes, size, file.name, orient, picture, error);
    drop(stream, size);
    return status;
}
