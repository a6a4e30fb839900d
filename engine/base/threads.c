/* threads.c - see threads.h.
 *
 * A mutex guards the list of current jobs. An atomic counter hands out the tasks of a job, so a worker locks
 * the mutex twice per job, not once per task. A worker without work spins briefly, because the next layer of
 * a network usually follows within microseconds, then sleeps. */
#include "engine/base/threads.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "layers/cpu.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static const double SPIN_SECONDS = 200e-6;

struct job {
    int64_t tasks;
    atomic_llong next; /* the first task that no thread has taken */
    atomic_int inside; /* workers that may still be running a task; changed under the mutex */
    pool_task task;
    void *context;
    struct job *following;
};

struct worker {
    struct pool *pool;
    int index;
    struct system_thread thread;
};

struct pool {
    int started;  /* workers, numbered from 1 */
    long process; /* the process that has the workers: a child after fork() has none */
    struct system_mutex mutex;
    struct system_condition work, done;
    struct job *jobs;    /* that may have tasks left; guarded by the mutex */
    bool stopping;       /* guarded by the mutex */
    atomic_uint changes; /* counts changes of the two above, for spinning without the mutex */
    struct worker workers[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_tasks(struct job *job, int worker)
{
    for (int64_t task; (task = atomic_fetch_add(&job->next, 1)) < job->tasks;)
        job->task(job->context, task, worker);
}

static struct job *job_with_tasks(const struct pool *pool)
{
    struct job *job = pool->jobs;
    while (job && atomic_load(&job->next) >= job->tasks)
        job = job->following;
    return job;
}

static void spin_until_change(struct pool *pool, unsigned seen)
{
    double until = system_seconds() + SPIN_SECONDS;
    while (atomic_load(&pool->changes) == seen && system_seconds() < until)
        for (int i = 0; i < 32; i++)
            pause_briefly();
}

static void worker_main(void *argument)
{
    struct worker *self = argument;
    struct pool *pool = self->pool;
    cpu_flush_denormals();
    system_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        struct job *job = job_with_tasks(pool);
        if (job) {
            atomic_fetch_add(&job->inside, 1);
            system_mutex_unlock(&pool->mutex);
            run_tasks(job, self->index);
            system_mutex_lock(&pool->mutex);
            if (atomic_fetch_sub(&job->inside, 1) == 1)
                system_condition_wake_all(&pool->done);
            continue;
        }
        unsigned seen = atomic_load(&pool->changes);
        system_mutex_unlock(&pool->mutex);
        spin_until_change(pool, seen);
        system_mutex_lock(&pool->mutex);
        if (atomic_load(&pool->changes) == seen)
            system_condition_wait(&pool->work, &pool->mutex);
    }
    system_mutex_unlock(&pool->mutex);
}

/* The least address space for what the threads compute. If a thread is refused and there is less, running on
 * the others would only fail later. */
static const size_t ROOM = (size_t)128 << 20;

limn_status pool_create(int threads, struct pool **pool, limn_error *error)
{
    *pool = NULL;
    size_t bytes = sizeof(struct pool) + (size_t)threads * sizeof(struct worker);
    struct pool *created = mem_zalloc(1, bytes);
    if (!created)
        return fail_memory(error, "the thread pool", bytes);
    created->process = system_process();
    system_mutex_create(&created->mutex);
    system_condition_create(&created->work);
    system_condition_create(&created->done);

    int refused = 0; /* the system's reason */
    for (int i = 1; i < threads && !refused; i++) {
        struct worker *worker = &created->workers[i];
        *worker = (struct worker){.pool = created, .index = i};
        refused = system_thread_start(&worker->thread, worker_main, worker) ? 0 : errno;
        created->started += !refused;
    }
    if (refused && !system_can_map(ROOM)) {
        pool_free(created);
        return fail(error, LIMN_E_MEMORY, "cannot start %d threads: %s", threads, strerror(refused));
    }
    *pool = created;
    return LIMN_OK;
}

/* Whether this process is a child of the pool's: it has no workers, and the mutex may stay locked. */
static bool is_orphan(const struct pool *pool)
{
    return pool->process != system_process();
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    if (is_orphan(pool)) {
        mem_free(pool);
        return;
    }
    system_mutex_lock(&pool->mutex);
    pool->stopping = true;
    atomic_fetch_add(&pool->changes, 1);
    system_condition_wake_all(&pool->work);
    system_mutex_unlock(&pool->mutex);
    for (int i = 1; i <= pool->started; i++)
        system_thread_join(&pool->workers[i].thread);
    system_condition_free(&pool->work);
    system_condition_free(&pool->done);
    system_mutex_free(&pool->mutex);
    mem_free(pool);
}

int pool_threads(const struct pool *pool)
{
    return 1 + pool->started;
}

/* Removes the job from the list, so that no more workers enter it, and waits for those inside. */
static void finish_job(struct pool *pool, struct job *job)
{
    system_mutex_lock(&pool->mutex);
    struct job **link = &pool->jobs;
    while (*link != job)
        link = &(*link)->following;
    *link = job->following;
    system_mutex_unlock(&pool->mutex);

    double until = system_seconds() + SPIN_SECONDS;
    while (atomic_load(&job->inside) > 0 && system_seconds() < until)
        pause_briefly();
    system_mutex_lock(&pool->mutex);
    while (atomic_load(&job->inside) > 0)
        system_condition_wait(&pool->done, &pool->mutex);
    system_mutex_unlock(&pool->mutex);
}

void pool_run(struct pool *pool, int64_t tasks, pool_task task, void *context)
{
    struct job job = {.tasks = tasks, .task = task, .context = context};
    if (pool->started == 0 || tasks == 1 || is_orphan(pool)) {
        run_tasks(&job, 0);
        return;
    }
    system_mutex_lock(&pool->mutex);
    job.following = pool->jobs;
    pool->jobs = &job;
    atomic_fetch_add(&pool->changes, 1);
    system_condition_wake_all(&pool->work);
    system_mutex_unlock(&pool->mutex);
    run_tasks(&job, 0);
    finish_job(pool, &job);
}

int usable_cores(void)
{
    int cores = system_cores();
    size_t quota = system_processor_quota("");
    cores = quota < (size_t)cores ? (int)quota : cores;
    return cores > 0 ? cores : 1;
}
