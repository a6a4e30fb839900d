/* manual.c - limn(1) from the tables of commands and options, in roff's man macros. */
#include "apps/cli/manual.h"
#include "apps/cli/options.h"

#include <string.h>

/* Text as roff takes it for itself: no character of it commands anything. */
static void print_text(const char *text, size_t length)
{
    static const struct {
        char character;
        const char *written;
    } special[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                   {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"}};
    if (length && *text == '.')
        printf("\\&");
    for (size_t i = 0; i < length; i++) {
        size_t k = 0;
        while (k < sizeof special / sizeof *special && special[k].character != text[i])
            k++;
        if (k < sizeof special / sizeof *special)
            printf("%s", special[k].written);
        else
            putchar(text[i]);
    }
}

static void print_word(const char *font, const char *text)
{
    printf("\\f%s", font);
    print_text(text, strlen(text));
    printf("\\fR");
}

static void print_line(const char *text, size_t length)
{
    print_text(text, length);
    putchar('\n');
}

/* A paragraph with columns in it keeps its lines; any other is filled. */
static void print_paragraph(const char *text, size_t length)
{
    const char *columns = strstr(text, "  "), *end = text + length;
    bool table = columns && columns < end;
    printf(table ? ".PP\n.nf\n.ft CR\n" : ".PP\n");
    while (text < end) {
        size_t line = strcspn(text, "\n");
        if (text + line > end)
            line = (size_t)(end - text);
        print_line(text, line);
        text += line + (text[line] == '\n');
    }
    if (table)
        printf(".ft R\n.fi\n");
}

static void print_details(const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        print_paragraph(text, end ? (size_t)(end - text) : strlen(text));
        text = end ? end + 2 : text + strlen(text);
    }
}

static void print_option(const struct option_entry *entry)
{
    char name[32];
    printf(".TP\n");
    if (entry->letter) {
        snprintf(name, sizeof name, "-%c", entry->letter);
        print_word("B", name);
        printf(", ");
    }
    snprintf(name, sizeof name, "--%s", entry->name);
    print_word("B", name);
    if (entry->argument) {
        putchar(' ');
        print_word("I", entry->argument);
    }
    putchar('\n');
    print_line(entry->help, strlen(entry->help));
}

static void print_command(const struct command *command)
{
    printf(".SS \"limn %s: %s\"\n.B limn %s\n", command->name, command->summary, command->name);
    print_line(command->synopsis, strlen(command->synopsis));
    print_details(command->details);
    printf(".PP\nFor instance\n.PP\n.RS\n.nf\n");
    print_line(command->example, strlen(command->example));
    printf(".fi\n.RE\n");
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        print_option(entry);
}

static const char opening[] =
    ".SH NAME\nlimn \\- published image networks on the CPU\n"
    ".SH SYNOPSIS\n.B limn\n.I COMMAND\n[\\fIoptions\\fR] [\\fIINPUT\\fR...]\n"
    ".PP\n.B limn \\-\\-version\n"
    ".PP\n.B limn \\-\\-weights\n"
    ".SH DESCRIPTION\n"
    "limn runs published networks for super\\-resolution, colorization, segmentation and generation of\n"
    "pictures. Pictures in are PNG, JPEG, BMP or PNM, told apart by content; out the same, by extension.\n"
    "An output that stands already is kept unless\n.B \\-\\-force\nis given, and a file appears under its name "
    "only\nwhen it is complete.\n"
    ".PP\nWeights are safetensors files. A name instead of a file, as in\n.BR \"\\-m enhancenet\" ,\n"
    "is looked up in\n.BR $LIMN_WEIGHTS ,\n"
    "beside the program, and where limn is installed;\n.B limn \\-\\-weights\nlists all names found there. "
    "Some come with limn;\nthe published ones are fetched and converted by tools/fetch.py, of limn's sources.\n"
    ".SH COMMANDS\n";

static const char closing[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B LIMN_WEIGHTS\nfolder in which weights are looked up by name\n"
    ".SH FILES\n"
    ".TP\n.I ../share/limn/weights\n"
    "beside the folder of the program: weights that come with limn\n"
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone\n.TP\n1\nsome of several inputs failed\n.TP\n2\nusage\n.TP\n3\nweights\n.TP\n4\ninput\n"
    ".TP\n5\noutput\n.TP\n6\nmemory\n.TP\n129, 130, 143\ninterrupted\n";

void manual_print(void)
{
    printf(".TH LIMN 1 \"\" \"limn %s\" \"User Commands\"\n%s", LIMN_VERSION, opening);
    for (const struct command *command = commands; command->name; command++)
        print_command(command);
    printf("%s", closing);
}
