/* main.c - the limn program: finds the command, runs it, turns its status into an exit code. */
#include "apps/cli/notes.h"
#include "apps/cli/options.h"
#include "apps/cli/progress.h"
#include "apps/cli/suggest.h"
#include "apps/cli/weights_list.h"
#include "engine/base/files.h"
#include "engine/base/machine_memory.h"
#include "engine/base/system.h"
#include "layers/sizes.h"

#include <string.h>

/* Leaves no unfinished file and no progress line. */
static void clean_up(void)
{
    outputs_remove_unfinished();
    progress_wipe();
}

static limn_status fail_unknown(const char *name, limn_error *error)
{
    struct suggestion suggestion = {.typed = name};
    char near[SUGGESTION_TEXT];
    for (const struct command *command = commands; command->name; command++)
        suggestion_offer(&suggestion, command->name);
    suggestion_offer(&suggestion, "help");
    for (const struct general_option *option = general_options; option->name; option++)
        suggestion_offer(&suggestion, option->name);
    return fail(error, LIMN_E_USAGE, "unknown command: %s%s (see limn --help)", name,
                suggestion_text(&suggestion, "", near));
}

static limn_status run_command(int argc, char **argv, limn_error *error)
{
    const struct command *command = command_find(argv[1]);
    struct options options;
    if (!command)
        return fail_unknown(argv[1], error);
    limn_status status = options_parse(command, argc - 1, argv + 1, &options, error);
    if (status != LIMN_OK)
        return status;
    if (options.help) {
        help_print_command(command);
        return LIMN_OK;
    }
    machine_memory_limit(size_product(options.memory_limit, 1)); /* creating an engine sets it again */
    status = command->run(&options, error);
    notes_end(&options);
    return status;
}

/* ---- words that take the place of a command ---------------------------------------------- */

/* `word` is what follows, or NULL. */
static limn_status print_help(const char *word, limn_error *error)
{
    const struct command *command = word ? command_find(word) : NULL;
    if (word && !command && strcmp(word, "help") != 0)
        return fail_unknown(word, error);
    if (command)
        help_print_command(command);
    else
        help_print();
    return LIMN_OK;
}

static limn_status print_version(const char *word, limn_error *error)
{
    limn_engine *engine;
    (void)word;
    limn_status status = limn_engine_create(NULL, &engine, error);
    if (status == LIMN_OK)
        printf("%s\n", limn_engine_describe(engine));
    limn_engine_free(engine);
    return status;
}

static limn_status print_weights(const char *word, limn_error *error)
{
    (void)word;
    (void)error;
    weights_list_print();
    return LIMN_OK;
}

static limn_status print_manual(const char *word, limn_error *error)
{
    (void)word;
    (void)error;
    manual_print();
    return LIMN_OK;
}

static limn_status print_completion(const char *word, limn_error *error)
{
    return completion_print(word ? word : "", error);
}

static limn_status run(int argc, char **argv, limn_error *error)
{
    static const struct {
        const char *name;
        int words; /* at most that many follow */
        limn_status (*print)(const char *word, limn_error *error);
    } general[] = {
        {"help", 1, print_help},
        {"--help", 1, print_help},
        {"-h", 1, print_help},
        {"--version", 0, print_version},
        {"--weights", 0, print_weights},
        {"--manual", 0, print_manual},
        {"--completion", 1, print_completion},
    };
    if (argc < 2)
        return print_help(NULL, error);
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) {
        if (strcmp(argv[1], general[i].name) != 0)
            continue;
        if (argc - 2 > general[i].words)
            return fail(error, LIMN_E_USAGE, "unexpected argument: %s", argv[2 + general[i].words]);
        return general[i].print(argc > 2 ? argv[2] : NULL, error);
    }
    return run_command(argc, argv, error);
}

int main(int argc, char **argv)
{
    argv = system_begin(&argc, argv);
    system_on_end(clean_up);

    limn_error error = {0};
    limn_status status = run(argc, argv, &error);
    if (status == LIMN_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = fail(&error, LIMN_E_OUTPUT, "standard output: write failed");
    app_remedy(&error);
    if (error.message[0] && status != LIMN_OK)
        app_warn("%s", error.message);
    return argc < 2 ? LIMN_E_USAGE : (int)status;
}
