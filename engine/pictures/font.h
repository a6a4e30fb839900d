/* font.h - the bitmap font of legends and sheets: printable ASCII, 10 rows high, drawn for limn.
 *
 * The font is proportional; digits have one width. Other characters are shown as a box. */
#ifndef LIMN_FONT_H
#define LIMN_FONT_H

#include <stdint.h>

enum {
    FONT_HEIGHT = 10,  /* rows of a line */
    FONT_TOP = 1,      /* the row where capitals and digits start */
    FONT_BASELINE = 8, /* the row below them */
};

struct glyph {
    const char *rows[FONT_HEIGHT]; /* `columns` characters each, not zero-terminated; '#' is ink */
    int columns;
    int advance; /* columns to the next letter */
};

/* `code` is ASCII; any other number gives the box. */
struct glyph font_glyph(uint32_t code);

/* Returns the code of the first character of *text and advances *text past it; 0 at the end. A multi-byte
 * character of UTF-8 is one character, shown as the box. */
uint32_t font_next(const char **text);

#endif
