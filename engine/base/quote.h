/* quote.h - text from outside as part of a document.
 *
 * File names, tensor names and metadata can hold any bytes: other encodings than UTF-8, control characters,
 * quotes. In what limn prints or returns, one rule holds for all of them, so that each document is valid:
 *
 *   1. Bytes that are not UTF-8 become U+FFFD, the replacement character, as weights/utf8.h describes.
 *   2. Characters that are not shown as themselves become U+FFFD too; JSON keeps them, as \uXXXX. They are
 *      the control characters (U+0000 to U+001F, U+007F to U+009F), line and paragraph separators (U+2028,
 *      U+2029), marks that change the direction of the text (such as U+202E) and noncharacters (U+FFFE).
 *      In CSV, carriage return and line feed stay as they are, inside quotes.
 *   3. Characters with a meaning in the document are escaped. */
#ifndef LIMN_QUOTE_H
#define LIMN_QUOTE_H

enum document {
    DOCUMENT_PLAIN,    /* text for people; nothing is escaped */
    DOCUMENT_JSON,     /* inside a string (RFC 8259) */
    DOCUMENT_CSV,      /* inside a quoted field (RFC 4180) */
    DOCUMENT_XML,      /* character data, or an attribute in double quotes (XML 1.0) */
    DOCUMENT_MARKDOWN, /* inside a table cell (GitHub's Markdown) */
};

enum { QUOTED_ROOM = 16 }; /* the longest is a pair of \uXXXX */

/* Writes the first character of *text, which must not be "", to `out` as the document has it, and moves *text
 * past it. Returns `out`. */
const char *quote_next(enum document document, const char **text, char out[QUOTED_ROOM]);

#endif
