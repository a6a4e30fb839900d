/* json_text.h - builds a JSON text in memory.
 *
 *     struct json_text json = {0};
 *     json_add(&json, "{\"size\": %d, ", 3);
 *     json_add_string(&json, "\"name\": ", name);
 *     json_add(&json, "}\n");
 *     status = json_take(&json, &text, error);
 *
 * Failures are sticky: after one, every call does nothing, and json_take reports it. */
#ifndef LIMN_JSON_TEXT_H
#define LIMN_JSON_TEXT_H

#include "engine/base/status.h"

/* All zero is an empty text. */
struct json_text {
    char *text;
    size_t length, room;
    bool failed; /* out of memory */
};

/* Appends what number_print (weights/number.h) makes of the arguments, at most JSON_PIECE - 1 bytes. */
enum { JSON_PIECE = 512 };
void json_add(struct json_text *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends `before`, which is JSON, and `text` as a string, quotes included. quote.h says what becomes of
 * bytes that are not UTF-8. */
void json_add_string(struct json_text *json, const char *before, const char *text);

/* Sets *text to the finished text, to be freed with mem_free. Clears `json`. LIMN_E_MEMORY; *text is then
 * NULL. */
limn_status json_take(struct json_text *json, char **text, limn_error *error);

#endif
