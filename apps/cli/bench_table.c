/* bench_table.c - prints facts and rows in four formats: see bench.h.
 *
 *     text       a line per fact, a table in columns
 *     JSON       an object with the facts as members and the table as an array of objects
 *     CSV        only the table
 *     Markdown   the facts as a list, a table in GitHub's syntax */
#include "apps/cli/bench.h"

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
    return (struct cell){.kind = isfinite(number) ? CELL_NUMBER : CELL_NONE, .number = number};
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
static const char *shown_text(const struct column *column, const struct cell *cell, char text[CELL_ROOM])
{
    switch (cell->kind) {
    case CELL_TEXT:
        return cell->text;
    case CELL_NUMBER:
        snprintf(text, CELL_ROOM, column->format,
                 column->unit != 0 ? cell->number / column->unit : cell->number);
        return text;
    case CELL_SIDES:
        return sides_text(cell, "x", text);
    case CELL_NONE:
    default:
        return "";
    }
}

static void print_json_cell(const char *key, const struct cell *cell)
{
    char text[CELL_ROOM];
    printf("\"%s\": ", key);
    switch (cell->kind) {
    case CELL_TEXT:
        print_json_string(stdout, cell->text);
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
        print_csv_string(stdout, cell->text);
    else if (cell->kind == CELL_NUMBER)
        fputs(number_text(cell->number, text), stdout);
    else if (cell->kind == CELL_SIDES)
        fputs(sides_text(cell, "x", text), stdout);
}

/* Escapes bars, which would end the cell. */
static void print_markdown(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

/* ---- facts ------------------------------------------------------------------------------- */

static void print_fact(struct report *report, const struct column *column, const struct cell *cell)
{
    enum { HEADING_WIDTH = 28 };
    char text[CELL_ROOM];
    if (report->form == FORM_JSON && column->key) {
        fputs(report->facts++ ? ",\n " : "", stdout);
        print_json_cell(column->key, cell);
    }
    if (report->form == FORM_JSON || report->form == FORM_CSV || !column->heading || cell->kind == CELL_NONE)
        return;
    const char *shown = shown_text(column, cell, text);
    bool named = *column->heading;
    if (report->form == FORM_MARKDOWN) {
        printf("- %s%s", column->heading, named ? ": " : "");
        print_markdown(shown);
        printf("\n");
    } else {
        printf("%-*s%s\n", named ? HEADING_WIDTH : 0, column->heading, shown);
    }
}

void report_facts(struct report *report, const struct column *columns, const struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_fact(report, &columns[i], &cells[i]);
}

void report_record(struct report *report, const struct column *columns, const struct cell *cells,
                   size_t count)
{
    if (report->form != FORM_CSV) {
        report_facts(report, columns, cells, count);
        return;
    }
    report_table(report, "", columns, count);
    report_row(report, cells);
    report_table_end(report);
}

/* ---- table ------------------------------------------------------------------------------- */

void report_begin(struct report *report, enum form form)
{
    *report = (struct report){.form = form};
    if (form == FORM_JSON)
        printf("{");
}

void report_end(struct report *report)
{
    if (report->form == FORM_JSON)
        printf("}\n");
}

/* Prints the cells of a line of text, each as wide as its column or the heading, without trailing spaces.
 * Here and below, NULL prints the headings. */
static void text_line(const struct report *report, const struct cell *cells)
{
    char text[CELL_ROOM];
    int blanks = 0; /* to print before the next cell */
    for (size_t i = 0; i < report->column_count; i++) {
        const struct column *column = &report->columns[i];
        if (!column->heading)
            continue;
        const char *shown = cells ? shown_text(column, &cells[i], text) : column->heading;
        int length = (int)strlen(shown), width = larger(abs(column->width), (int)strlen(column->heading));
        int padding = larger(width - length, 0);
        blanks += column->width < 0 ? 0 : padding;
        if (length) {
            printf("%*s%s", blanks, "", shown);
            blanks = 0;
        }
        blanks += 2 + (column->width < 0 ? padding : 0);
    }
    printf("\n");
}

static void markdown_line(const struct report *report, const struct cell *cells)
{
    char text[CELL_ROOM];
    for (size_t i = 0; i < report->column_count; i++) {
        const struct column *column = &report->columns[i];
        if (!column->heading)
            continue;
        printf("| ");
        print_markdown(cells ? shown_text(column, &cells[i], text) : column->heading);
        printf(" ");
    }
    printf("|\n");
}

static void markdown_heading(const struct report *report)
{
    markdown_line(report, NULL);
    for (size_t i = 0; i < report->column_count; i++)
        if (report->columns[i].heading)
            printf(report->columns[i].width < 0 ? "|---" : "|--:");
    printf("|\n");
}

static void csv_line(const struct report *report, const struct cell *cells)
{
    const char *between = "";
    for (size_t i = 0; i < report->column_count; i++) {
        const char *key = report->columns[i].key;
        if (!key)
            continue;
        fputs(between, stdout);
        print_csv_cell(cells ? &cells[i] : &(struct cell){.kind = CELL_TEXT, .text = key});
        between = ",";
    }
    printf("\n");
}

static void json_row(const struct report *report, const struct cell *cells)
{
    const char *between = "";
    printf("%s\n  {", report->rows ? "," : "");
    for (size_t i = 0; i < report->column_count; i++) {
        if (!report->columns[i].key)
            continue;
        fputs(between, stdout);
        print_json_cell(report->columns[i].key, &cells[i]);
        between = ", ";
    }
    printf("}");
}

void report_table(struct report *report, const char *key, const struct column *columns, size_t count)
{
    report->columns = columns;
    report->column_count = count;
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

void report_row(struct report *report, const struct cell *cells)
{
    bool heading = report->heading_due;
    report->heading_due = false;
    switch (report->form) {
    case FORM_TEXT:
        if (heading)
            text_line(report, NULL);
        text_line(report, cells);
        break;
    case FORM_CSV:
        if (heading)
            csv_line(report, NULL);
        csv_line(report, cells);
        break;
    case FORM_MARKDOWN:
        if (heading)
            markdown_heading(report);
        markdown_line(report, cells);
        break;
    case FORM_JSON:
        json_row(report, cells);
    }
    report->rows++;
}

void report_table_end(struct report *report)
{
    if (report->form == FORM_JSON)
        printf("]");
    else if (report->form != FORM_CSV)
        printf("\n");
}
