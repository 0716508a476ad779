/* One background thread with a queue of jobs in order. */
#include "os/worker.h"

#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include <pthread.h>
#include <signal.h>

struct job {
    struct list_link link;
    void (*run)(void *context);
    void *context;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct list jobs; /* owned */
    bool is_ending;
};

/* The next job, or NULL when the worker ends and nothing is left. */
static struct job *worker_take_job(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (list_is_empty(&worker->jobs) && !worker->is_ending)
        pthread_cond_wait(&worker->wake, &worker->mutex);
    struct job *job = LIST_FIRST(&worker->jobs, struct job, link);
    if (job != NULL) list_remove(&job->link);
    pthread_mutex_unlock(&worker->mutex);
    return job;
}

static void *worker_run(void *context)
{
    struct worker *worker = context;
    for (struct job *job; (job = worker_take_job(worker)) != NULL;) {
        job->run(job->context);
        memory_free(job);
    }
    return NULL;
}

struct worker *worker_create(const char *name)
{
    struct worker *worker = memory_alloc_zero(sizeof(*worker));
    list_init(&worker->jobs);
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->wake, NULL);

    /* Signals belong to the loop's thread. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&worker->thread, NULL, worker_run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ensure(result == 0);
    pthread_setname_np(worker->thread, name);
    return worker;
}

void worker_destroy(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    worker->is_ending = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    pthread_mutex_destroy(&worker->mutex);
    pthread_cond_destroy(&worker->wake);
    memory_free(worker);
}

void worker_submit(struct worker *worker, void (*job)(void *context), void *context)
{
    struct job *queued = memory_alloc(sizeof(*queued));
    *queued = (struct job){ .run = job, .context = context };
    pthread_mutex_lock(&worker->mutex);
    list_append(&worker->jobs, &queued->link);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
}
