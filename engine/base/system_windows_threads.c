/* system_windows_threads.c - system.h for Windows: time and threads. */
#include "engine/base/system.h"

#include <process.h>
#include <windows.h>

/* ---- time --------------------------------------------------------------------------------- */

double system_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

void system_sleep(double seconds)
{
    Sleep((DWORD)(1e3 * seconds + 0.999));
}

/* ---- threads ------------------------------------------------------------------------------ */

_Static_assert(sizeof(SRWLOCK) <= sizeof(struct system_mutex), "a mutex fits");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(struct system_condition), "a condition fits");

static SRWLOCK *lock_of(struct system_mutex *mutex)
{
    return (SRWLOCK *)mutex;
}

static CONDITION_VARIABLE *condition_of(struct system_condition *condition)
{
    return (CONDITION_VARIABLE *)condition;
}

void system_mutex_create(struct system_mutex *mutex)
{
    InitializeSRWLock(lock_of(mutex));
}

void system_mutex_free(struct system_mutex *mutex)
{
    (void)mutex;
}

void system_mutex_lock(struct system_mutex *mutex)
{
    AcquireSRWLockExclusive(lock_of(mutex));
}

void system_mutex_unlock(struct system_mutex *mutex)
{
    ReleaseSRWLockExclusive(lock_of(mutex));
}

static SRWLOCK process_mutex = SRWLOCK_INIT;

void system_process_lock(void)
{
    AcquireSRWLockExclusive(&process_mutex);
}

void system_process_unlock(void)
{
    ReleaseSRWLockExclusive(&process_mutex);
}

void system_condition_create(struct system_condition *condition)
{
    InitializeConditionVariable(condition_of(condition));
}

void system_condition_free(struct system_condition *condition)
{
    (void)condition;
}

void system_condition_wait(struct system_condition *condition, struct system_mutex *mutex)
{
    SleepConditionVariableSRW(condition_of(condition), lock_of(mutex), INFINITE, 0);
}

void system_condition_wake_all(struct system_condition *condition)
{
    WakeAllConditionVariable(condition_of(condition));
}

static unsigned __stdcall run_thread(void *argument)
{
    struct system_thread *thread = argument;
    thread->run(thread->argument);
    return 0;
}

bool system_thread_start(struct system_thread *thread, void (*run)(void *argument), void *argument)
{
    thread->run = run;
    thread->argument = argument;
    thread->handle = (uint64_t)_beginthreadex(NULL, 0, run_thread, thread, 0, NULL); /* sets errno */
    return thread->handle != 0;
}

void system_thread_join(struct system_thread *thread)
{
    HANDLE handle = (HANDLE)(uintptr_t)thread->handle;
    WaitForSingleObject(handle, INFINITE);
    CloseHandle(handle);
}
