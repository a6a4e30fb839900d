/* bench_table.c - prints facts and rows in four formats: see bench.h.
 *
 *     text       a line per fact, a table in columns
 *     JSON       an object with the facts as members and the table as an array of objects
 *     CSV        only the table
 *     Markdown   the facts as a list, a table in GitHub's syntax */
#include "apps/cli/bench.h"
#include "engine/base/quote.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_ROOM = 128 };

struct cell cell_text(const char *text)
{
    return (struct cell){.kind = text ? CELL_TEXT : CELL_NONE, .text = text};
}

struct cell cell_number(double number)
{
    return cell_scaled(number, 1);
}

struct cell cell_scaled(double number, double unit)
{
    return (struct cell){isfinite(number) ? CELL_NUMBER : CELL_NONE, .number = number, .unit = unit};
}

struct cell cell_sides(int count, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (struct cell){.kind = CELL_SIDES, .sides = {a, b, c, d}, .side_count = count};
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* ---- cells ------------------------------------------------------------------------------- */

static const char *sides_text(const struct cell *cell, const char *between, char text[CELL_ROOM])
{
    int length = 0;
    text[0] = 0;
    for (int i = 0; i < cell->side_count; i++)
        length += snprintf(text + length, CELL_ROOM - (size_t)length, "%s%" PRId64, i ? between : "",
                           cell->sides[i]);
    return text;
}

/* Whole numbers with all digits, others with seven. */
static const char *number_text(double number, char text[CELL_ROOM])
{
    bool whole = number == rint(number) && fabs(number) < 1e15;
    snprintf(text, CELL_ROOM, whole ? "%.0f" : "%.7g", number);
    return text;
}

/* A cell for text and Markdown. */
static const char *shown_text(const struct field *field, char text[CELL_ROOM])
{
    const struct cell *cell = &field->cell;
    switch (cell->kind) {
    case CELL_TEXT:
        return cell->text;
    case CELL_NUMBER:
        snprintf(text, CELL_ROOM, field->format, cell->number / cell->unit);
        return text;
    case CELL_SIDES:
        return sides_text(cell, "x", text);
    case CELL_NONE:
    default:
        return "";
    }
}

static void print_json_field(const struct field *field)
{
    const struct cell *cell = &field->cell;
    char text[CELL_ROOM];
    printf("\"%s\": ", field->key);
    switch (cell->kind) {
    case CELL_TEXT:
        print_json_string("", cell->text);
        break;
    case CELL_NUMBER:
        fputs(number_text(cell->number, text), stdout);
        break;
    case CELL_SIDES:
        printf("[%s]", sides_text(cell, ", ", text));
        break;
    case CELL_NONE:
        fputs("null", stdout);
    }
}

static void print_csv_cell(const struct cell *cell)
{
    char text[CELL_ROOM];
    if (cell->kind == CELL_TEXT)
        print_csv_string(cell->text);
    else if (cell->kind == CELL_NUMBER)
        fputs(number_text(cell->number, text), stdout);
    else if (cell->kind == CELL_SIDES)
        fputs(sides_text(cell, "x", text), stdout);
}

/* ---- facts ------------------------------------------------------------------------------- */

static void print_fact(struct report *report, const struct field *fact)
{
    enum { HEADING_WIDTH = 28 };
    char text[CELL_ROOM];
    if (report->form == FORM_JSON && fact->key) {
        fputs(report->facts++ ? ",\n " : "", stdout);
        print_json_field(fact);
    }
    if (report->form == FORM_JSON || report->form == FORM_CSV || !fact->heading ||
        fact->cell.kind == CELL_NONE)
        return;
    const char *shown = shown_text(fact, text);
    bool named = *fact->heading;
    if (report->form == FORM_MARKDOWN) {
        printf("- %s%s", fact->heading, named ? ": " : "");
        quote_print(DOCUMENT_MARKDOWN, shown);
    } else {
        printf("%-*s", named ? HEADING_WIDTH : 0, fact->heading);
        quote_print(DOCUMENT_PLAIN, shown);
    }
    printf("\n");
}

void report_facts(struct report *report, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_fact(report, &fields[i]);
}

void report_record(struct report *report, const struct field *fields, size_t count)
{
    if (report->form != FORM_CSV) {
        report_facts(report, fields, count);
        return;
    }
    report_table(report, "");
    report_row(report, fields, count);
    report_table_end(report);
}

/* ---- table ------------------------------------------------------------------------------- */

void report_begin(struct report *report, const struct options *options)
{
    *report = (struct report){.form = options->json       ? FORM_JSON
                                      : options->csv      ? FORM_CSV
                                      : options->markdown ? FORM_MARKDOWN
                                                          : FORM_TEXT};
    if (report->form == FORM_JSON)
        printf("{");
}

void report_end(struct report *report)
{
    if (report->form == FORM_JSON)
        printf("}\n");
}

/* Prints a line of text, each cell as wide as its column or the heading, without trailing spaces. Here and
 * below, `heading` is whether to print the headings instead of the cells. */
static void text_line(const struct field *fields, size_t count, bool heading)
{
    char text[CELL_ROOM];
    int blanks = 0; /* to print before the next cell */
    for (const struct field *field = fields; field < fields + count; field++) {
        if (!field->heading || !field->width)
            continue;
        const char *shown = heading ? field->heading : shown_text(field, text);
        int length = (int)strlen(shown), width = larger(abs(field->width), (int)strlen(field->heading));
        int padding = larger(width - length, 0);
        blanks += field->width < 0 ? 0 : padding;
        if (length) {
            printf("%*s%s", blanks, "", shown);
            blanks = 0;
        }
        blanks += 2 + (field->width < 0 ? padding : 0);
    }
    printf("\n");
}

static bool is_in_markdown(const struct field *field)
{
    return field->heading && (field->key || !field->width);
}

static void markdown_line(const struct field *fields, size_t count, bool heading)
{
    char text[CELL_ROOM];
    for (const struct field *field = fields; field < fields + count; field++) {
        if (!is_in_markdown(field))
            continue;
        printf("| ");
        quote_print(DOCUMENT_MARKDOWN, heading ? field->heading : shown_text(field, text));
        printf(" ");
    }
    printf("|\n");
    for (size_t i = 0; heading && i < count; i++)
        if (is_in_markdown(&fields[i]))
            printf(!fields[i].format ? "|---" : "|--:");
    printf(heading ? "|\n" : "");
}

static void csv_line(const struct field *fields, size_t count, bool heading)
{
    const char *between = "";
    for (const struct field *field = fields; field < fields + count; field++) {
        if (!field->key)
            continue;
        fputs(between, stdout);
        print_csv_cell(heading ? &(struct cell){.kind = CELL_TEXT, .text = field->key} : &field->cell);
        between = ",";
    }
    printf("\n");
}

static void json_row(const struct report *report, const struct field *fields, size_t count)
{
    const char *between = "";
    printf("%s\n  {", report->rows ? "," : "");
    for (const struct field *field = fields; field < fields + count; field++) {
        if (!field->key)
            continue;
        fputs(between, stdout);
        print_json_field(field);
        between = ", ";
    }
    printf("}");
}

void report_table(struct report *report, const char *key)
{
    report->rows = 0;
    report->heading_due = true;
    if (report->form == FORM_JSON)
        printf("%s\"%s\": [", report->facts++ ? ",\n " : "", key);
    else if (report->form != FORM_CSV)
        printf("\n");
}

void report_title(struct report *report, const char *title)
{
    if (report->form != FORM_TEXT && report->form != FORM_MARKDOWN)
        return;
    if (report->rows)
        printf("\n");
    printf(report->form == FORM_MARKDOWN ? "**%s**\n\n" : "%s\n", title);
    report->heading_due = true;
}

void report_row(struct report *report, const struct field *fields, size_t count)
{
    static void (*const lines[])(const struct field *fields, size_t count, bool heading) = {
        [FORM_TEXT] = text_line, [FORM_CSV] = csv_line, [FORM_MARKDOWN] = markdown_line};
    if (report->form == FORM_JSON) {
        json_row(report, fields, count);
    } else {
        if (report->heading_due)
            lines[report->form](fields, count, true);
        lines[report->form](fields, count, false);
    }
    report->heading_due = false;
    report->rows++;
}

void report_table_end(struct report *report)
{
    if (report->form == FORM_JSON)
        printf("]");
    else if (report->form != FORM_CSV)
        printf("\n");
}
