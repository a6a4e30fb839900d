/* labels.h - the names of a segmentation network's classes, and their values in a mask.
 *
 * Both come from the metadata of the weights file, as JSON:
 *
 *     limn.classes      ["background", "aeroplane", ...]     a name for each class
 *     limn.mask_values  [0, 255] or [[0, 0, 0], [128, 0, 0], ...]     a grey level, RGB or RGBA for each
 */
#ifndef LIMN_LABELS_H
#define LIMN_LABELS_H

#include "engine/pipelines/classes.h"
#include "engine/run/model.h"

struct labels {
    int count;
    const char *names[CLASSES_MOST]; /* UTF-8 */
    char *block;                     /* memory of the names */
};

/* The names of the model's `count` classes. Without limn.classes: those of PASCAL VOC when there are 21,
 * background and foreground for a network whose one output makes two, else "class 0", "class 1" ... Release
 * with labels_free. LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status labels_read(const limn_model *model, int count, struct labels *labels, limn_error *error);

void labels_free(struct labels *labels);

/* The value of each class in a mask. */
struct mask_values {
    int channels; /* 3 or 4 */
    unsigned char colours[CLASSES_MOST][4];
};

/* The mask values of the model's `count` classes. [0, 1] means black and white, as upstream writes it, and is
 * the default of a unet of two classes. For other networks, class i is the grey level i by default.
 * There may be more values than classes. LIMN_E_WEIGHTS. */
limn_status mask_values_read(const limn_model *model, int count, struct mask_values *values,
                             limn_error *error);

#endif
