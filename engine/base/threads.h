/* threads.h - a small pool of threads that many sessions share.
 *
 * A job is a number of independent tasks. The thread that submits it also runs tasks, so a pool of T threads
 * starts T - 1 workers, and a pool of one starts none. Any thread may run any task; results must not depend
 * on which. */
#ifndef LIMN_THREADS_H
#define LIMN_THREADS_H

#include "engine/base/status.h"

struct pool;

/* `worker` is 0 for the thread that called pool_run and 1 .. threads-1 for the pool's own: an index into the
 * job's scratch memory. */
typedef void (*pool_task)(void *context, int64_t task, int worker);

/* Creates a pool of `threads` threads, or of fewer if the system refuses to start more. Fails with
 * LIMN_E_MEMORY. Release it with pool_free. */
limn_status pool_create(int threads, struct pool **pool, limn_error *error);
void pool_free(struct pool *pool);
int pool_threads(const struct pool *pool);

/* Runs task(context, 0 .. tasks-1, worker) and returns when all are done. Several threads may call it at
 * once; their jobs share the workers. Workers flush denormals to zero. In a child process after fork() the
 * caller runs all tasks. */
void pool_run(struct pool *pool, int64_t tasks, pool_task task, void *context);

/* Physical cores that this process may run on, or its CPU quota if that is less; at least 1. */
int usable_cores(void);

#endif
