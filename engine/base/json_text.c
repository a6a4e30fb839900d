/* json_text.c - see json_text.h. */
#include "engine/base/json_text.h"
#include "engine/base/memory.h"
#include "engine/base/quote.h"
#include "weights/number.h"

#include <string.h>

static void append(struct json_text *json, const char *piece, size_t length)
{
    enum { LEAST = 4096 };
    size_t needed = json->length + length + 1;
    if (json->failed)
        return;
    if (needed > json->room) {
        size_t room = needed + needed / 2 + LEAST;
        char *text = mem_resize(json->text, room);
        if (!text) {
            json->failed = true;
            return;
        }
        json->text = text;
        json->room = room;
    }
    memcpy(json->text + json->length, piece, length);
    json->length += length;
    json->text[json->length] = 0;
}

void json_add(struct json_text *json, const char *format, ...)
{
    char piece[JSON_PIECE];
    va_list arguments;
    va_start(arguments, format);
    number_vprint(piece, sizeof piece, format, arguments);
    va_end(arguments);
    append(json, piece, strlen(piece));
}

void json_add_string(struct json_text *json, const char *before, const char *text)
{
    char quoted[QUOTED_ROOM];
    append(json, before, strlen(before));
    append(json, "\"", 1);
    while (*text) {
        const char *character = quote_next(DOCUMENT_JSON, &text, quoted);
        append(json, character, strlen(character));
    }
    append(json, "\"", 1);
}

limn_status json_take(struct json_text *json, char **text, limn_error *error)
{
    *text = json->failed ? NULL : json->text;
    limn_status status = json->failed ? fail_memory(error, "a JSON text", json->length) : LIMN_OK;
    if (json->failed)
        mem_free(json->text);
    *json = (struct json_text){0};
    return status;
}
