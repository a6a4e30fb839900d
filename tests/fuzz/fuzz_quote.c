/* fuzz_quote.c - text from outside in what the program prints: each kind of document stays valid. */
#include "engine/base/quote.h"
#include "tests/fuzz/fuzz.h"
#include "weights/json.h"
#include "weights/utf8.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MOST = 4096, QUOTED_MOST = TEXT_MOST * QUOTED_ROOM };

/* Quotes the whole text. */
static size_t quote(enum document document, const char *text, char *to)
{
    char *start = to, out[QUOTED_ROOM];
    while (*text) {
        const char *before = text;
        const char *quoted = quote_next(document, &text, out);
        REQUIRE(text > before && text <= before + UTF8_MOST && quoted == out && *out);
        to = stpcpy(to, quoted);
    }
    return (size_t)(to - start);
}

/* Valid UTF-8, without control characters but, in CSV, line breaks. */
static void check_characters(const char *quoted, size_t size, bool breaks)
{
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += utf8_decode((const unsigned char *)quoted + at, size - at, &code);
        REQUIRE(code != UTF8_ILL_FORMED && code != 0xFFFE && code != 0xFFFF);
        REQUIRE(at <= size && (code >= ' ' || (breaks && (code == '\r' || code == '\n'))));
        REQUIRE((code < 0x7F || code > 0x9F) && code != 0x202E);
    }
}

/* The reader of JSON gives the text back, with replacement characters where it was not UTF-8. */
static void check_json(const char *text, const char *quoted, size_t size)
{
    static char document[QUOTED_MOST + 3], expected[3 * TEXT_MOST + 1], read[3 * TEXT_MOST + 1];
    size_t used = 0, length, all = strlen(text);
    for (size_t at = 0; at < all;) {
        uint32_t code;
        at += utf8_decode((const unsigned char *)text + at, all - at, &code);
        used += utf8_encode(code == UTF8_ILL_FORMED ? UTF8_REPLACEMENT : code, expected + used);
    }
    sprintf(document, "\"%s\"", quoted);
    struct json json = json_text(document, size + 2);
    REQUIRE(json_string(&json, read, sizeof read, &length) && json_end(&json));
    REQUIRE(length == used && memcmp(read, expected, used) == 0);
}

/* In CSV, two quotes stand for one. */
static void check_csv(const char *quoted)
{
    for (; *quoted; quoted++)
        if (*quoted == '"') {
            REQUIRE(quoted[1] == '"');
            quoted++;
        }
}

/* Neither tags nor quotes, and each ampersand begins an entity. */
static void check_xml(const char *quoted)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    REQUIRE(!strpbrk(quoted, "<>\""));
    while ((quoted = strchr(quoted, '&'))) {
        bool known = false;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            known = known || strncmp(quoted, entities[i], strlen(entities[i])) == 0;
        REQUIRE(known);
        quoted++;
    }
}

/* What ends a cell or begins code, emphasis, a link or HTML comes after a backslash, or as an entity. */
static void check_markdown(const char *quoted)
{
    for (; *quoted; quoted++) {
        REQUIRE(!strchr("|`*[<", *quoted));
        if (*quoted == '\\')
            REQUIRE(*++quoted);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum document documents[] = {DOCUMENT_PLAIN, DOCUMENT_JSON, DOCUMENT_CSV, DOCUMENT_XML,
                                              DOCUMENT_MARKDOWN};
    static char text[TEXT_MOST + 1], quoted[QUOTED_MOST + 1];
    size_t used = size < TEXT_MOST ? size : TEXT_MOST;
    memcpy(text, data, used);
    text[used] = 0;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        quoted[0] = 0;
        size_t length = quote(documents[i], text, quoted);
        check_characters(quoted, length, documents[i] == DOCUMENT_CSV);
        if (documents[i] == DOCUMENT_JSON)
            check_json(text, quoted, length);
        else if (documents[i] == DOCUMENT_CSV)
            check_csv(quoted);
        else if (documents[i] == DOCUMENT_XML)
            check_xml(quoted);
        else if (documents[i] == DOCUMENT_MARKDOWN)
            check_markdown(quoted);
    }
    return 0;
}
