/* help.c - limn --help and limn COMMAND --help. */
#include "apps/cli/options.h"

void help_print(void)
{
    printf("limn runs published image networks on the CPU.\n\n"
           "  limn upscale photo.jpg -o large.png\n\ncommands:\n");
    for (const struct command *command = commands; command->name; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\n  %-24s show the options of a command; also limn help COMMAND\n", "limn COMMAND --help");
    for (const struct general_option *option = general_options; option->name; option++) {
        int used = printf("  limn %s %s", option->name, option->argument ? option->argument : "");
        printf("%*s%s\n", 27 - used, "", option->help);
    }
}

void help_print_command(const struct command *command)
{
    enum { HELP_COLUMN = 29 };
    printf("  %s\n\nlimn %s: %s\nusage: limn %s %s\n\n%s\n\noptions:\n", command->example, command->name,
           command->summary, command->name, command->synopsis, command->details);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        int used = entry->letter ? printf("  -%c, ", entry->letter) : printf("      ");
        used += printf("--%s %s", entry->name, entry->argument ? entry->argument : "");
        if (used > HELP_COLUMN) {
            putchar('\n');
            used = 0;
        }
        printf("%*s%s\n", HELP_COLUMN - used, "", entry->help);
    }
}
