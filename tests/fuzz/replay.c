/* replay.c - runs a fuzz target once on each file given, or in each folder given; for builds without
 * libFuzzer. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <limits.h>
#include <stdio.h>

enum { MOST_BYTES = 1 << 24 };

static bool replay_file(const char *path)
{
    unsigned char *bytes;
    size_t size;
    limn_error error;
    if (file_read_all(path, MOST_BYTES, LIMN_E_INPUT, &bytes, &size, &error) != LIMN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    LLVMFuzzerTestOneInput(bytes, size);
    mem_free(bytes);
    return true;
}

/* How many files were run; -1 when one could not be read. */
static int replay(const char *path)
{
    char **names;
    size_t count;
    limn_error error;
    if (!path_is_folder(path))
        return replay_file(path) ? 1 : -1;
    if (folder_list(path, &names, &count, &error) != LIMN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    int run = 0;
    for (size_t i = 0; i < count && run >= 0; i++) {
        char file[PATH_MAX];
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        run = replay_file(file) ? run + 1 : -1;
    }
    names_free(names, count);
    return run;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int run = replay(argv[i]);
        if (run < 0)
            return 1;
        total += run;
    }
    printf("%d inputs\n", total);
    return total == 0;
}
