/* segment_view.h - a segmentation painted as a picture. */
#ifndef LIMN_SEGMENT_VIEW_H
#define LIMN_SEGMENT_VIEW_H

#include "engine/pictures/picture.h"
#include "engine/pipelines/labels.h"

enum segment_view {
    VIEW_MASK,    /* the mask value of each class: by default its number as a grey level */
    VIEW_COLOUR,  /* the VOC palette */
    VIEW_OVERLAY, /* the picture mixed half and half with the palette's colour; class 0 unchanged */
    VIEW_SIDE,    /* picture, colours, and a legend of the classes found */
    VIEW_CUTOUT,  /* the picture, class 0 transparent */
    VIEWS,
};

/* The names of the views, in the order above: "mask", "color", ... */
extern const char *const segment_view_names[VIEWS];

/* Counts the pixels of each class in a plane of classes. */
void classes_count(const struct picture *classes, int64_t counts[CLASSES_MOST]);

/* Paints a view. `classes` is a plane of the source's size with classes below labels->count; `values` is
 * used by VIEW_MASK only and may be NULL otherwise. Mask and colours have alpha only if the mask values do;
 * overlay and cutout keep the source's; the side view lays it over white.
 *
 * The side view is twice the source's width plus a legend, which lists the largest class first. It is as high
 * as the higher of source and legend, white below the pictures.
 * Release with picture_free. Errors: LIMN_E_MEMORY. */
limn_status segment_paint(enum segment_view view, const struct picture *source, const struct picture *classes,
                          const struct labels *labels, const struct mask_values *values,
                          struct picture *painted, limn_error *error);

/* The most that segment_paint, and then a writer of `target` for what it makes, hold at a time for a source
 * of this size: some more for the side view, whose legend depends on the classes found. */
size_t segment_paint_bytes(enum segment_view view, const struct picture *source, const struct labels *labels,
                           const struct mask_values *values, const struct picture_target *target);

#endif
