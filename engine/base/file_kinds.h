/* file_kinds.h - recognises what a file is by its beginning, for readers that are given another file than
 * they expect. tools/checkpoint holds the same table for the converter. */
#ifndef LIMN_FILE_KINDS_H
#define LIMN_FILE_KINDS_H

#include "engine/base/status.h"

enum file_group {
    FILE_PICTURE,       /* a picture that limn reads */
    FILE_OTHER_PICTURE, /* a picture in another format */
    FILE_WEIGHTS,       /* safetensors */
    FILE_CHECKPOINT,    /* weights that the converter may read */
    FILE_OTHER,
};

struct file_kind {
    const char *name; /* a picture's format, "PNG"; for the others with an article, "a PDF document" */
    enum file_group group;
    const char *advice; /* what to do, or NULL */
};

/* Bytes of the beginning that recognition looks at. */
enum { FILE_KIND_BYTES = 512 };

/* The kind of a file that begins with these bytes, in static storage; NULL if it is not recognised. */
const struct file_kind *file_kind_find(const unsigned char *start, size_t size);

/* Fails: "PATH: is a web page (HTML), not EXPECTED; download the file itself". `status` LIMN_E_WEIGHTS with a
 * checkpoint has LIMN_REASON_CHECKPOINT. */
limn_status fail_foreign(const char *path, const struct file_kind *kind, limn_status status,
                         const char *expected, limn_error *error);

#endif
