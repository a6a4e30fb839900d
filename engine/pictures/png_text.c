/* png_text.c - see png_text.h. */
#include "engine/pictures/png_text.h"
#include "engine/pictures/inflate.h"

#include <stdio.h>
#include <string.h>

/* Moves past a string that ends with a 0. False if it does not. */
static bool skip_string(struct png_text *text)
{
    const unsigned char *end = memchr(text->bytes, 0, text->size);
    size_t length = end ? (size_t)(end + 1 - text->bytes) : 0;
    text->bytes += length;
    text->size -= length;
    return end != NULL;
}

/* tEXt: keyword, 0, text. zTXt: keyword, 0, method, stream. iTXt: keyword, 0, compressed?, method, language,
 * 0, translated keyword, 0, text or stream. */
bool png_text_read(const unsigned char *chunk, size_t size, struct png_text *text)
{
    char kind = (char)chunk[0];
    size_t head = kind == 'z' ? 1 : kind == 'i' ? 2 : 0;
    *text = (struct png_text){.keyword = (const char *)chunk + 4, .bytes = chunk + 4, .size = size - 4};
    if (!skip_string(text) || text->size < head)
        return false;
    text->latin = kind != 'i';
    text->packed = kind == 'z' || (kind == 'i' && text->bytes[0]);
    text->bytes += head;
    text->size -= head;
    bool whole = true;
    for (int i = 0; whole && kind == 'i' && i < 2; i++)
        whole = skip_string(text);
    return whole;
}

size_t png_text_unpack(const struct png_text *text, unsigned char *out, size_t room)
{
    if (!text->packed) {
        size_t size = text->size < room ? text->size : room;
        memcpy(out, text->bytes, size);
        return size;
    }
    return strnlen((const char *)out, inflate(text->bytes, text->size, out, room));
}

static const char digits[] = "0123456789abcdef";

/* The value of a hexadecimal digit, -1 of another character. */
static int digit_of(unsigned char c)
{
    const char *found = memchr(digits, c | (c >= 'A' && c <= 'F' ? 0x20 : 0), 16);
    return found ? (int)(found - digits) : -1;
}

size_t png_text_raw_profile(const struct png_text *text, unsigned char *out, size_t room)
{
    size_t size = png_text_unpack(text, out, room), want = 0, used = 0, at = 0;
    for (int lines = 0; at < size && lines < 2; at++) /* an empty line and the name */
        lines += out[at] == '\n';
    for (; at < size && out[at] != '\n' && want < room; at++)
        if (out[at] >= '0' && out[at] <= '9')
            want = 10 * want + (size_t)(out[at] - '0');
    int high = -1;
    for (; at < size && used < want; at++) {
        int digit = digit_of(out[at]);
        if (digit >= 0 && high >= 0)
            out[used++] = (unsigned char)(high << 4 | digit);
        if (digit >= 0)
            high = high < 0 ? digit : -1;
    }
    return used == want ? used : 0;
}

size_t png_text_from_profile(const char *name, const unsigned char *bytes, size_t size, unsigned char *out)
{
    enum { LINE = 36, HEAD = 32 };
    size_t used = (size_t)snprintf((char *)out, HEAD, "\n%s\n%8zu", name, size);
    for (size_t i = 0; i < size; i++) {
        if (i % LINE == 0)
            out[used++] = '\n';
        out[used++] = (unsigned char)digits[bytes[i] >> 4];
        out[used++] = (unsigned char)digits[bytes[i] & 15];
    }
    out[used++] = '\n';
    return used;
}
