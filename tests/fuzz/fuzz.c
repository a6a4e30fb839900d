/* fuzz.c - see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void fuzz_require(bool kept, const char *promise, const char *file, int line)
{
    if (kept)
        return;
    fprintf(stderr, "%s:%d: not kept: %s\n", file, line, promise);
    abort();
}

bool fuzz_is_failure(limn_status status, const limn_error *error, limn_status kind, const char *name)
{
    if (status != error->status || (status != kind && status != LIMN_E_MEMORY))
        return false;
    for (const char *c = error->message; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            return false;
    return status == LIMN_E_MEMORY ? strstr(error->message, "out of memory") != NULL
                                   : strncmp(error->message, name, strlen(name)) == 0;
}

static int descriptor = -1; /* of the file in memory */

bool fuzz_age_file(const char *path)
{
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    return utimensat(AT_FDCWD, path, times, 0) == 0;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[32];
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/dev/fd/%d", descriptor);
    }
    fuzz_require(descriptor >= 0 && ftruncate(descriptor, 0) == 0 &&
                     pwrite(descriptor, data, size, 0) == (ssize_t)size && fuzz_age_file(path),
                 "a file in memory", __FILE__, __LINE__);
    return path;
}

bool fuzz_file_grow(uint64_t size)
{
    return size <= INT64_MAX && ftruncate(descriptor, (off_t)size) == 0;
}

static int ends[2] = {-1, -1}; /* of a pipe, which writers take as it is, without a temporary file */

const char *fuzz_sink(void)
{
    static char path[32];
    if (ends[0] < 0) {
        fuzz_require(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe", __FILE__, __LINE__);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    }
    return path;
}

const uint8_t *fuzz_written(size_t *size)
{
    static uint8_t bytes[FUZZ_WRITTEN + 1];
    ssize_t got;
    *size = 0;
    while ((got = read(ends[0], bytes + *size, FUZZ_WRITTEN - *size)) > 0)
        *size += (size_t)got;
    bytes[*size] = 0;
    return bytes;
}
