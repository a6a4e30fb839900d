/* weights_file.h - an open safetensors file: its header in memory, its tensors read on demand. */
#ifndef LIMN_WEIGHTS_FILE_H
#define LIMN_WEIGHTS_FILE_H

#include "engine/base/files.h"
#include "weights/safetensors.h"

struct weights_file {
    struct file *file;
    struct safetensors *header;
};

/* Opens and checks the file by every rule of the format. A file of another format is an error that says which
 * command converts it. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status weights_open(const char *path, struct weights_file *weights, limn_error *error);
void weights_close(struct weights_file *weights);

/* Reads a whole tensor of a usable dtype as floats; `out` holds entry->elements. *finite becomes false when
 * one of them is NaN or infinite, and is left alone otherwise; so below. */
limn_status weights_read(const struct weights_file *weights, const struct tensor_entry *entry, float *out,
                         bool *finite, limn_error *error);

/* Runs of neighbouring elements: `runs` times `count` of them, the first from element `first` on, each `step`
 * elements behind the one before. */
struct tensor_part {
    uint64_t first, count, runs, step;
};

/* Reads a part of a tensor, its runs one after the other: `out` holds runs * count floats. The part must lie
 * within the tensor. Thread-safe. */
limn_status weights_read_part(const struct weights_file *weights, const struct tensor_entry *entry,
                              struct tensor_part part, float *out, bool *finite, limn_error *error);

/* Goes through a tensor of a usable dtype: LIMN_E_WEIGHTS, and a message that says how many and the first of
 * them, when values of it are NaN or infinite, or are variances of a batchnorm and negative. */
limn_status weights_check(const struct weights_file *weights, const struct tensor_entry *entry,
                          limn_error *error);

/* "64x3x3x3" into `text`; "scalar" for rank 0. Returns text. */
const char *shape_text(const struct tensor_entry *entry, char text[96]);

#endif
