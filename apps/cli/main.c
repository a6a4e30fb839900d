/* main.c - the limn program: finds the command, runs it, turns its status into an exit code. */
#include "apps/cli/notes.h"
#include "apps/cli/options.h"
#include "apps/cli/progress.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/base/machine_memory.h"
#include "engine/run/weights_path.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

static limn_status print_version(limn_error *error)
{
    limn_engine *engine;
    limn_status status = limn_engine_create(NULL, &engine, error);
    if (status == LIMN_OK)
        printf("%s\n", limn_engine_describe(engine));
    limn_engine_free(engine);
    return status;
}

static void print_name(void *context, const char *name)
{
    (void)context;
    printf("%s\n", name);
}

static pthread_t main_thread;

/* Removes temporary files, then raises the signal again with its default action, so that the shell sees it
 * (exit code 130, 143 or 129; 141 for SIGPIPE, as in limn inspect FILE | head, without a message). Runs on
 * the main thread only, because that thread creates the files; any other thread forwards the signal. */
static void handle_signal(int number)
{
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        return;
    }
    outputs_remove_unfinished();
    progress_wipe();
    signal(number, SIG_DFL);
    raise(number);
}

/* Signals that the parent ignores (nohup, a background job) stay ignored. So is SIGXFSZ, so that a write
 * beyond the file size limit fails like one to a full disk. */
static void install_handlers(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXCPU};
    struct sigaction action = {.sa_handler = handle_signal};
    main_thread = pthread_self();
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&action.sa_mask, numbers[i]); /* a handler is not interrupted by another */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
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
    machine_memory_limit((size_t)options.memory_limit); /* creating an engine sets it again */
    status = command->run(&options, error);
    notes_end(&options);
    return status;
}

int main(int argc, char **argv)
{
    streams_hold();
    install_handlers();

    limn_error error = {0};
    limn_status status = LIMN_OK;
    if (argc == 3 && strcmp(argv[1], "help") == 0)
        status = run_command(3, (char *[]){argv[0], argv[2], (char[]){"--help"}, NULL}, &error);
    else if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
             strcmp(argv[1], "help") == 0)
        help_print();
    else if (strcmp(argv[1], "--version") == 0)
        status = print_version(&error);
    else if (strcmp(argv[1], "--weights") == 0)
        weights_each(print_name, NULL);
    else if (strcmp(argv[1], "--manual") == 0)
        manual_print();
    else if (argc <= 3 && strcmp(argv[1], "--completion") == 0)
        status = completion_print(argc == 3 ? argv[2] : "", &error);
    else
        status = run_command(argc, argv, &error);
    if (status == LIMN_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = fail(&error, LIMN_E_OUTPUT, "standard output: write failed");
    app_remedy(&error);
    if (error.message[0] && status != LIMN_OK)
        app_warn("%s", error.message);
    return argc < 2 ? LIMN_E_USAGE : (int)status;
}
