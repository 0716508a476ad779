/* One background thread for what must not hold up the loop: freeing, resolving, syncing. */
#ifndef EIR_OS_WORKER_H
#define EIR_OS_WORKER_H

struct worker;

struct worker *worker_create(const char *name);
/* Runs everything that is queued, then joins the thread. */
void worker_destroy(struct worker *worker);
/* Runs job(context) on the thread, in order; it must touch nothing that the loop's thread owns. */
void worker_submit(struct worker *worker, void (*job)(void *context), void *context);

#endif
