/* threads.c - see threads.h.
 *
 * A mutex guards the list of current jobs. An atomic counter hands out the tasks of a job, so a worker locks
 * the mutex twice per job, not once per task. A worker without work spins briefly, because the next layer of
 * a network usually follows within microseconds, then sleeps. */
#include "engine/base/threads.h"
#include "engine/base/files.h"
#include "engine/base/machine_memory.h"
#include "engine/base/memory.h"
#include "layers/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
    pthread_t thread;
};

struct pool {
    int started;   /* workers, numbered from 1 */
    pid_t process; /* the process that has the workers: a child after fork() has none */
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct job *jobs;    /* that may have tasks left; guarded by the mutex */
    bool stopping;       /* guarded by the mutex */
    atomic_uint changes; /* counts changes of the two above, for spinning without the mutex */
    struct worker workers[];
};

double time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

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
    double until = time_now() + SPIN_SECONDS;
    while (atomic_load(&pool->changes) == seen && time_now() < until)
        for (int i = 0; i < 32; i++)
            pause_briefly();
}

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    struct pool *pool = self->pool;
    cpu_flush_denormals();
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        struct job *job = job_with_tasks(pool);
        if (job) {
            atomic_fetch_add(&job->inside, 1);
            pthread_mutex_unlock(&pool->mutex);
            run_tasks(job, self->index);
            pthread_mutex_lock(&pool->mutex);
            if (atomic_fetch_sub(&job->inside, 1) == 1)
                pthread_cond_broadcast(&pool->done);
            continue;
        }
        unsigned seen = atomic_load(&pool->changes);
        pthread_mutex_unlock(&pool->mutex);
        spin_until_change(pool, seen);
        pthread_mutex_lock(&pool->mutex);
        if (atomic_load(&pool->changes) == seen)
            pthread_cond_wait(&pool->work, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
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
    created->process = getpid();
    pthread_mutex_init(&created->mutex, NULL);
    pthread_cond_init(&created->work, NULL);
    pthread_cond_init(&created->done, NULL);

    sigset_t all, before; /* workers block signals, so that the main thread gets them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int refused = 0;
    for (int i = 1; i < threads && !refused; i++) {
        created->workers[i] = (struct worker){.pool = created, .index = i};
        refused = pthread_create(&created->workers[i].thread, NULL, worker_main, &created->workers[i]);
        created->started += !refused;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (refused && !machine_can_map(ROOM)) {
        pool_free(created);
        return fail(error, LIMN_E_MEMORY, "cannot start %d threads: %s", threads, strerror(refused));
    }
    *pool = created;
    return LIMN_OK;
}

/* Whether this process is a child of the pool's: it has no workers, and the mutex may stay locked. */
static bool is_orphan(const struct pool *pool)
{
    return pool->process != getpid();
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    if (is_orphan(pool)) {
        mem_free(pool);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    atomic_fetch_add(&pool->changes, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    mem_free(pool);
}

int pool_threads(const struct pool *pool)
{
    return 1 + pool->started;
}

/* Removes the job from the list, so that no more workers enter it, and waits for those inside. */
static void finish_job(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->mutex);
    struct job **link = &pool->jobs;
    while (*link != job)
        link = &(*link)->following;
    *link = job->following;
    pthread_mutex_unlock(&pool->mutex);

    double until = time_now() + SPIN_SECONDS;
    while (atomic_load(&job->inside) > 0 && time_now() < until)
        pause_briefly();
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&job->inside) > 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

void pool_run(struct pool *pool, int64_t tasks, pool_task task, void *context)
{
    struct job job = {.tasks = tasks, .task = task, .context = context};
    if (pool->started == 0 || tasks == 1 || is_orphan(pool)) {
        run_tasks(&job, 0);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    job.following = pool->jobs;
    pool->jobs = &job;
    atomic_fetch_add(&pool->changes, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    run_tasks(&job, 0);
    finish_job(pool, &job);
}

/* A package and a number in it identify a core; hyper-threads of one core share both. */
static bool core_identity(int cpu, int identity[2])
{
    static const char *const fields[2] = {"physical_package_id", "core_id"};
    for (int i = 0; i < 2; i++) {
        char path[96], text[64];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, fields[i]);
        if (!file_read_start(path, text, sizeof text))
            return false;
        identity[i] = (int)strtol(text, NULL, 10);
    }
    return true;
}

int usable_cores(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    int cores = 0, seen[CPU_SETSIZE][2];
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed))
            continue;
        int *identity = seen[cores], known = 0;
        if (!core_identity(cpu, identity)) /* no topology: every processor counts */
            identity[0] = -1, identity[1] = cpu;
        while (known < cores && memcmp(seen[known], identity, sizeof seen[0]) != 0)
            known++;
        cores += known == cores;
    }
    size_t quota = machine_processors("");
    cores = quota < (size_t)cores ? (int)quota : cores;
    return cores > 0 ? cores : 1;
}
