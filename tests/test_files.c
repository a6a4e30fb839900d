/* test_files.c - the file layer: reading whole and in places, folders in order, output that is all or
 * nothing. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 640 };

/* FOLDER/NAME; scratch_path has no room for the longest names. */
static const char *inside(const char *folder, const char *name, char path[PATH_ROOM])
{
    assert_true(snprintf(path, PATH_ROOM, "%s/%s", folder, name) < PATH_ROOM);
    return path;
}

static const char *new_folder(const char *name)
{
    const char *path = scratch_path(name);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

/* Names in the folder, hidden ones too, that begin with `prefix`. */
static int count_names(const char *folder, const char *prefix)
{
    int count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(listing);
    return count;
}

static void assert_holds(const char *path, const char *text)
{
    unsigned char *bytes;
    size_t size;
    assert_ok(file_read_all(path, 1 << 20, LIMN_E_INPUT, &bytes, &size, error));
    if (size != strlen(text) || memcmp(bytes, text, size) != 0)
        fail_with("%s holds \"%s\", expected \"%s\"", path, (char *)bytes, text);
    mem_free(bytes);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Sizes about the block that reading starts with (64 KiB), from a file and from a pipe. */
static const size_t sizes[] = {0, 1, 65534, 65535, 65536, 65537, 131071, 131072, 300001};

static unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 131 >> 3);
    return bytes;
}

static void check_read_all(const char *path, const char *what, const unsigned char *want, size_t size)
{
    unsigned char *got;
    size_t got_size;
    assert_ok(file_read_all(path, size, LIMN_E_INPUT, &got, &got_size, error));
    if (got_size != size || memcmp(got, want, size) != 0 || got[size] != 0)
        fail_with("%s of %zu bytes: read %zu, or other bytes, or no zero after them", what, size, got_size);
    mem_free(got);
}

static void test_read_all_of_a_file(void **state)
{
    (void)state;
    const char *path = scratch_path("whole");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *bytes = pattern(sizes[i]), *got;
        size_t size;
        write_file(path, bytes, sizes[i]);
        check_read_all(path, "a file", bytes, sizes[i]);
        if (sizes[i])
            assert_fails(file_read_all(path, sizes[i] - 1, LIMN_E_INPUT, &got, &size, error), LIMN_E_INPUT,
                         "larger than");
        free(bytes);
    }
}

struct feed {
    int descriptor;
    const unsigned char *bytes;
    size_t size;
};

static void *feed_pipe(void *argument)
{
    const struct feed *feed = argument;
    for (size_t done = 0; done < feed->size;) {
        ssize_t put = write(feed->descriptor, feed->bytes + done, feed->size - done);
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    close(feed->descriptor);
    return NULL;
}

static void test_read_all_of_a_pipe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int ends[2];
        pthread_t writer;
        unsigned char *bytes = pattern(sizes[i]);
        assert_int_equal(pipe(ends), 0);
        struct feed feed = {ends[1], bytes, sizes[i]};
        assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(pthread_create(&writer, NULL, feed_pipe, &feed), 0);
        check_read_all("-", "a pipe", bytes, sizes[i]);
        pthread_join(writer, NULL);
        close(ends[0]);
        free(bytes);
    }
}

static void test_read_all_of_standard_input(void **state)
{
    (void)state;
    int kept = dup(STDIN_FILENO), source;
    const char *path = scratch_path("stdin");
    write_file(path, "words", 5);
    source = open(path, O_RDONLY);
    assert_true(source >= 0 && dup2(source, STDIN_FILENO) == STDIN_FILENO);
    close(source);
    assert_holds("-", "words");
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD) & ~FD_CLOEXEC, 0); /* still open */
    if (kept >= 0)
        dup2(kept, STDIN_FILENO), close(kept);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t size;
    struct file *file;
    const char *folder = new_folder("unreadable"), *absent = scratch_path("absent");
    assert_fails(file_read_all(absent, 10, LIMN_E_WEIGHTS, &bytes, &size, error), LIMN_E_WEIGHTS,
                 "absent: No such");
    assert_null(bytes);
    assert_fails(file_read_all(folder, 10, LIMN_E_INPUT, &bytes, &size, error), LIMN_E_INPUT, "directory");
    assert_fails(file_read_all("/dev/zero", 1 << 17, LIMN_E_INPUT, &bytes, &size, error), LIMN_E_INPUT,
                 "larger than 131072");
    assert_fails(file_open(absent, LIMN_E_WEIGHTS, &file, error), LIMN_E_WEIGHTS, "absent: No such");
    assert_null(file);
    assert_fails(file_open(folder, LIMN_E_INPUT, &file, error), LIMN_E_INPUT, "a folder");
    assert_fails(file_open("/dev/null", LIMN_E_INPUT, &file, error), LIMN_E_INPUT, "pipe or device");
}

static void test_read_at(void **state)
{
    (void)state;
    struct file *file;
    char got[8];
    const char *path = scratch_path("places");
    write_file(path, "0123456789", 10);
    assert_ok(file_open(path, LIMN_E_WEIGHTS, &file, error));
    assert_int_equal(file_size(file), 10);
    assert_string_equal(file_path(file), path);
    assert_ok(file_read_at(file, 6, got, 4, error));
    assert_memory_equal(got, "6789", 4);
    assert_ok(file_read_at(file, 0, got, 3, error));
    assert_memory_equal(got, "012", 3);
    assert_ok(file_read_at(file, 10, got, 0, error));
    fault_at(FAULT_STAT, 1, false);
    assert_fails(file_read_at(file, 0, got, 3, error), LIMN_E_WEIGHTS, strerror(fault_error(FAULT_STAT)));
    assert_fails(file_read_at(file, 7, got, 4, error), LIMN_E_WEIGHTS,
                 "ends at byte 10, 4 bytes were expected from byte 7");
    assert_fails(file_read_at(file, 10, got, 1, error), LIMN_E_WEIGHTS, "ends at byte 10");
    assert_fails(file_read_at(file, UINT64_MAX - 3, got, 2, error), LIMN_E_WEIGHTS, "places");
    file_close(file);
    file_close(NULL);
}

/* A file that others write to while it is open: longer, shorter, and the same size at another time. */
static void test_a_file_that_changes(void **state)
{
    (void)state;
    static const size_t later[] = {11, 9, 10};
    const char *path = scratch_path("changing");
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        struct file *file;
        char got[2];
        /* Times are set by hand, because a file system's clock may not advance between two writes. */
        struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        write_file(path, "0123456789", 10);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
        assert_ok(file_open(path, LIMN_E_INPUT, &file, error));
        assert_ok(file_read_at(file, 0, got, 2, error));
        write_file(path, "abcdefghijkl", later[i]);
        assert_fails(file_read_at(file, 0, got, 2, error), LIMN_E_INPUT, "changed while it was being read");
        file_close(file);
    }
}

/* The same without such help: what is written as soon as the file is open shows too. */
static void test_a_change_within_a_tick(void **state)
{
    (void)state;
    enum { ROUNDS = 30 };
    const char *path = scratch_path("tick");
    for (int round = 0; round < ROUNDS; round++) {
        struct file *file;
        char got[2];
        write_file(path, "0123456789", 10);
        assert_ok(file_open(path, LIMN_E_WEIGHTS, &file, error));
        int descriptor = open(path, O_WRONLY);
        assert_int_equal(pwrite(descriptor, "x", 1, 5), 1);
        close(descriptor);
        assert_fails(file_read_at(file, 0, got, 2, error), LIMN_E_WEIGHTS, "tick: changed while");
        file_close(file);
    }
}

static void test_a_file_that_shrinks_under_a_read(void **state)
{
    (void)state;
    struct file *file;
    char got[4];
    const char *path = scratch_path("shrinking");
    write_file(path, "0123456789", 10);
    assert_ok(file_open(path, LIMN_E_INPUT, &file, error));
    assert_int_equal(truncate(path, 7), 0);
    assert_fails(file_read_at(file, 6, got, 4, error), LIMN_E_INPUT, "changed while it was being read");
    file_close(file);
}

/* An open file stays what it was when it is removed, replaced or closed to readers. */
static void test_an_open_file_stays(void **state)
{
    (void)state;
    const char *path = scratch_path("staying"), *other = scratch_path("replacing");
    for (int way = 0; way < 3; way++) {
        struct file *file;
        char got[10];
        write_file(path, "0123456789", 10);
        write_file(other, "abcdefghij", 10);
        assert_ok(file_open(path, LIMN_E_INPUT, &file, error));
        assert_int_equal(way == 0 ? unlink(path) : way == 1 ? rename(other, path) : chmod(path, 0), 0);
        assert_ok(file_read_at(file, 0, got, 10, error));
        assert_memory_equal(got, "0123456789", 10);
        file_close(file);
    }
}

struct rewriter {
    const char *path;
    atomic_int steps; /* odd while the file is neither one nor the other */
    atomic_bool stop;
};

enum { REWRITTEN = 200000 };

/* Fills the file with a's, then with b's, and so on. */
static void *rewrite(void *argument)
{
    struct rewriter *rewriter = argument;
    static char bytes[REWRITTEN];
    int descriptor = open(rewriter->path, O_WRONLY);
    for (int round = 0; !atomic_load(&rewriter->stop); round++) {
        memset(bytes, round % 2 ? 'a' : 'b', sizeof bytes);
        atomic_fetch_add(&rewriter->steps, 1);
        for (size_t at = 0; at < sizeof bytes; at += 1000)
            if (pwrite(descriptor, bytes + at, 1000, (off_t)at) != 1000)
                break;
        atomic_fetch_add(&rewriter->steps, 1);
        usleep((useconds_t)(round * 7919 % 20000)); /* sometimes longer than a tick */
    }
    close(descriptor);
    return NULL;
}

/* A file that is written over while it is read comes out as it was before, or not at all. */
static void test_no_mixture_is_read(void **state)
{
    (void)state;
    enum { ROUNDS = 150 };
    struct rewriter rewriter = {.path = scratch_path("rewritten")};
    pthread_t thread;
    int whole = 0;
    char *bytes = malloc(REWRITTEN);
    memset(bytes, 'a', REWRITTEN);
    write_file(rewriter.path, bytes, REWRITTEN);
    assert_int_equal(pthread_create(&thread, NULL, rewrite, &rewriter), 0);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char *got = NULL;
        size_t size;
        limn_error error = {0};
        bool midway = atomic_load(&rewriter.steps) % 2;
        limn_status status = file_read_all(rewriter.path, REWRITTEN, LIMN_E_INPUT, &got, &size, &error);
        if (status == LIMN_OK) {
            memset(bytes, got[0], REWRITTEN);
            if (!midway && (size != REWRITTEN || memcmp(got, bytes, REWRITTEN) != 0))
                fail_with("round %d: %zu bytes, some a's and some b's", round, size);
            whole += !midway;
        } else if (!strstr(error.message, "rewritten: changed while it was being read")) {
            fail_with("round %d: %s", round, error.message);
        }
        mem_free(got);
    }
    atomic_store(&rewriter.stop, true);
    pthread_join(thread, NULL);
    assert_true(whole > 0);
    free(bytes);
}

/* ---- folders ----------------------------------------------------------------------------- */

static void test_folders_sort_naturally(void **state)
{
    (void)state;
    static const char *const order[] = {"8_2",
                                        "8_10",
                                        "a",
                                        "a_1",
                                        "a_02",
                                        "a_2",
                                        "a_3x",
                                        "a_10",
                                        "a_10b",
                                        "a_99999999999999999999998",
                                        "a_99999999999999999999999",
                                        "b",
                                        "b01c2",
                                        "b1c10"};
    enum { COUNT = sizeof order / sizeof *order };
    const char *folder = new_folder("sorted");
    char path[PATH_ROOM];
    for (int i = COUNT; i-- > 0;)
        write_file(inside(folder, order[i * 5 % COUNT], path), "",
                   0); /* 5 and COUNT have no common divisor */
    write_file(inside(folder, ".hidden", path), "", 0);
    char **names;
    size_t count;
    assert_ok(folder_list(folder, &names, &count, error));
    assert_int_equal(count, COUNT);
    for (int i = 0; i < COUNT; i++)
        if (strcmp(names[i], order[i]) != 0)
            fail_with("name %d is %s, expected %s", i, names[i], order[i]);
    names_free(names, count);
}

static void test_large_and_empty_folders(void **state)
{
    (void)state;
    const char *folder = new_folder("many"), *empty = new_folder("none");
    char path[PATH_ROOM], name[16], **names;
    size_t count;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "%d", i);
        write_file(inside(folder, name, path), "", 0);
    }
    assert_ok(folder_list(folder, &names, &count, error));
    assert_int_equal(count, 200);
    for (int i = 0; i < 200; i++)
        assert_int_equal(atoi(names[i]), i);
    names_free(names, count);
    assert_ok(folder_list(empty, &names, &count, error));
    assert_int_equal(count, 0);
    names_free(names, count);
    assert_fails(folder_list(scratch_path("nowhere"), &names, &count, error), LIMN_E_INPUT,
                 "nowhere: No such");
}

static void test_paths_that_meet(void **state)
{
    (void)state;
    char a[PATH_ROOM], b[PATH_ROOM], c[PATH_ROOM];
    const char *folder = new_folder("meet");
    inside(folder, "file", a);
    inside(folder, "../meet/./file", b);
    assert_true(paths_meet(a, a) && paths_meet(a, b)); /* before it is there, and then */
    assert_false(paths_meet(a, inside(folder, "other", c)));
    assert_false(paths_meet(a, inside(folder, "none/file", c)));
    write_file(a, "", 0);
    assert_true(paths_meet(a, b));
    assert_false(paths_meet(a, inside(folder, "other", c)));
    assert_int_equal(symlink("file", c), 0);
    assert_true(paths_meet(a, c) && paths_meet(c, b));
    assert_true(paths_meet("-", "-") && !paths_meet("-", a));
}

static void test_making_folders(void **state)
{
    (void)state;
    const char *path = scratch_path("made"), *taken = scratch_path("taken");
    assert_false(path_is_folder(path));
    assert_ok(folder_create(path, error));
    assert_ok(folder_create(path, error));
    assert_true(path_is_folder(path));
    assert_fails(folder_create(scratch_path("made/a/b"), error), LIMN_E_OUTPUT, "No such");
    write_file(taken, "", 0);
    assert_fails(folder_create(taken, error), LIMN_E_OUTPUT, "exists");
}

static void test_folders_that_cannot_be_looked_at(void **state)
{
    (void)state;
    char **names;
    size_t count;
    bool found = true;
    const char *folder = new_folder("looked"), *none = scratch_path("looked/none");
    assert_ok(folder_find(none, LIMN_E_OUTPUT, &found, error));
    assert_false(found);
    assert_ok(folder_find(folder, LIMN_E_OUTPUT, &found, error));
    assert_true(found);
    fault_at(FAULT_STAT, 1, false);
    assert_fails(folder_find(folder, LIMN_E_OUTPUT, &found, error), LIMN_E_OUTPUT,
                 strerror(fault_error(FAULT_STAT)));
    assert_false(found);
    write_file(none, "", 0);
    for (int nth = 1; nth <= 5; nth++) { /* the folder is opened; ., .., none and the end come */
        fault_at(FAULT_LIST, nth, false);
        assert_fails(folder_list(folder, &names, &count, error), LIMN_E_INPUT,
                     strerror(fault_error(FAULT_LIST)));
        assert_true(!names && !count);
    }
    fault_at(FAULT_LIST, 0, false);
}

/* ---- writing ----------------------------------------------------------------------------- */

static void write_text(const char *path, bool force, const char *text)
{
    struct output *output;
    assert_ok(output_open(path, force, &output, error));
    assert_ok(output_write(output, text, strlen(text), error));
    assert_ok(output_commit(output, error));
}

/* Pieces about the size of the buffer (64 KiB) arrive whole and in order; before the commit no file has
 * the final name, after it there is no other file. */
static void test_output_appears_at_commit(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 65535, 1, 65536, 3, 65537, 0, 200000};
    const char *folder = new_folder("commit");
    char path[PATH_ROOM];
    inside(folder, "out", path);
    unsigned char *bytes = pattern(400000);
    struct output *output;
    size_t size = 0;
    assert_ok(output_open(path, false, &output, error));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_ok(output_write(output, bytes + size, pieces[i], error));
        size += pieces[i];
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(count_names(folder, ".limn-"), 1);
    }
    assert_ok(output_commit(output, error));
    assert_int_equal(count_names(folder, ""), 1);
    check_read_all(path, "the output", bytes, size);
    free(bytes);
}

static void test_nothing_is_left_after_abandon(void **state)
{
    (void)state;
    const char *folder = new_folder("abandon");
    char path[PATH_ROOM];
    struct output *output;
    assert_ok(output_open(inside(folder, "out", path), false, &output, error));
    assert_ok(output_write(output, path, sizeof path, error));
    output_abandon(output);
    output_abandon(NULL);
    assert_int_equal(count_names(folder, ""), 0);
}

static void test_what_stands_is_kept_unless_forced(void **state)
{
    (void)state;
    const char *folder = new_folder("existing");
    char path[PATH_ROOM], late[PATH_ROOM];
    struct output *output;
    write_file(inside(folder, "out", path), "old", 3);
    assert_fails(output_open(path, false, &output, error), LIMN_E_OUTPUT, "out: already exists");
    assert_reason(output_open(path, false, &output, error), LIMN_REASON_EXISTS);
    assert_null(output);
    assert_ok(output_open(path, true, &output, error));
    assert_ok(output_write(output, "lost", 4, error));
    output_abandon(output);
    assert_holds(path, "old");
    write_text(path, true, "new");
    assert_holds(path, "new");

    assert_ok(output_open(inside(folder, "late", late), false, &output, error));
    write_file(late, "another's", 9);
    assert_fails(output_commit(output, error), LIMN_E_OUTPUT, "late: rename failed");
    assert_holds(late, "another's");
    assert_ok(output_open(inside(folder, "late2", late), true, &output, error));
    write_file(late, "another's", 9);
    assert_ok(output_commit(output, error));
    assert_holds(late, "");
    assert_int_equal(count_names(folder, ""), 3);
}

static void test_mode_and_links_survive_replacement(void **state)
{
    (void)state;
    const char *folder = new_folder("links"), *other = new_folder("links-target");
    char path[PATH_ROOM], link[PATH_ROOM], to[PATH_ROOM] = "";
    struct stat status;
    write_file(inside(other, "real", path), "old", 3);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink("../links-target/real", inside(folder, "link", link)), 0);
    struct output *output;
    assert_fails(output_open(link, false, &output, error), LIMN_E_OUTPUT, "already exists");
    write_text(link, true, "new");
    assert_holds(path, "new");
    assert_int_equal(readlink(link, to, sizeof to - 1), 20);
    assert_string_equal(to, "../links-target/real");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_names(folder, "") + count_names(other, ""), 2);
}

static void test_the_longest_name(void **state)
{
    (void)state;
    const char *folder = new_folder("longest");
    char path[PATH_ROOM], name[257] = "";
    memset(name, 'n', 255);
    write_text(inside(folder, name, path), false, "text");
    assert_holds(path, "text");
    struct output *output;
    name[255] = 'n';
    assert_fails(output_open(inside(folder, name, path), false, &output, error), LIMN_E_OUTPUT, "too long");
    assert_int_equal(count_names(folder, ""), 1);
}

static void test_where_nothing_can_be_written(void **state)
{
    (void)state;
    const char *folder = new_folder("refused");
    char path[PATH_ROOM], *big = calloc(1, 70000);
    struct output *output;
    assert_fails(output_open(folder, true, &output, error), LIMN_E_OUTPUT, "is a folder");
    assert_fails(output_open(inside(folder, "no/such", path), false, &output, error), LIMN_E_OUTPUT,
                 "No such");
    assert_fails(output_open("", false, &output, error), LIMN_E_OUTPUT, "'': cannot be written");
    assert_fails(output_open("/dev/null/x", false, &output, error), LIMN_E_OUTPUT, "Not a directory");
    assert_null(output);
    /* /dev/full takes nothing: known when the buffer is flushed, in the middle or at the end. */
    assert_ok(output_open("/dev/full", false, &output, error));
    assert_ok(output_write(output, "x", 1, error));
    assert_fails(output_commit(output, error), LIMN_E_OUTPUT, "/dev/full: write failed: No space");
    assert_ok(output_open("/dev/full", false, &output, error));
    assert_fails(output_write(output, big, 70000, error), LIMN_E_OUTPUT, "No space");
    output_abandon(output);
    write_text("/dev/null", false, "gone");
    assert_ok(output_open(inside(folder, "stalled", path), false, &output, error));
    fault_at(FAULT_STALL, 1, true);
    assert_fails(output_write(output, big, 70000, error), LIMN_E_OUTPUT, "no byte was written");
    fault_at(FAULT_STALL, 0, false);
    output_abandon(output);
    assert_int_equal(count_names(folder, ""), 0);
    free(big);
}

/* What a signal handler does: every temporary file goes, wherever it is; what was finished stays. */
static void test_unfinished_files_are_removed(void **state)
{
    (void)state;
    enum { OPEN = 5 };
    const char *folder = new_folder("unfinished"), *other = new_folder("unfinished2");
    char path[PATH_ROOM];
    struct output *outputs[OPEN];
    write_text(inside(folder, "done", path), false, "text");
    for (int i = 0; i < OPEN; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_ok(output_open(inside(i % 2 ? folder : other, name, path), false, &outputs[i], error));
    }
    assert_int_equal(count_names(folder, ".limn-") + count_names(other, ".limn-"), OPEN);
    outputs_remove_unfinished();
    assert_int_equal(count_names(folder, ""), 1);
    assert_int_equal(count_names(other, ""), 0);
    assert_fails(output_commit(outputs[0], error), LIMN_E_OUTPUT, "rename failed");
    for (int i = 1; i < OPEN; i++)
        output_abandon(outputs[i]);
    assert_int_equal(count_names(other, ""), 0);
}

static void test_more_files_than_can_be_kept_track_of(void **state)
{
    (void)state;
    enum { MOST = 64 };
    const char *folder = new_folder("slots");
    char path[PATH_ROOM];
    struct output *outputs[MOST], *more;
    for (int round = 0; round < 2; round++) { /* the second shows that slots come back */
        for (int i = 0; i < MOST; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i);
            assert_ok(output_open(inside(folder, name, path), false, &outputs[i], error));
        }
        assert_fails(output_open(inside(folder, "more", path), false, &more, error), LIMN_E_OUTPUT,
                     "more than 64");
        for (int i = 0; i < MOST; i++)
            output_abandon(outputs[i]);
    }
    assert_int_equal(count_names(folder, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_all_of_a_file),
        cmocka_unit_test(test_read_all_of_a_pipe),
        cmocka_unit_test(test_read_all_of_standard_input),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_read_at),
        cmocka_unit_test(test_a_file_that_changes),
        cmocka_unit_test(test_a_change_within_a_tick),
        cmocka_unit_test(test_a_file_that_shrinks_under_a_read),
        cmocka_unit_test(test_an_open_file_stays),
        cmocka_unit_test(test_no_mixture_is_read),
        cmocka_unit_test(test_folders_sort_naturally),
        cmocka_unit_test(test_large_and_empty_folders),
        cmocka_unit_test(test_making_folders),
        cmocka_unit_test(test_paths_that_meet),
        cmocka_unit_test(test_folders_that_cannot_be_looked_at),
        cmocka_unit_test(test_output_appears_at_commit),
        cmocka_unit_test(test_nothing_is_left_after_abandon),
        cmocka_unit_test(test_what_stands_is_kept_unless_forced),
        cmocka_unit_test(test_mode_and_links_survive_replacement),
        cmocka_unit_test(test_the_longest_name),
        cmocka_unit_test(test_where_nothing_can_be_written),
        cmocka_unit_test(test_unfinished_files_are_removed),
        cmocka_unit_test(test_more_files_than_can_be_kept_track_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
