/* json.c - see json.h. */
#include "weights/json.h"
#include "weights/number.h"
#include "weights/utf8.h"

#include <math.h>
#include <string.h>

enum { DEPTH_MOST = 64 };

struct json json_text(const void *text, size_t size)
{
    const unsigned char *start = text;
    return (struct json){.start = start, .at = start, .end = start + size};
}

bool json_fail(struct json *j, const char *problem)
{
    if (!j->problem)
        j->problem = problem;
    return false;
}

size_t json_position(const struct json *j)
{
    return (size_t)(j->at - j->start);
}

char json_peek(struct json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
        j->at++;
    return (char)(j->at < j->end && !j->problem ? *j->at : 0);
}

const char *json_kind(struct json *j)
{
    switch (json_peek(j)) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case '"':
        return "a string";
    case 't':
    case 'f':
        return "true or false";
    case 'n':
        return "null";
    default:
        return "a number";
    }
}

static bool take(struct json *j, char expected, const char *problem)
{
    if (json_peek(j) != expected)
        return json_fail(j, problem);
    j->at++;
    return true;
}

bool json_open(struct json *j, char bracket)
{
    bool is_object = bracket == '{';
    if (!take(j, bracket, is_object ? "an object { was expected" : "an array [ was expected"))
        return false;
    j->opened = true;
    return true;
}

bool json_more(struct json *j, char bracket)
{
    bool first = j->opened;
    j->opened = false;
    if (json_peek(j) == bracket) {
        j->at++;
        return false;
    }
    return !j->problem && (first || take(j, ',', "a comma or a closing bracket was expected"));
}

static bool hex4(struct json *j, uint32_t *code)
{
    *code = 0;
    if (j->end - j->at < 4)
        return json_fail(j, "the text ends inside an escape");
    for (int i = 0; i < 4; i++) {
        unsigned char c = *j->at++;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return json_fail(j, "\\u needs four hexadecimal digits");
        *code = *code * 16 + digit;
    }
    return true;
}

/* After a backslash: one character, or a surrogate pair written as two \u escapes. */
static bool escape(struct json *j, uint32_t *code)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (j->at == j->end)
        return json_fail(j, "the text ends inside a string");
    unsigned char c = *j->at++;
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        *code = (uint32_t)to[simple - from];
        return true;
    }
    if (c != 'u')
        return json_fail(j, "an unknown escape");
    if (!hex4(j, code))
        return false;
    if (*code >= 0xD800 && *code < 0xDC00) {
        uint32_t low;
        if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u')
            return json_fail(j, "half a surrogate pair");
        j->at += 2;
        if (!hex4(j, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return json_fail(j, "half a surrogate pair");
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    } else if (*code >= 0xDC00 && *code <= 0xDFFF) {
        return json_fail(j, "half a surrogate pair");
    }
    return true;
}

static bool utf8(struct json *j, uint32_t *code)
{
    size_t length = utf8_decode(j->at, (size_t)(j->end - j->at), code);
    if (*code == UTF8_ILL_FORMED)
        return json_fail(j, "invalid UTF-8");
    j->at += length;
    return true;
}

bool json_string(struct json *j, char *out, size_t room, size_t *length)
{
    size_t used = 0;
    if (!take(j, '"', "a string was expected"))
        return false;
    for (;;) {
        uint32_t code = 0;
        if (j->at == j->end)
            return json_fail(j, "the text ends inside a string");
        if (*j->at == '"')
            break;
        if (*j->at < 0x20)
            return json_fail(j, "a control character inside a string");
        bool escaped = *j->at == '\\';
        j->at += escaped;
        if (!(escaped ? escape(j, &code) : utf8(j, &code)))
            return false;
        if (code == 0)
            return json_fail(j, "a zero character inside a string");
        char bytes[UTF8_MOST];
        size_t count = utf8_encode(code, bytes);
        if (out && used + count >= room)
            return json_fail(j, "the string is too long");
        if (out)
            memcpy(out + used, bytes, count);
        used += count;
    }
    j->at++;
    if (out)
        out[used] = 0;
    if (length)
        *length = used;
    return true;
}

bool json_key(struct json *j, char *out, size_t room, size_t *length)
{
    return json_string(j, out, room, length) && take(j, ':', "a colon was expected");
}

bool json_unsigned(struct json *j, uint64_t *value)
{
    char c = json_peek(j);
    if (c < '0' || c > '9')
        return json_fail(j, "a whole number was expected");
    bool leading_zero = c == '0' && j->end - j->at > 1 && j->at[1] >= '0' && j->at[1] <= '9';
    if (leading_zero)
        return json_fail(j, "a number with a leading zero");
    for (*value = 0; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*j->at - '0'), value))
            return json_fail(j, "a number beyond 64 bits");
    if (j->at < j->end && (*j->at == '.' || *j->at == 'e' || *j->at == 'E'))
        return json_fail(j, "a whole number was expected");
    return true;
}

static size_t digits(struct json *j)
{
    const unsigned char *from = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return (size_t)(j->at - from);
}

static bool skip_number(struct json *j)
{
    j->at += *j->at == '-';
    const unsigned char *from = j->at;
    size_t whole = digits(j);
    if (whole == 0 || (whole > 1 && *from == '0'))
        return json_fail(j, "a malformed number");
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (digits(j) == 0)
            return json_fail(j, "a malformed number");
    }
    if (j->at < j->end && (*j->at == 'e' || *j->at == 'E')) {
        j->at++;
        if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
            j->at++;
        if (digits(j) == 0)
            return json_fail(j, "a malformed number");
    }
    return true;
}

/* number_parse needs a zero after the number; the text may have none. */
bool json_number(struct json *j, double *value)
{
    char c = json_peek(j), text[64];
    const unsigned char *from = j->at;
    if (c != '-' && (c < '0' || c > '9'))
        return json_fail(j, "a number was expected");
    if (!skip_number(j))
        return false;
    size_t length = (size_t)(j->at - from);
    if (length >= sizeof text)
        return json_fail(j, "a number of more than 63 characters");
    memcpy(text, from, length);
    text[length] = 0;
    *value = number_parse(text, NULL);
    return isfinite(*value) || json_fail(j, "a number beyond a double's range");
}

static bool skip_word(struct json *j, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(j->end - j->at) < length || memcmp(j->at, word, length) != 0)
        return json_fail(j, "an unknown word");
    j->at += length;
    return true;
}

static bool skip_nested(struct json *j, int depth)
{
    char c = json_peek(j);
    if (depth == DEPTH_MOST)
        return json_fail(j, "nested too deep");
    switch (c) {
    case '{':
    case '[': {
        char close = c == '{' ? '}' : ']';
        json_open(j, c);
        while (json_more(j, close))
            if ((c == '{' && !json_key(j, NULL, 0, NULL)) || !skip_nested(j, depth + 1))
                return false;
        return !j->problem;
    }
    case '"':
        return json_string(j, NULL, 0, NULL);
    case 't':
        return skip_word(j, "true");
    case 'f':
        return skip_word(j, "false");
    case 'n':
        return skip_word(j, "null");
    case 0:
        return json_fail(j, "the text ends where a value was expected");
    default:
        return skip_number(j);
    }
}

bool json_skip(struct json *j)
{
    return skip_nested(j, 0);
}

bool json_end(struct json *j)
{
    if (!j->problem && json_peek(j) != 0)
        json_fail(j, "text after the end");
    if (!j->problem && j->at != j->end)
        json_fail(j, "a zero byte");
    return !j->problem;
}
