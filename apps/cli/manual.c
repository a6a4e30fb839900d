/* manual.c - the manual page limn(1), in roff's man macros. */
#include "apps/cli/options.h"

#include <string.h>

/* Prints text with the characters escaped that mean something to roff. */
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

/* A paragraph that contains columns (two blanks) keeps its line breaks; any other is filled. */
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

/* letter: 0 for none. argument: NULL for none. */
static void print_option(char letter, const char *name, const char *argument, const char *help)
{
    printf(".TP\n");
    if (letter)
        printf("\\fB\\-%c\\fR, ", letter);
    print_word("B", name);
    if (argument) {
        putchar(' ');
        print_word("I", argument);
    }
    putchar('\n');
    print_line(help, strlen(help));
}

static void print_command(const struct command *command)
{
    printf(".SS \"limn %s: %s\"\n.B limn %s\n", command->name, command->summary, command->name);
    print_line(command->synopsis, strlen(command->synopsis));
    print_details(command->details);
    printf(".PP\nExample:\n.PP\n.RS\n.nf\n");
    print_line(command->example, strlen(command->example));
    printf(".fi\n.RE\n");
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        char name[32];
        snprintf(name, sizeof name, "--%s", entry->name);
        print_option(entry->letter, name, entry->argument, entry->help);
    }
}

static const char opening[] =
    ".SH NAME\nlimn \\- run published image networks on the CPU\n"
    ".SH SYNOPSIS\n.B limn\n.I COMMAND\n[\\fIoptions\\fR] [\\fIINPUT\\fR...]\n"
    ".SH DESCRIPTION\n"
    "limn runs published networks for super\\-resolution, colorization, segmentation and generation of\n"
    "pictures. Input pictures are PNG, JPEG, BMP or PNM, recognized by content. The format of an output\n"
    "picture is chosen by its extension or\n.BR \\-\\-format .\nExisting files are replaced only with\n.BR \\-\\-force .\n"
    "An output file appears under its name only when it is complete.\n"
    ".PP\nWeights are safetensors files. A name instead of a file, as in\n.BR \"\\-m enhancenet\" ,\n"
    "is looked up in\n.BR $LIMN_WEIGHTS ,\n"
    "in the folder of\n.BR limn\\-fetch ,\nin the program's folder, and where limn is installed;\n"
    ".B limn \\-\\-weights\nlists all names found there. Some weights are included in limn;\n"
    ".B limn\\-fetch\n.I NAME\ndownloads published ones and converts them, and\n"
    ".B limn\\-convert\nconverts a checkpoint. Both are Python programs, with\n.BR \\-\\-help .\n"
    ".SH OPTIONS\n";

static const char closing[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B LIMN_WEIGHTS\nfolder in which weights are looked up by name\n"
    ".SH FILES\n"
    ".TP\n.I $XDG_DATA_HOME/limn/weights\n"
    "weights that limn\\-fetch has downloaded; ~/.local/share/limn/weights if XDG_DATA_HOME is not set\n"
    ".TP\n.I PREFIX/share/limn/weights\n"
    "weights that are included in limn, where limn is installed as PREFIX/bin/limn\n"
    ".SH EXIT STATUS\n"
    ".TP\n0\nsuccess\n.TP\n1\nsome of several inputs failed\n.TP\n2\nusage error\n"
    ".TP\n3\nweights: not found or not valid\n.TP\n4\ninput: not found or not valid\n"
    ".TP\n5\noutput could not be written\n.TP\n6\nout of memory\n"
    ".TP\n129, 130, 143\ninterrupted by a signal\n";

void manual_print(void)
{
    printf(".TH LIMN 1 \"\" \"limn %s\" \"User Commands\"\n%s", LIMN_VERSION, opening);
    for (const struct general_option *option = general_options; option->name; option++)
        print_option(0, option->name, option->argument, option->help);
    printf(".SH COMMANDS\n");
    for (const struct command *command = commands; command->name; command++)
        print_command(command);
    printf("%s", closing);
}
