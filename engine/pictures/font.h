/* font.h - the small bitmap font of legends and sheets: printable ASCII, 10 rows high, drawn for limn.
 *
 * Letters are as wide as they look, digits all alike. What is not printable ASCII shows as a box. */
#ifndef LIMN_FONT_H
#define LIMN_FONT_H

#include <stdint.h>

enum {
    FONT_HEIGHT = 10,  /* rows of a line */
    FONT_TOP = 1,      /* the row where capitals and digits start */
    FONT_BASELINE = 8, /* the row below them: they are 7 rows high */
};

struct glyph {
    const char *rows[FONT_HEIGHT]; /* '#' is ink; `columns` characters count, there is no zero behind them */
    int columns;
    int advance; /* columns from this letter to the next */
};

/* `code` is ASCII; any other number gives the box. */
struct glyph font_glyph(uint32_t code);

/* The code of the first character of *text, and *text moved behind it; 0 at the end, which it does not pass.
 * A character of UTF-8 beyond ASCII counts as one, and shows as the box. */
uint32_t font_next(const char **text);

#endif
