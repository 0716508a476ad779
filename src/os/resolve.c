/* Names to addresses, off the loop's thread: getaddrinfo can take seconds. */
#include "os/resolve.h"

#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include "os/worker.h"
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct question {
    struct list_link link;
    struct resolver *resolver;
    char host[256];
    struct resolved answer;
};

struct resolver {
    struct worker *worker; /* owned */
    pthread_mutex_t mutex;
    struct list answered; /* owned: questions with their answers */
    void (*wake)(void *context);
    void *context;
};

static bool answer_has(const struct resolved *answer, const char *ip)
{
    for (size_t i = 0; i < answer->count; i++)
        if (strcmp(answer->addresses[i], ip) == 0) return true;
    return false;
}

static void answer_fill(struct resolved *answer, const struct addrinfo *found)
{
    for (; found != NULL && answer->count < RESOLVE_ADDRESSES_MAX; found = found->ai_next) {
        char ip[RESOLVE_IP_SIZE];
        int result =
            getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
        if (result != 0 || answer_has(answer, ip)) continue;
        memcpy(answer->addresses[answer->count++], ip, sizeof(ip));
    }
}

static void question_run(void *context)
{
    struct question *question = context;
    struct resolver *resolver = question->resolver;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    if (getaddrinfo(question->host, NULL, &hints, &found) == 0) {
        answer_fill(&question->answer, found);
        freeaddrinfo(found);
    }
    pthread_mutex_lock(&resolver->mutex);
    list_append(&resolver->answered, &question->link);
    pthread_mutex_unlock(&resolver->mutex);
    resolver->wake(resolver->context);
}

struct resolver *resolver_create(void (*wake)(void *context), void *context)
{
    struct resolver *resolver = memory_alloc_zero(sizeof(*resolver));
    resolver->wake = wake;
    resolver->context = context;
    list_init(&resolver->answered);
    pthread_mutex_init(&resolver->mutex, NULL);
    resolver->worker = worker_create("eir-resolve");
    return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
    worker_destroy(resolver->worker);
    LIST_EACH(&resolver->answered, struct question, question, link)
    {
        list_remove(&question->link);
        memory_free(question);
    }
    pthread_mutex_destroy(&resolver->mutex);
    memory_free(resolver);
}

void resolver_ask(struct resolver *resolver, uint32_t token, const char *host)
{
    struct question *question = memory_alloc_zero(sizeof(*question));
    question->resolver = resolver;
    question->answer.token = token;
    snprintf(question->host, sizeof(question->host), "%s", host);
    worker_submit(resolver->worker, question_run, question);
}

bool resolver_take(struct resolver *resolver, struct resolved *answer)
{
    pthread_mutex_lock(&resolver->mutex);
    struct question *question = LIST_FIRST(&resolver->answered, struct question, link);
    if (question != NULL) list_remove(&question->link);
    pthread_mutex_unlock(&resolver->mutex);
    if (question == NULL) return false;
    *answer = question->answer;
    memory_free(question);
    return true;
}
