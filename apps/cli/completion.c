/* completion.c - completions for bash, zsh and fish from the tables of commands and options. */
#include "apps/cli/options.h"
#include "apps/cli/suggest.h"

#include <string.h>

static const char shells[] = "bash zsh fish";

static bool is_weights(const char *argument)
{
    return strcmp(argument, "NAME|FILE") == 0;
}

/* Whether the plain argument of a command is a weights file. */
static bool takes_weights(const struct command *command)
{
    return strstr(command->synopsis, "WEIGHTS") != NULL;
}

/* Whether the first `length` characters are words to choose from, as in auto|native. */
static bool is_choice(const char *argument, size_t length)
{
    return memchr(argument, '|', length) &&
           strspn(argument, "abcdefghijklmnopqrstuvwxyz0123456789+-|") >= length;
}

/* The length of the words at the start of a command's synopsis, as in model|layers; 0 if it has none. */
static size_t command_choice(const struct command *command)
{
    size_t length = strcspn(command->synopsis, " ");
    return is_choice(command->synopsis, length) ? length : 0;
}

/* Prints the inside of a single-quoted string: `quote` for a single quote, a backslash before each character
 * of `special`. */
static void print_quoted(const char *text, const char *quote, const char *special)
{
    for (; *text; text++)
        if (*text == '\'')
            printf("%s", quote);
        else
            printf(strchr(special, *text) ? "\\%c" : "%c", *text);
}

/* Prints auto|native as "auto native". */
static void print_words(const char *choice, size_t length)
{
    for (size_t i = 0; i < length; i++)
        putchar(choice[i] == '|' ? ' ' : choice[i]);
}

static void print_commands(void)
{
    for (const struct command *command = commands; command->name; command++)
        printf("%s ", command->name);
}

/* What can take the place of a command. */
static void print_general_options(void)
{
    printf("help");
    for (const struct general_option *option = general_options; option->name; option++)
        printf(" %s", option->name);
}

/* ---- bash -------------------------------------------------------------------------------- */

static void bash_command(const struct command *command)
{
    printf("    *:%s)\n        options='", command->name);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        if (entry->letter)
            printf("-%c ", entry->letter);
        printf("--%s ", entry->name);
    }
    printf("'\n%s        case $previous in\n", takes_weights(command) ? "        weights=1\n" : "");
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        const char *argument = entry->argument;
        bool file = argument && is_path(argument) && !is_weights(argument);
        if (!argument || (file && !takes_weights(command)))
            continue;
        printf("        ");
        if (entry->letter)
            printf("-%c | ", entry->letter);
        printf("--%s) ", entry->name);
        if (is_choice(argument, strlen(argument))) {
            printf("values='");
            print_words(argument, strlen(argument));
            printf("' ;;\n");
        } else
            printf(is_weights(argument)  ? "weights=1 ;;\n"
                   : file                ? "weights='' ;;\n"
                   : is_folder(argument) ? "files=-d ;;\n"
                                         : "return ;;\n");
    }
    size_t choice = command_choice(command);
    if (choice) {
        printf("        %s) values='", command->name);
        print_words(command->synopsis, choice);
        printf("' ;;\n");
    }
    printf("        esac\n        ;;\n");
}

static void bash_print(void)
{
    printf("# Completion for bash, printed by limn --completion bash.\n"
           "_limn()\n{\n"
           "    local current=$2 previous=$3 options='' values='' weights='' names='' files=-f\n"
           "    COMPREPLY=()\n"
           "    # bash splits --NAME=VALUE into three words.\n"
           "    [[ $current == = ]] && current=\n"
           "    [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    case $COMP_CWORD:${COMP_WORDS[1]} in\n    1:*)\n        values='");
    print_commands();
    print_general_options();
    printf("'\n        ;;\n    *:help | *:--help | *:-h)\n        values='");
    print_commands();
    printf("'\n        ;;\n    *:--completion)\n        values='%s'\n        ;;\n", shells);
    for (const struct command *command = commands; command->name; command++)
        bash_command(command);
    printf(
        "    esac\n"
        "    if [[ $current == -* && $options ]]; then\n"
        "        values=$options\n"
        "    fi\n"
        "    if [[ $values ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$current\")\n"
        "    else\n"
        "        [[ $weights ]] && names=$(\"$1\" --weights 2>/dev/null | sed 's/  .*//')\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$current\"; compgen $files -- \"$current\")\n"
        "        compopt -o filenames 2>/dev/null\n"
        "    fi\n}\n"
        "complete -F _limn limn\n");
}

/* ---- zsh --------------------------------------------------------------------------------- */

static void zsh_text(const char *text)
{
    print_quoted(text, "'\\''", "[]:\\");
}

static void zsh_option(const struct option_entry *entry)
{
    const char *argument = entry->argument, *valued = argument ? "=" : "";
    if (entry->letter)
        printf("            '(-%c --%s)'{-%c%s,--%s%s}'[", entry->letter, entry->name, entry->letter,
               argument ? "+" : "", entry->name, valued);
    else
        printf("            '%s--%s%s[", entry->kind == TEXTS ? "*" : "", entry->name, valued);
    zsh_text(entry->help);
    putchar(']');
    if (argument) {
        printf(":%s:", argument);
        if (is_choice(argument, strlen(argument))) {
            putchar('(');
            print_words(argument, strlen(argument));
            putchar(')');
        } else
            printf(is_weights(argument)  ? "_limn_weights"
                   : is_folder(argument) ? "_files -/"
                   : is_path(argument)   ? "_files"
                                         : " ");
    }
    printf("' \\\n");
}

static void zsh_command(const struct command *command)
{
    size_t choice = command_choice(command);
    printf("    %s)\n        _arguments -s \\\n", command->name);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        zsh_option(entry);
    if (choice) {
        printf("            '1: :(");
        print_words(command->synopsis, choice);
        printf(")' \\\n");
    }
    printf("            '*:%s'\n        ;;\n",
           takes_weights(command) ? "weights:_limn_weights" : "file:_files");
}

static void zsh_print(void)
{
    printf("#compdef limn\n"
           "# Completion for zsh, printed by limn --completion zsh.\n"
           "_limn_weights()\n{\n"
           "    local -a weights=(${(f)\"$(limn --weights 2>/dev/null | sed 's/:/\\\\:/g; s/   */:/')\"})\n"
           "    _describe weights weights\n"
           "    _files\n}\n"
           "_limn()\n{\n"
           "    local -a commands=(\n");
    for (const struct command *command = commands; command->name; command++) {
        printf("        '%s:", command->name);
        zsh_text(command->summary);
        printf("'\n");
    }
    printf("    )\n"
           "    if ((CURRENT == 2)); then\n"
           "        _describe command commands\n"
           "        compadd -- ");
    print_general_options();
    printf("\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    ((CURRENT--))\n"
           "    case $command in\n"
           "    help|--help|-h) _describe command commands ;;\n"
           "    --completion) compadd -- %s ;;\n",
           shells);
    for (const struct command *command = commands; command->name; command++)
        zsh_command(command);
    printf("    esac\n}\n"
           "if [[ $funcstack[1] == _limn ]]; then _limn \"$@\"; else compdef _limn limn; fi\n");
}

/* ---- fish -------------------------------------------------------------------------------- */

static void fish_description(const char *text)
{
    printf(" -d '");
    print_quoted(text, "\\'", "\\");
    printf("'\n");
}

static void fish_option(const struct command *command, const struct option_entry *entry)
{
    const char *argument = entry->argument;
    printf("complete -c limn -n '__fish_seen_subcommand_from %s'", command->name);
    if (entry->letter)
        printf(" -s %c", entry->letter);
    printf(" -l %s", entry->name);
    if (argument && is_choice(argument, strlen(argument))) {
        printf(" -x -a '");
        print_words(argument, strlen(argument));
        putchar('\'');
    } else if (argument)
        printf(is_weights(argument)  ? " -r -a '(__limn_weights)'"
               : is_folder(argument) ? " -x -a '(__fish_complete_directories)'"
               : is_path(argument)   ? " -r"
                                     : " -x");
    fish_description(entry->help);
}

static void fish_command(const struct command *command)
{
    size_t choice = command_choice(command);
    printf("complete -c limn -f -n __fish_use_subcommand -a %s", command->name);
    fish_description(command->summary);
    if (choice) {
        printf("complete -c limn -n '__fish_seen_subcommand_from %s' -a '", command->name);
        print_words(command->synopsis, choice);
        printf("'\n");
    }
    if (takes_weights(command))
        printf("complete -c limn -n '__fish_seen_subcommand_from %s' -a '(__limn_weights)'\n", command->name);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        fish_option(command, entry);
}

static void fish_print(void)
{
    printf("# Completion for fish, printed by limn --completion fish.\n"
           "function __limn_weights\n"
           "    limn --weights 2>/dev/null | string replace -r '  +' '\\t'\n"
           "end\n"
           "complete -c limn -f -n __fish_use_subcommand -a help\n");
    for (const struct general_option *option = general_options; option->name; option++) {
        printf("complete -c limn -n __fish_use_subcommand -l %s", option->name + 2);
        if (option->argument)
            printf(" -x -a '%s'", shells);
        else
            printf(" -f");
        fish_description(option->help);
    }
    printf("complete -c limn -f -n '__fish_seen_subcommand_from help' -a '");
    print_commands();
    printf("'\n");
    for (const struct command *command = commands; command->name; command++)
        fish_command(command);
}

limn_status completion_print(const char *shell, limn_error *error)
{
    static const char *const names[] = {"bash", "zsh", "fish", NULL};
    static void (*const forms[])(void) = {bash_print, zsh_print, fish_print};
    int chosen;
    limn_status status = word_choose("--completion", shell, names, &chosen, error);
    if (status == LIMN_OK)
        forms[chosen]();
    return status;
}
