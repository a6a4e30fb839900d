/* xmp.c - see xmp.h. The packet is searched for the names of properties and otherwise copied as it is, so
 * that nothing else in it changes. */
#include "engine/pictures/xmp.h"
#include "engine/pictures/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Longer values, and tags, are not what limn looks for; the limit keeps the search linear. */
enum { MOST_VALUE = 256, NUMBER = 24 };

struct text {
    const char *at, *end;
};

/* A property to replace, or to remove if `value` is "". */
struct edit {
    const char *name;
    char value[NUMBER];
    bool unclosed; /* an element without an end tag was found: there is none in the rest */
};

struct copy {
    unsigned char *out;
    size_t size, room;
    bool full;
};

static void copy_bytes(struct copy *copy, const char *from, const char *to)
{
    size_t bytes = (size_t)(to - from);
    if (bytes > copy->room - copy->size)
        copy->full = true;
    if (copy->full)
        return;
    memcpy(copy->out + copy->size, from, bytes);
    copy->size += bytes;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_spaces(struct text text)
{
    while (text.at < text.end && is_space(*text.at))
        text.at++;
    return text.at;
}

/* The first such byte within MOST_VALUE bytes, or NULL. */
static const char *find_near(struct text text, char byte)
{
    size_t left = (size_t)(text.end - text.at);
    return memchr(text.at, byte, left < MOST_VALUE ? left : MOST_VALUE);
}

static bool starts_with(struct text text, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(text.end - text.at) >= length && memcmp(text.at, word, length) == 0;
}

/* ---- properties -------------------------------------------------------------------------- */

/* The value of an attribute whose name ends at text.at: = "value". False if it is not one. */
static bool find_attribute(struct text text, struct text *value)
{
    text.at = skip_spaces(text);
    if (text.at == text.end || *text.at != '=')
        return false;
    text.at++;
    text.at = skip_spaces(text);
    if (text.at == text.end || (*text.at != '"' && *text.at != '\''))
        return false;
    char quote = *text.at++;
    *value = (struct text){text.at, find_near(text, quote)};
    return value->end != NULL;
}

/* Finds the end tag of an element whose start tag goes on at text.at: `content` becomes what is between. The
 * content of a property to replace is near; false also if it has elements of its own. */
static bool find_content(struct text text, struct edit *edit, struct text *content)
{
    char end_tag[64];
    int length = snprintf(end_tag, sizeof end_tag, "</%s", edit->name);
    const char *tag_end = find_near(text, '>');
    if (!tag_end || tag_end[-1] == '/' || edit->unclosed)
        return false;
    *content = (struct text){tag_end + 1, text.end};
    if (edit->value[0]) {
        content->end = find_near(*content, '<');
        return content->end && starts_with((struct text){content->end, text.end}, end_tag);
    }
    content->end = find_bytes(content->at, (size_t)(text.end - content->at), end_tag, (size_t)length);
    edit->unclosed = !content->end;
    return content->end != NULL;
}

/* Copies a property with its value changed. text.at is at the space before its name. Returns where to go on;
 * NULL if it is not one. */
static const char *copy_attribute(struct text text, const struct edit *edit, struct copy *copy)
{
    struct text value, after = {text.at + 1 + strlen(edit->name), text.end};
    if (!find_attribute(after, &value))
        return NULL;
    if (!edit->value[0])
        return value.end + 1;
    copy_bytes(copy, text.at, value.at);
    copy_bytes(copy, edit->value, edit->value + strlen(edit->value));
    return value.end;
}

/* The same; text.at is at the '<' before the name. */
static const char *copy_element(struct text text, struct edit *edit, struct copy *copy)
{
    struct text content, after = {text.at + 1 + strlen(edit->name), text.end};
    if (!find_content(after, edit, &content))
        return NULL;
    if (edit->value[0]) {
        copy_bytes(copy, text.at, content.at);
        copy_bytes(copy, edit->value, edit->value + strlen(edit->value));
        return content.end;
    }
    const char *tag_end = find_near((struct text){content.end, text.end}, '>');
    edit->unclosed = !tag_end;
    return tag_end ? tag_end + 1 : NULL;
}

/* Copies a property that starts at text.at, with the '<' or the space before its name. NULL if none of
 * `edits` does. */
static const char *copy_property(struct text text, struct edit *edits, int count, struct copy *copy)
{
    struct text name = {text.at + 1, text.end};
    for (int i = 0; i < count; i++) {
        const char *after = name.at + strlen(edits[i].name);
        if (!starts_with(name, edits[i].name) || after == text.end ||
            (!is_space(*after) && !strchr("=>/", *after)))
            continue;
        return *text.at == '<' ? copy_element(text, &edits[i], copy) : copy_attribute(text, &edits[i], copy);
    }
    return NULL;
}

size_t xmp_correct(const unsigned char *xmp, size_t size, const struct picture_changes *changes,
                   unsigned char *out, size_t room)
{
    struct edit edits[] = {
        {.name = "tiff:ImageWidth"},        {.name = "tiff:ImageLength"},
        {.name = "exif:PixelXDimension"},   {.name = "exif:PixelYDimension"},
        {.name = "xmp:Thumbnails"},         {.name = "xap:Thumbnails"},
        {.name = "xmpNote:HasExtendedXMP"}, {.name = "tiff:Orientation", .value = "1"},
    };
    int count = (int)(sizeof edits / sizeof *edits) - (changes->upright ? 0 : 1);
    for (int i = 0; i < 4; i++)
        snprintf(edits[i].value, NUMBER, "%" PRId64, i % 2 ? changes->height : changes->width);
    struct copy copy = {.room = room};
    copy.out = out;
    struct text text = {(const char *)xmp, (const char *)xmp + size};
    const char *copied = text.at; /* what comes before it is in the copy */
    while (text.at < text.end) {
        const char *next = NULL;
        if (*text.at == '<' || is_space(*text.at)) {
            copy_bytes(&copy, copied, text.at);
            copied = text.at;
            next = copy_property(text, edits, count, &copy);
        }
        if (next)
            copied = next;
        text.at = next ? next : text.at + 1;
    }
    copy_bytes(&copy, copied, text.end);
    return copy.full ? 0 : copy.size;
}
