/* fuzz_pnm_stream.c - untrusted pictures on standard input, one after the other: picture_stream. */
#include "engine/base/memory.h"
#include "engine/pictures/picture_header.h"
#include "engine/pictures/picture_stream.h"
#include "tests/fuzz/pictures.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Reads all; returns the number of pictures. *status is that of the last call. */
static int read_stream(limn_status *status, limn_error *error)
{
    struct picture_stream *stream;
    struct picture picture;
    bool more = false;
    int pictures = 0;
    *status = picture_stream_open(&stream, error);
    while (*status == LIMN_OK && (*status = picture_stream_more(stream, &more, error)) == LIMN_OK && more) {
        *status = picture_stream_next(stream, true, &picture, error);
        REQUIRE((*status == LIMN_OK) == (picture.pixels != NULL));
        pictures += *status == LIMN_OK;
        REQUIRE(pictures <= 1 || picture_stream_is_pnm(stream));
        picture_free(&picture);
    }
    picture_stream_close(stream);
    return pictures;
}

/* The frames as pnm_frame finds them when all bytes are there; also from the first bytes of each frame. */
static int count_frames(const uint8_t *data, size_t size)
{
    int frames = 0;
    for (size_t at = 0, end, part; pnm_starts(data + at, size - at);) {
        struct picture_bytes file = {data + at, size - at, "frames"},
                             prefix = {data + at, 3 + (size - at) / 2, "prefix"};
        struct picture picture = {0};
        bool complete = pnm_frame(&file, true, &end, NULL) == LIMN_OK && end <= file.size;
        if (prefix.size < file.size && pnm_frame(&prefix, false, &part, NULL) == LIMN_OK)
            REQUIRE(!part || part == end);
        if (!complete || picture_decode(file.bytes, end, "frame", true, &picture, NULL) != LIMN_OK)
            return frames;
        picture_free(&picture);
        frames++;
        at += end;
        at += pnm_skip_space(data + at, size - at);
    }
    return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    limn_status status;
    limn_error error;
    if (!fuzz_is_small(data, size))
        return 0;
    int file = open(fuzz_file(data, size), O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO && close(file) == 0);
    int pictures = read_stream(&status, &error);
    fuzz_check_failure(status, &error, "standard input");
    REQUIRE(mem_in_use() == held);
    if (pnm_starts(data, size))
        REQUIRE(pictures == count_frames(data, size));
    return 0;
}
