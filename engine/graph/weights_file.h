/* weights_file.h - an open safetensors file: its header in memory, its tensors read on demand. */
#ifndef LIMN_WEIGHTS_FILE_H
#define LIMN_WEIGHTS_FILE_H

#include "engine/base/files.h"
#include "weights/safetensors.h"

struct weights_file {
    struct file *file;
    struct safetensors *header;
};

/* Opens the file and checks every rule of the format. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status weights_open(const char *path, struct weights_file *weights, limn_error *error);

/* weights_open of an open file, which weights_close closes, and this function if it fails. */
limn_status weights_open_file(struct file *file, struct weights_file *weights, limn_error *error);
void weights_close(struct weights_file *weights);

/* LIMN_E_WEIGHTS unless the dtype is usable; F64, which conversion makes usable, has LIMN_REASON_CHECKPOINT.
 */
limn_status weights_check_dtype(const struct weights_file *weights, const struct tensor_entry *entry,
                                limn_error *error);

/* Reads a whole tensor of a usable dtype as floats; `out` has entry->elements elements. Sets *finite to false
 * if one of them is NaN or infinite; never to true. */
limn_status weights_read(const struct weights_file *weights, const struct tensor_entry *entry, float *out,
                         bool *finite, limn_error *error);

/* `runs` runs of `count` neighbouring elements: the first begins at element `first`, each of the others
 * `step` elements after the one before. */
struct tensor_part {
    uint64_t first, count, runs, step;
};

/* weights_read of a part of a tensor, its runs one after the other: `out` has runs * count elements. The part
 * must lie within the tensor. Thread-safe. */
limn_status weights_read_part(const struct weights_file *weights, const struct tensor_entry *entry,
                              struct tensor_part part, float *out, bool *finite, limn_error *error);

/* Checks all values of a tensor. LIMN_E_WEIGHTS, with their number and the position of the first, if values
 * are NaN or infinite, or are negative variances of a batchnorm. */
limn_status weights_check(const struct weights_file *weights, const struct tensor_entry *entry,
                          limn_error *error);

/* "64x3x3x3" into `text`; "scalar" for rank 0. Returns text. */
const char *shape_text(const struct tensor_entry *entry, char text[96]);

#endif
