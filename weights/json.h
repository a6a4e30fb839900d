/* json.h - a small pull parser for JSON (RFC 8259) held in memory. Allocates nothing.
 *
 * The caller asks for what it expects, in order:
 *
 *     struct json j = json_text(bytes, size);
 *     json_open(&j, '{');
 *     while (json_more(&j, '}')) {
 *         json_key(&j, name, sizeof name, NULL);
 *         json_skip(&j);
 *     }
 *     if (!json_end(&j)) report(j.problem, json_position(&j));
 *
 * Errors are sticky: after the first one every call fails and json_more ends its loop, so a caller may
 * check once at the end. */
#ifndef WEIGHTS_JSON_H
#define WEIGHTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    const unsigned char *start, *at, *end;
    const char *problem; /* what is wrong at `at`, or NULL */
    bool opened;         /* right after a '{' or '[': no comma is expected */
};

struct json json_text(const void *text, size_t size);

/* The first character of the next value: '{' '[' '"' '-' 0-9 't' 'f' 'n', or 0 at the end. */
char json_peek(struct json *j);

/* The same in words, for messages. */
const char *json_kind(struct json *j);

bool json_open(struct json *j, char bracket);

/* Inside an object or array: true when another element follows; false when `bracket` closed it, or on an
 * error. */
bool json_more(struct json *j, char bracket);

/* A string, escapes decoded to UTF-8 and ended by a zero byte, into `room` bytes; `length`, if not NULL,
 * is set without the zero. Errors: no string, invalid UTF-8, a zero character, longer than room - 1. `out`
 * may be NULL to skip it; a decoded string is never longer than its text. */
bool json_string(struct json *j, char *out, size_t room, size_t *length);

/* A string and the colon after it. */
bool json_key(struct json *j, char *out, size_t room, size_t *length);

/* A number without sign, fraction or exponent that fits. */
bool json_unsigned(struct json *j, uint64_t *value);

/* Any number; one beyond a double's range is an error. */
bool json_number(struct json *j, double *value);

/* Any value, nested at most 64 deep. */
bool json_skip(struct json *j);

/* Whether only white space is left and there was no error. */
bool json_end(struct json *j);

/* Sets the sticky error; returns false. For errors that the caller finds. */
bool json_fail(struct json *j, const char *problem);

/* Bytes from the start, for messages. */
size_t json_position(const struct json *j);

#endif
