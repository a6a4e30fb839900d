/* help.c - limn --help and limn COMMAND --help. */
#include "apps/cli/help.h"
#include "apps/cli/options.h"

#include <string.h>

void help_print(void)
{
    printf("limn runs published image networks on the CPU.\n\n"
           "  limn upscale photo.jpg -o large.png\n\ncommands:\n");
    for (const struct command *command = commands; command->name; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\n  %-24s show the options of a command\n", "limn COMMAND --help");
    for (const struct general_option *option = general_options; option->name; option++) {
        char left[32];
        snprintf(left, sizeof left, "%s %s", option->name, option->argument ? option->argument : "");
        printf("  limn %-19s %s\n", left, option->help);
    }
}

void help_print_command(const struct command *command)
{
    printf("  %s\n\nlimn %s: %s\nusage: limn %s %s\n\n%s\n\noptions:\n", command->example, command->name,
           command->summary, command->name, command->synopsis, command->details);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        char left[64], letter[5] = "    ";
        if (entry->letter)
            snprintf(letter, sizeof letter, "-%c, ", entry->letter);
        snprintf(left, sizeof left, "%s--%s %s", letter, entry->name, entry->argument ? entry->argument : "");
        printf("  %-26s%s %s\n", left, strlen(left) > 26 ? "\n                            " : "",
               entry->help);
    }
}
