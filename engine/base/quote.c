/* quote.c - see quote.h. */
#include "engine/base/quote.h"
#include "weights/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Whether a character is not shown as itself; the list is in quote.h. */
static bool is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},   {0x200E, 0x200F},
        {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFDD0, 0xFDEF},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return (code & 0xFFFE) == 0xFFFE; /* the last two of each plane */
}

/* How a character with a meaning in the document is written; NULL: as it is. */
static const char *escape_of(enum document document, uint32_t code)
{
    static const struct {
        enum document document;
        char character;
        const char *escape;
    } escapes[] = {
        {DOCUMENT_JSON, '"', "\\\""},      {DOCUMENT_JSON, '\\', "\\\\"},
        {DOCUMENT_CSV, '"', "\"\""},       {DOCUMENT_XML, '&', "&amp;"},
        {DOCUMENT_XML, '<', "&lt;"},       {DOCUMENT_XML, '>', "&gt;"},
        {DOCUMENT_XML, '"', "&quot;"},     {DOCUMENT_MARKDOWN, '|', "\\|"},
        {DOCUMENT_MARKDOWN, '\\', "\\\\"}, {DOCUMENT_MARKDOWN, '<', "&lt;"},
        {DOCUMENT_MARKDOWN, '&', "&amp;"}, {DOCUMENT_MARKDOWN, '`', "\\`"},
        {DOCUMENT_MARKDOWN, '*', "\\*"},   {DOCUMENT_MARKDOWN, '[', "\\["},
    };
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (escapes[i].document == document && (uint32_t)escapes[i].character == code)
            return escapes[i].escape;
    return NULL;
}

/* As one \uXXXX, or two for the halves of a surrogate pair. */
static void put_json_code(uint32_t code, char out[QUOTED_ROOM])
{
    if (code < 0x10000)
        snprintf(out, QUOTED_ROOM, "\\u%04x", (unsigned)code);
    else
        snprintf(out, QUOTED_ROOM, "\\u%04x\\u%04x", 0xD800 + (unsigned)((code - 0x10000) >> 10),
                 0xDC00 + (unsigned)(code & 0x3FF));
}

const char *quote_next(enum document document, const char **text, char out[QUOTED_ROOM])
{
    uint32_t code;
    *text += utf8_decode((const unsigned char *)*text, strnlen(*text, UTF8_MOST), &code);
    if (code == UTF8_ILL_FORMED)
        code = UTF8_REPLACEMENT;
    bool line_break = code == '\r' || code == '\n';
    bool kept = !is_hidden(code) || (line_break && document == DOCUMENT_CSV);
    if (!kept && document == DOCUMENT_JSON) {
        put_json_code(code, out);
        return out;
    }
    if (!kept)
        code = UTF8_REPLACEMENT;
    const char *escape = escape_of(document, code);
    if (escape)
        snprintf(out, QUOTED_ROOM, "%s", escape);
    else
        out[utf8_encode(code, out)] = 0;
    return out;
}
