/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[32];
    static int descriptor = -1;
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/dev/fd/%d", descriptor);
    }
    fuzz_require(descriptor >= 0 && ftruncate(descriptor, 0) == 0 &&
                     pwrite(descriptor, data, size, 0) == (ssize_t)size,
                 "a file in memory", __FILE__, __LINE__);
    return path;
}
