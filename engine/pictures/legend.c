/* legend.c - see legend.h. */
#include "engine/pictures/legend.h"
#include "engine/pictures/font.h"
#include "weights/number.h"

#include <stdio.h>
#include <string.h>

/* Lengths at scale 1:  margin [swatch] gap name, wide gap, share margin */
enum { MARGIN = 6, SWATCH = 9, GAP = 5, WIDE_GAP = 12, LINE_PITCH = 14 };

static const struct rgb paper = {255, 255, 255}, ink = {32, 32, 32}, edge = {112, 112, 112};

enum { SHARE_ROOM = 16, NAME_ROOM = 128 };

static void share_text(double share, char text[SHARE_ROOM])
{
    if (share > 0 && share < 0.0005)
        snprintf(text, SHARE_ROOM, "<0.1%%");
    else if (share < 1 && share >= 0.9995)
        snprintf(text, SHARE_ROOM, ">99.9%%");
    else
        number_print(text, SHARE_ROOM, "%.1f%%", 100 * share);
}

/* Copies as much of a name as fits `room` pixels; two dots replace the rest. */
static void fit_name(const char *name, int scale, int64_t room, char fitted[NAME_ROOM])
{
    static const char dots[] = "..";
    if (strlen(name) < NAME_ROOM && draw_text_width(name, scale) <= room) {
        snprintf(fitted, NAME_ROOM, "%s", name);
        return;
    }
    size_t kept = 0;
    for (const char *next = name; font_next(&next);) {
        size_t length = (size_t)(next - name);
        if (length + sizeof dots > NAME_ROOM)
            break;
        memcpy(fitted, name, length);
        snprintf(fitted + length, NAME_ROOM - length, "%s", dots);
        if (draw_text_width(fitted, scale) > room)
            break;
        kept = length;
    }
    snprintf(fitted + kept, NAME_ROOM - kept, "%s", kept ? dots : "");
}

static void draw_entry(const struct legend_entry *entry, int64_t y, int scale, struct picture *legend)
{
    char share[SHARE_ROOM], name[NAME_ROOM];
    int64_t text_y = y + (SWATCH - (FONT_BASELINE - FONT_TOP)) / 2 * scale - FONT_TOP * scale;
    struct box swatch = {MARGIN * scale, y, SWATCH * scale, SWATCH * scale};
    draw_fill(legend, swatch, entry->colour);
    draw_frame(legend, swatch, scale, edge);

    share_text(entry->share, share);
    int64_t share_x = legend->width - MARGIN * scale - draw_text_width(share, scale);
    int64_t name_x = swatch.x + swatch.width + GAP * scale;
    fit_name(entry->name, scale, share_x - WIDE_GAP * scale - name_x, name);
    draw_text(legend, name_x, text_y, name, scale, ink);
    draw_text(legend, share_x, text_y, share, scale, ink);
}

/* The height of `count` lines. */
static int64_t lines_height(size_t count, int scale)
{
    return (2 * MARGIN + (count ? (int64_t)(count - 1) * LINE_PITCH + SWATCH : 0)) * scale;
}

void legend_size(const struct legend_entry *entries, size_t count, int scale, int64_t *height, int64_t *width)
{
    char share[SHARE_ROOM];
    *height = lines_height(count, scale);
    *width = 2 * MARGIN * scale;
    for (size_t i = 0; i < count; i++) {
        share_text(entries[i].share, share);
        int64_t wanted = (2 * MARGIN + SWATCH + GAP + WIDE_GAP) * scale +
                         draw_text_width(entries[i].name, scale) + draw_text_width(share, scale);
        *width = wanted > *width ? wanted : *width;
    }
}

limn_status legend_draw(const struct legend_entry *entries, size_t count, int scale, int64_t height,
                        int64_t width, struct picture *legend, limn_error *error)
{
    limn_status status = picture_create(width, height, 3, legend, error);
    if (status != LIMN_OK)
        return status;
    draw_fill(legend, (struct box){0, 0, width, height}, paper);
    size_t lines = 0;
    while (lines < count && lines_height(lines + 1, scale) <= height)
        lines++;
    size_t shown = lines == count || !lines ? lines : lines - 1;
    int64_t y = MARGIN * scale;
    for (size_t i = 0; i < shown; i++, y += LINE_PITCH * scale)
        draw_entry(&entries[i], y, scale, legend);
    if (shown < lines) {
        char text[40];
        snprintf(text, sizeof text, "and %zu more", count - shown);
        draw_text(legend, (MARGIN + SWATCH + GAP) * scale, y, text, scale, ink);
    }
    return LIMN_OK;
}
