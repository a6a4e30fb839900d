/* labels.c - see labels.h. */
#include "engine/pipelines/labels.h"
#include "engine/base/memory.h"
#include "weights/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The order of the PASCAL VOC challenge. */
static const char *const voc_names[] = {
    "background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
    "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
    "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor",
};

enum { VOC_CLASSES = sizeof voc_names / sizeof *voc_names, DEFAULT_ROOM = 24 };

/* ---- names ------------------------------------------------------------------------------- */

static void name_by_default(const limn_model *model, struct labels *labels)
{
    bool is_binary = model->graph.nodes[model->graph.output].channels == 1;
    for (int i = 0; i < labels->count; i++) {
        char *name = labels->block + i * DEFAULT_ROOM;
        snprintf(name, DEFAULT_ROOM, "class %d", i);
        labels->names[i] = is_binary ? i ? "foreground" : "background" : name;
        if (labels->count == VOC_CLASSES)
            labels->names[i] = voc_names[i];
    }
}

static limn_status name_from(const char *text, const char *path, struct labels *labels, limn_error *error)
{
    struct json json = json_text(text, strlen(text));
    char *at = labels->block, *end = at + strlen(text) + 1;
    int count = 0;
    json_open(&json, '[');
    while (json_more(&json, ']')) {
        size_t length;
        if (!json_string(&json, at, (size_t)(end - at), &length))
            break;
        if (count < labels->count)
            labels->names[count] = at;
        at += length + 1;
        count++;
    }
    if (!json_end(&json))
        return fail(error, LIMN_E_WEIGHTS, "%s: metadata limn.classes: %s at byte %zu", path, json.problem,
                    json_position(&json));
    if (count != labels->count)
        return fail(error, LIMN_E_WEIGHTS, "%s: metadata limn.classes names %d classes, the network has %d",
                    path, count, labels->count);
    return LIMN_OK;
}

limn_status labels_read(const limn_model *model, int count, struct labels *labels, limn_error *error)
{
    const char *text = limn_model_metadata(model, "limn.classes");
    /* A decoded name is no longer than its text, which two quotes and a comma or bracket surround. */
    size_t bytes = text ? strlen(text) + 1 : (size_t)count * DEFAULT_ROOM;
    *labels = (struct labels){.count = count, .block = mem_alloc(bytes)};
    if (!labels->block)
        return fail_memory(error, "the names of the classes", bytes);
    if (!text) {
        name_by_default(model, labels);
        return LIMN_OK;
    }
    limn_status status = name_from(text, model->graph.path, labels, error);
    if (status != LIMN_OK)
        labels_free(labels);
    return status;
}

void labels_free(struct labels *labels)
{
    mem_free(labels->block);
    *labels = (struct labels){0};
}

/* ---- mask values ------------------------------------------------------------------------- */

static void read_level(struct json *json, unsigned char *level)
{
    double number;
    if (!json_number(json, &number))
        return;
    if (number < 0 || number > 255 || number != floor(number))
        json_fail(json, "a whole number from 0 to 255 expected");
    else
        *level = (unsigned char)number;
}

/* A number, or a list of 1, 3 or 4; returns how many. */
static int read_colour(struct json *json, unsigned char colour[4])
{
    int count = 0;
    if (json_peek(json) != '[') {
        read_level(json, colour);
        return 1;
    }
    json_open(json, '[');
    while (json_more(json, ']')) {
        if (count == 4)
            json_fail(json, "more than four levels");
        else
            read_level(json, &colour[count++]);
    }
    if (!json->problem && count != 1 && count != 3 && count != 4)
        json_fail(json, "a level, or three or four of them, expected");
    return count;
}

static limn_status read_values(const char *text, const char *path, int wanted, struct mask_values *values,
                               limn_error *error)
{
    struct json json = json_text(text, strlen(text));
    int count = 0, levels = 0;
    json_open(&json, '[');
    while (json_more(&json, ']')) {
        unsigned char spare[4] = {0}, *colour = count < CLASSES_MOST ? values->colours[count] : spare;
        int read = read_colour(&json, colour);
        if (count && read != levels)
            json_fail(&json, "expected as many levels as in the first value");
        if (read == 1)
            memset(colour + 1, colour[0], 2);
        levels = read;
        count++;
    }
    if (!json_end(&json))
        return fail(error, LIMN_E_WEIGHTS, "%s: metadata limn.mask_values: %s at byte %zu", path,
                    json.problem, json_position(&json));
    if (count < wanted)
        return fail(error, LIMN_E_WEIGHTS,
                    "%s: metadata limn.mask_values has %d values, the network has %d classes", path, count,
                    wanted);
    values->channels = levels == 4 ? 4 : 3;
    if (count == 2 && levels == 1 && values->colours[0][0] == 0 && values->colours[1][0] == 1)
        memset(values->colours[1], 255, 3);
    return LIMN_OK;
}

limn_status mask_values_read(const limn_model *model, int count, struct mask_values *values,
                             limn_error *error)
{
    const char *text = limn_model_metadata(model, "limn.mask_values");
    *values = (struct mask_values){.channels = 3};
    if (!text && model->kind == &unet && count == 2)
        text = "[0, 1]";
    if (text)
        return read_values(text, model->graph.path, count, values, error);
    for (int i = 0; i < count; i++)
        memset(values->colours[i], i, 3);
    return LIMN_OK;
}
