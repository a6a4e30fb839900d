/* support_faults.h - allocations and system calls that fail, without a line for it in the program.
 *
 * Test programs are linked with ld's --wrap, so that the calls named in the Makefile (WRAPPED) come here
 * first, from wherever in limn or in a test they are made. Calls that libraries make for themselves do not.
 *
 *     fault_at(FAULT_WRITE, 3, true);          the disk is full from the third write on
 *     status = picture_write(...);
 *     fault_at(FAULT_WRITE, 0, false);
 */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Kinds of calls: what fails, and with which errno. */
enum fault {
    FAULT_MEMORY, /* aligned_alloc, where all of limn's memory comes from: ENOMEM */
    FAULT_OPEN,   /* open: EMFILE */
    FAULT_STAT,   /* stat, fstat, access: ELOOP */
    FAULT_READ,   /* read, pread: EIO */
    FAULT_WRITE,  /* write: ENOSPC */
    FAULT_STALL,  /* write, which takes nothing and returns 0 */
    FAULT_CLOSE,  /* close, which closes nevertheless, as Linux does: EDQUOT */
    FAULT_RENAME, /* rename, renameat2: EBUSY */
    FAULT_MKDIR,  /* mkdir: EROFS */
    FAULT_LIST,   /* opendir, readdir: ESTALE */
    FAULT_THREAD, /* pthread_create: EAGAIN */
    FAULT_EXTRA,  /* what limn can do without: madvise, fchmod, realpath, readlink, sched_getaffinity, fopen,
                   * and any call about a file in /proc or /sys: EPERM */
    FAULTS,
};

/* "memory", "open", ... */
extern const char *const fault_names[FAULTS];

/* The errno that the calls of a kind fail with; 0 for FAULT_STALL. */
int fault_error(enum fault kind);

/* The nth call of this kind from now fails (1 is the next), and every later one too when `persistent`; 0
 * turns it off. Counts from 0 again. */
void fault_at(enum fault kind, int64_t nth, bool persistent);

/* Calls of this kind since fault_at, or since the start, failed ones too. */
int64_t fault_calls(enum fault kind);

/* The path that the first call to fail since fault_at was about; "" without a failure, or a path. */
const char *fault_path(void);

/* From now on every read, pread and write stops after one to three bytes, and each fourth with EINTR instead,
 * as any of them may at any time. */
void fault_short_transfers(bool on);

#endif
