/* files.h - the one file layer: every byte limn reads or writes passes here.
 *
 * Input errors have the status that the caller passes (LIMN_E_WEIGHTS or LIMN_E_INPUT): only the caller knows
 * what the file should be. The path "-" is standard input or output.
 *
 * Output is all or nothing: bytes go to a temporary file in the folder of the target, every write and the
 * close are checked, and output_commit renames the file into place. An existing device or pipe cannot be
 * replaced by renaming; it is written directly. */
#ifndef LIMN_FILES_H
#define LIMN_FILES_H

#include "engine/base/status.h"

/* ---- reading -----------------------------------------------------------------------------
 *
 * A file that another process writes to meanwhile is an error, never a mixture: either the bytes are those of
 * the file when it was opened, or the read fails with "changed while it was being read". A file that is
 * removed, or replaced by renaming another over it, stays readable. The check compares size and modification
 * time, which every write() and truncation changes on file systems that use the kernel's clock. It misses
 * writes through a mapping, writes on a file system with coarse times (FAT: two seconds), and a writer that
 * sets the time back. */

/* The name of an input for messages: "standard input" for "-", and '' for an empty path. */
const char *input_name(const char *path);

struct file; /* an open regular file, or bytes in memory */

/* Opens a regular file for file_read_at. */
limn_status file_open(const char *path, limn_status kind, struct file **file, limn_error *error);

/* Reads `size` bytes in memory as a file, at any alignment. Borrows them until file_close: they must stay
 * valid and unchanged. `bytes` is not NULL. Copies `name`, which takes the place of the path. LIMN_E_MEMORY.
 */
limn_status file_open_bytes(const void *bytes, size_t size, const char *name, limn_status kind,
                            struct file **file, limn_error *error);

/* Adds an owner, who calls file_close too; the last call closes the file. Returns `file`. Thread-safe. */
struct file *file_share(struct file *file);
void file_close(struct file *file);
uint64_t file_size(const struct file *file);
const char *file_path(const struct file *file);

/* Reads exactly `bytes` bytes at `offset`. Thread-safe. */
limn_status file_read_at(const struct file *file, uint64_t offset, void *buffer, size_t bytes,
                         limn_error *error);

/* Reads a whole file, or a pipe or standard input to its end. More than `most` bytes is an error. A zero byte
 * follows the last one, so that text can be used as a string. Free *bytes with mem_free. */
limn_status file_read_all(const char *path, size_t most, limn_status kind, unsigned char **bytes,
                          size_t *size, limn_error *error);

/* Reads what has arrived on standard input, at least a byte and at most `room`; waits for the first one. *got
 * is 0 at the end. `name` is what messages call it. */
limn_status stdin_read(void *buffer, size_t room, const char *name, size_t *got, limn_error *error);

/* Reads the first room - 1 bytes of a small file, such as one of /proc or /sys, into `text` as a string.
 * False, and "", if it cannot be read. Allocates nothing. */
bool file_read_start(const char *path, char *text, size_t room);

/* Also false if the path does not exist or cannot be read. */
bool path_is_folder(const char *path);
bool path_is_device(const char *path); /* or a pipe or socket */

/* False for folders, pipes and devices, without permission to read, and if the path does not exist. If stat
 * fails otherwise, opening it says why. */
bool path_may_be_read(const char *path);

/* path_is_folder, but an error of status `kind` if stat fails for another reason than a missing path. */
limn_status folder_find(const char *path, limn_status kind, bool *found, limn_error *error);

/* Whether two paths name the same file, spelled differently or through a link. The file need not exist. */
bool paths_meet(const char *a, const char *b);

/* The names in a folder, without dot files, in natural order: digits compare as numbers, so a_2 precedes
 * a_10. Free them with names_free. */
limn_status folder_list(const char *path, char ***names, size_t *count, limn_error *error);
void names_free(char **names, size_t count);

/* Creates the folder unless it exists; its parent must exist. */
limn_status folder_create(const char *path, limn_error *error);

/* ---- writing ----------------------------------------------------------------------------- */

struct output;

/* Fails if output_open would: lets a caller check before the work starts. Leaves no file. */
limn_status output_check(const char *path, bool force, limn_error *error);

/* Finds whether a file exists that output_open would refuse to replace without `force`. LIMN_E_OUTPUT if stat
 * fails for another reason than a missing path. */
limn_status output_exists(const char *path, bool *exists, limn_error *error);

/* Prepares to write `path`. Unless `force`, an existing file is an error, now and at commit. */
limn_status output_open(const char *path, bool force, struct output **output, limn_error *error);

/* Collects what is written in memory. output_commit sets *bytes, to be freed with mem_free, and *size; until
 * then they are NULL and 0. `name` takes the place of the path. LIMN_E_MEMORY. */
limn_status output_open_bytes(const char *name, unsigned char **bytes, size_t *size, struct output **output,
                              limn_error *error);

limn_status output_write(struct output *output, const void *bytes, size_t size, limn_error *error);

/* Finishes the file and renames it into place; on failure removes it. Frees the output in both cases. */
limn_status output_commit(struct output *output, limn_error *error);

/* Removes the temporary file and frees the output. NULL is allowed. */
void output_abandon(struct output *output);

/* Removes every unfinished temporary file of this process; async-signal-safe, for signal handlers. */
void outputs_remove_unfinished(void);

/* Removes the temporary files that killed processes have left in the folder where `path` is to be written.
 * Those of running processes are locked (system_lock) and stay, as do all on a file system without locks. */
void outputs_remove_abandoned(const char *path);

#endif
