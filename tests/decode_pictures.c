/* decode_pictures.c - decodes many picture files in one process, for the tests in Python that compare limn's
 * readers with Pillow's.
 *
 *     decode_pictures LIST              upright: the EXIF orientation applied
 *     decode_pictures --stored LIST     as stored
 *
 * LIST has the path of a file on each line. Standard output gets for each, in this order, one line and then,
 * after "ok", height x width x channels bytes (RGB or RGBA):
 *
 *     ok WIDTH HEIGHT CHANNELS MICROSECONDS     CPU time of probing and decoding
 *     refused STATUS MESSAGE
 *
 * tests/python/decode_support.py calls it. The exit status is 0 unless LIST or a file cannot be opened. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/pictures/picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Fails only if the file cannot be opened, with a message, or standard output cannot be written. */
static limn_status decode_one(const char *path, bool orient)
{
    unsigned char *bytes;
    size_t size;
    struct picture picture;
    limn_error error;
    limn_status status = file_read_all(path, PICTURE_MOST_BYTES, LIMN_E_INPUT, &bytes, &size, &error);
    if (status) {
        fprintf(stderr, "%s\n", error.message);
        return status;
    }
    int64_t start = microseconds();
    status = picture_decode(bytes, size, path, orient, &picture, &error);
    int64_t took = microseconds() - start;
    mem_free(bytes);
    if (status) {
        printf("refused %d %s\n", (int)status, error.message);
        return LIMN_OK;
    }
    printf("ok %" PRId64 " %" PRId64 " %d %" PRId64 "\n", picture.width, picture.height, picture.channels,
           took);
    size_t count = (size_t)(picture.width * picture.height);
    bool written = fwrite(picture.pixels, (size_t)picture.channels, count, stdout) == count;
    picture_free(&picture);
    return written ? LIMN_OK : LIMN_E_OUTPUT;
}

int main(int argc, char **argv)
{
    char path[4096];
    bool orient = argc != 3 || strcmp(argv[1], "--stored") != 0;
    FILE *list = argc == (orient ? 2 : 3) ? fopen(argv[argc - 1], "r") : NULL;
    limn_status status = list ? LIMN_OK : LIMN_E_USAGE;
    if (!list)
        fprintf(stderr, "usage: decode_pictures [--stored] LIST\n");
    while (!status && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        status = decode_one(path, orient);
    }
    if (list)
        fclose(list);
    return status || fflush(stdout) != 0;
}
