/* npy.h - NumPy's .npy files (numpy.lib.format, versions 1 to 3) with float32 tensors of four axes. */
#ifndef LIMN_NPY_H
#define LIMN_NPY_H

#include "engine/base/status.h"

struct npy {
    int64_t shape[4];
    float *data; /* dense, C order; freed by npy_free */
};

/* The largest file that is read, in bytes. */
extern const size_t npy_file_most;

/* Reads '<f4' (or '<f8', rounded to float32), C order, with one to four axes; missing leading axes are 1.
 * "-" is standard input. LIMN_E_INPUT, LIMN_E_MEMORY. */
limn_status npy_read(const char *path, struct npy *array, limn_error *error);

/* Whether a file starts as these files do. */
bool npy_starts(const unsigned char *bytes, size_t size);

/* npy_read of a file in memory, a block of memory.h: it becomes the array's, or is freed on failure. */
limn_status npy_take(unsigned char *bytes, size_t size, const char *name, struct npy *array,
                     limn_error *error);

/* npy_read from memory; `name` is for messages. */
limn_status npy_decode(const unsigned char *bytes, size_t size, const char *name, struct npy *array,
                       limn_error *error);

/* Writes an array of four axes, '<f4'. `force`: see output_open. LIMN_E_OUTPUT. */
limn_status npy_write(const char *path, const int64_t shape[4], const float *data, bool force,
                      limn_error *error);

void npy_free(struct npy *array);

#endif
