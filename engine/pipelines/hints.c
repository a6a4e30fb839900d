/* hints.c - see hints.h. */
#include "engine/pipelines/hints.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/text_cursor.h"
#include "engine/pictures/colour.h"
#include "weights/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RADIUS_DEFAULT = 2, FILE_MOST = 16 << 20 };
static const int64_t number_most = 1 << 24; /* of x, y and radius: more than any picture's side */
static const double ab_most = 128;

static limn_status append(struct hints *hints, size_t *room, struct hint hint, limn_error *error)
{
    if (hints->count == *room) {
        size_t more = *room ? 2 * *room : 16;
        struct hint *items = mem_resize(hints->items, more * sizeof *items);
        if (!items)
            return fail_memory(error, hints->name, more * sizeof *items);
        hints->items = items;
        *room = more;
    }
    hints->items[hints->count++] = hint;
    return LIMN_OK;
}

void hint_colour(struct hint *hint, const unsigned char rgb[3])
{
    float lab[3];
    lab_from_rgb(rgb, 3, 1, lab);
    hint->a = lab[1];
    hint->b = lab[2];
}

/* The seven characters of "#rrggbb" => a and b. */
static bool parse_colour(const char *text, struct hint *hint)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char rgb[3] = {0};
    if (text[0] != '#')
        return false;
    for (int i = 0; i < 6; i++) {
        char c = text[i + 1];
        const char *digit = memchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c, 16);
        if (!digit)
            return false;
        rgb[i / 2] = (unsigned char)(16 * rgb[i / 2] + (digit - digits));
    }
    hint_colour(hint, rgb);
    return true;
}

/* ---- text -------------------------------------------------------------------------------- */

static const char blanks[] = " \t";

/* Whether a word of the line ends here. */
static bool at_gap(const struct text_cursor *at)
{
    return text_line_ends(at) || *at->at == ' ' || *at->at == '\t';
}

static limn_status take_number(struct text_cursor *at, const char *what, int64_t *number, limn_error *error)
{
    text_skip_blanks(at);
    struct text_cursor word = *at;
    if (text_take_whole(at, number) && *number <= number_most && at_gap(at))
        return LIMN_OK;
    return text_fail_word(&word, blanks, what, error);
}

static limn_status take_colour(struct text_cursor *at, struct hint *hint, limn_error *error)
{
    enum { LENGTH = 7 };
    text_skip_blanks(at);
    struct text_cursor word = *at;
    if (at->end - at->at >= LENGTH && parse_colour(at->at, hint)) {
        at->at += LENGTH;
        if (at_gap(at))
            return LIMN_OK;
    }
    return text_fail_word(&word, blanks, "a colour as #rrggbb", error);
}

/* The rest of a line that holds a hint. */
static limn_status take_hint(struct text_cursor *at, struct hint *hint, limn_error *error)
{
    *hint = (struct hint){.radius = RADIUS_DEFAULT, .line = at->line};
    limn_status status = take_number(at, "x, a whole number,", &hint->x, error);
    if (status == LIMN_OK)
        status = take_number(at, "y, a whole number,", &hint->y, error);
    if (status == LIMN_OK)
        status = take_colour(at, hint, error);
    text_skip_blanks(at);
    if (status == LIMN_OK && !text_line_ends(at))
        status = take_number(at, "a radius, a whole number,", &hint->radius, error);
    text_skip_blanks(at);
    if (status == LIMN_OK && !text_line_ends(at))
        status = text_fail_word(at, blanks, "the end of the line", error);
    return status;
}

static limn_status parse_text(struct hints *hints, struct text_cursor *at, limn_error *error)
{
    limn_status status = LIMN_OK;
    size_t room = 0;
    while (status == LIMN_OK && at->at < at->end) {
        text_skip_blanks(at);
        if (text_take(at, "#")) {
            while (!text_line_ends(at))
                at->at++;
        } else if (!text_line_ends(at)) {
            struct hint hint;
            status = take_hint(at, &hint, error);
            if (status == LIMN_OK)
                status = append(hints, &room, hint, error);
        }
        text_next_line(at);
    }
    return status;
}

/* ---- JSON -------------------------------------------------------------------------------- */

/* Counts lines up to `at`, where the last count ended. */
struct line_count {
    const unsigned char *at;
    int64_t line;
};

static int64_t line_at(struct line_count *count, const struct json *j)
{
    for (; count->at < j->at; count->at++)
        count->line += *count->at == '\n';
    return count->line;
}

static void json_coordinate(struct json *j, int64_t *number)
{
    uint64_t value;
    if (json_unsigned(j, &value)) {
        *number = (int64_t)value;
        if (value > (uint64_t)number_most)
            json_fail(j, "a number far too large");
    }
}

static void json_ab(struct json *j, float *number)
{
    double value;
    if (json_number(j, &value)) {
        *number = (float)value;
        if (fabs(value) > ab_most)
            json_fail(j, "a and b must be between -128 and 128");
    }
}

/* The members of one hint. An unknown name is refused, since its value may be anything. */
static struct hint json_hint(struct json *j, struct line_count *lines)
{
    enum { X, Y, A, B, COLOUR, RADIUS, NAMES };
    static const char *const names[NAMES] = {"x", "y", "a", "b", "color", "radius"};
    struct hint hint = {.radius = RADIUS_DEFAULT};
    bool given[NAMES] = {0};
    char text[16];
    size_t length;
    json_open(j, '{');
    hint.line = line_at(lines, j);
    while (json_more(j, '}') && json_key(j, text, sizeof text, NULL)) {
        int name = 0;
        while (name < NAMES && strcmp(text, names[name]) != 0)
            name++;
        if (name == NAMES || given[name]) {
            json_fail(j, name == NAMES ? "a hint has x, y, color or a and b, and radius" : "a name twice");
            break;
        }
        given[name] = true;
        if (name == COLOUR) {
            if (json_string(j, text, sizeof text, &length) && (length != 7 || !parse_colour(text, &hint)))
                json_fail(j, "a color is #rrggbb");
        } else if (name == A || name == B) {
            json_ab(j, name == A ? &hint.a : &hint.b);
        } else {
            json_coordinate(j, name == X ? &hint.x : name == Y ? &hint.y : &hint.radius);
        }
    }
    bool is_coloured = given[COLOUR] ? !given[A] && !given[B] : given[A] && given[B];
    if (!given[X] || !given[Y] || !is_coloured)
        json_fail(j, "a hint needs x, y, and either color or both a and b");
    return hint;
}

static limn_status parse_json(struct hints *hints, const struct text_cursor *text, limn_error *error)
{
    struct json j = json_text(text->at, (size_t)(text->end - text->at));
    struct line_count lines = {j.start, 1};
    size_t room = 0;
    json_open(&j, '[');
    while (json_more(&j, ']')) {
        struct hint hint = json_hint(&j, &lines);
        limn_status status = j.problem ? LIMN_OK : append(hints, &room, hint, error);
        if (status != LIMN_OK)
            return status;
    }
    if (json_end(&j))
        return LIMN_OK;
    return fail(error, LIMN_E_INPUT, "%s: line %" PRId64 ": %s", hints->name, line_at(&lines, &j), j.problem);
}

/* ---- reading ----------------------------------------------------------------------------- */

limn_status hints_parse(const unsigned char *text, size_t size, const char *name, struct hints *hints,
                        limn_error *error)
{
    *hints = (struct hints){.name = mem_strdup(name)};
    if (!hints->name)
        return fail_memory(error, name, strlen(name));
    struct text_cursor at = text_cursor_at(text, size, name), first = at;
    while (text_skip_blanks(&first), first.at < first.end && text_line_ends(&first))
        text_next_line(&first);
    bool is_json = first.at < first.end && (*first.at == '[' || *first.at == '{');
    limn_status status = is_json ? parse_json(hints, &at, error) : parse_text(hints, &at, error);
    if (status != LIMN_OK)
        hints_free(hints);
    return status;
}

limn_status hints_read(const char *path, struct hints *hints, limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    *hints = (struct hints){0};
    limn_status status = file_read_all(path, FILE_MOST, LIMN_E_INPUT, &bytes, &size, error);
    if (status != LIMN_OK)
        return status;
    status = hints_parse(bytes, size, input_name(path), hints, error);
    mem_free(bytes);
    return status;
}

void hints_free(struct hints *hints)
{
    mem_free(hints->items);
    mem_free(hints->name);
    *hints = (struct hints){0};
}

limn_status hints_check(const struct hints *hints, int64_t width, int64_t height, limn_error *error)
{
    for (size_t i = 0; i < hints->count; i++) {
        const struct hint *hint = &hints->items[i];
        char problem[128];
        if (hint->radius < 0 || hint->radius > number_most)
            snprintf(problem, sizeof problem, "radius %" PRId64 ": expected 0 to %" PRId64 " pixels",
                     hint->radius, number_most);
        else if (hint->x < 0 || hint->y < 0 || hint->x >= width || hint->y >= height)
            snprintf(problem, sizeof problem,
                     "%" PRId64 ", %" PRId64 " is outside the picture of %" PRId64 " x %" PRId64 " pixels",
                     hint->x, hint->y, width, height);
        else
            continue;
        return hints->name
                   ? fail(error, LIMN_E_INPUT, "%s: line %" PRId64 ": %s", hints->name, hint->line, problem)
                   : fail(error, LIMN_E_INPUT, "hint %zu: %s", i, problem);
    }
    return LIMN_OK;
}

/* ---- drawing ----------------------------------------------------------------------------- */

/* Along one axis, `size` pixels of the picture become `side` of the network, and the centre of the network's
 * pixel j is at (j + 1/2) size / side. The number of centres below `place` is ceil(place side / size - 1/2).
 */
static int64_t centres_below(int64_t place, int64_t size, int64_t side)
{
    return (2 * place * side + size - 1) / (2 * size);
}

/* The hint covers at - radius up to at + radius + 1, and its own place is at + 1/2. */
static void cover(int64_t at, int64_t radius, int64_t size, int64_t side, int64_t *first, int64_t *end)
{
    int64_t from = at > radius ? at - radius : 0, to = at + radius + 1 < size ? at + radius + 1 : size;
    int64_t own = (2 * at + 1) * side / (2 * size);
    *first = centres_below(from, size, side);
    *end = centres_below(to, size, side);
    *first = own < *first ? own : *first;
    *end = own >= *end ? own + 1 : *end;
}

void hints_draw(const struct hints *hints, int64_t width, int64_t height, struct tensor *input)
{
    for (int64_t p = 0; p < input->h * input->w; p++)
        memset(input->data + p * input->stride + 1, 0, 3 * sizeof(float));
    for (size_t i = 0; i < hints->count; i++) {
        const struct hint *hint = &hints->items[i];
        int64_t top, bottom, left, right;
        cover(hint->y, hint->radius, height, input->h, &top, &bottom);
        cover(hint->x, hint->radius, width, input->w, &left, &right);
        for (int64_t y = top; y < bottom; y++)
            for (int64_t x = left; x < right; x++) {
                float *pixel = input->data + (y * input->w + x) * input->stride;
                pixel[1] = hint->a;
                pixel[2] = hint->b;
                pixel[3] = 1;
            }
    }
}
