/* files.h - the one file layer: every byte limn reads or writes passes here.
 *
 * Input errors carry the status that the caller names (LIMN_E_WEIGHTS or LIMN_E_INPUT), because only
 * the caller knows what the file was meant to be. The path "-" is standard input or output.
 *
 * Output is all or nothing: bytes go to a temporary file beside the target, every write and the
 * close are checked, and only output_commit renames it into place. A device or pipe that stands
 * at the path already cannot be renamed over and is written directly. */
#ifndef LIMN_FILES_H
#define LIMN_FILES_H

#include "engine/base/status.h"

/* ---- reading -----------------------------------------------------------------------------
 *
 * A file that others write to meanwhile is an error, never a mixture: what is read is the file as it was when
 * it was opened, or "changed while it was being read". A file that is removed, or replaced by renaming
 * another over it, stays readable as it was. This rests on its size and time, which every write() and
 * truncation changes on file systems that are stamped by the kernel's clock; not seen are what goes through a
 * mapping, or through a file system of coarser times (FAT: two seconds), and a writer who sets the time back.
 */

/* What messages call an input: "-" is standard input, and no name at all ''. */
const char *input_name(const char *path);

struct file; /* an open regular file */

/* Opens a regular file for reading at given places. */
limn_status file_open(const char *path, limn_status kind, struct file **file, limn_error *error);
void file_close(struct file *file);
uint64_t file_size(const struct file *file);
const char *file_path(const struct file *file);

/* Reads exactly `bytes` bytes at `offset`; see above. Thread-safe. */
limn_status file_read_at(const struct file *file, uint64_t offset, void *buffer, size_t bytes,
                         limn_error *error);

/* Reads a whole file, as above, or a pipe or standard input to its end. More than `most` bytes is an error.
 * The block has one zero byte behind its end, so that text can be read as a string; release it with mem_free.
 */
limn_status file_read_all(const char *path, size_t most, limn_status kind, unsigned char **bytes,
                          size_t *size, limn_error *error);

/* The beginning of a small file, such as the kernel's own below /proc and /sys, as a string in `text`, `room`
 * bytes. False, and "", when it cannot be read. Allocates nothing. */
bool file_read_start(const char *path, char *text, size_t room);

/* False also where nothing stands, or what does cannot be looked at. */
bool path_is_folder(const char *path);

/* Whether a symbolic link stands there, wherever it leads. */
bool path_is_link(const char *path);

/* path_is_folder with an error, of the status `kind`, for a path that cannot be looked at. */
limn_status folder_find(const char *path, limn_status kind, bool *found, limn_error *error);

/* Whether two paths name one file, be it there already or not: by other words, or through a link. */
bool paths_meet(const char *a, const char *b);

/* The names in a folder (no dot files), sorted naturally: digit runs compare as numbers, so a_2 comes
 * before a_10. Release with names_free. */
limn_status folder_list(const char *path, char ***names, size_t *count, limn_error *error);
void names_free(char **names, size_t count);

/* Creates the folder if it does not stand; its parent must. */
limn_status folder_create(const char *path, limn_error *error);

/* ---- writing ----------------------------------------------------------------------------- */

struct output;

/* Whether output_open would succeed: for refusing before the work is done. Leaves nothing behind. */
limn_status output_check(const char *path, bool force, limn_error *error);

/* Prepares to write `path`. With `force` false a file that stands there already is an error, now and at
 * commit. */
limn_status output_open(const char *path, bool force, struct output **output, limn_error *error);
limn_status output_write(struct output *output, const void *bytes, size_t size, limn_error *error);

/* Finishes and renames into place; on failure nothing is left behind. Frees the output either way. */
limn_status output_commit(struct output *output, limn_error *error);

/* Gives up: removes the temporary file and frees the output. NULL is allowed. */
void output_abandon(struct output *output);

/* Removes every unfinished temporary file of this process; async-signal-safe, for signal handlers. */
void outputs_remove_unfinished(void);

/* ---- standard streams -------------------------------------------------------------------- */

/* Where standard input, output or error was closed when the program started, the next file opened would get
 * its number, and what is printed would end up in that file. This puts something there that can be neither
 * read nor, as output, written. For main, before anything is opened. */
void streams_hold(void);

#endif
