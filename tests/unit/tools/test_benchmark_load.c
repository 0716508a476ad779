/* Counting replies, however they arrive: from a server that sends what it is told to. */
#include "tools/benchmark_load.h"

#include "lib/suite.h"
#include "os/clock.h"
#include "os/socket.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct puppet {
    int listener;
    struct load_target target;
    const char *reply;    /* to each request */
    size_t piece;         /* bytes a send */
    size_t request_count; /* that it waits for before it closes */
    pthread_t thread;
};

static void wait_readable(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    ck_assert_int_eq(poll(&wait, 1, 30000), 1);
}

static void send_in_pieces(int fd, const char *text, size_t piece)
{
    for (size_t size = strlen(text); size > 0;) {
        ssize_t sent = send(fd, text, MIN(piece, size), MSG_NOSIGNAL);
        if (sent <= 0) return; /* the load has given up: the test looks at why */
        text += sent;
        size -= (size_t)sent;
    }
}

/* Requests are inline PINGs: each ends with a line end. */
static void *puppet_run(void *context)
{
    struct puppet *puppet = context;
    int fd;
    wait_readable(puppet->listener);
    ck_assert_int_eq(socket_accept(puppet->listener, &fd), ERR_NONE);
    for (size_t seen = 0; seen < puppet->request_count;) {
        char input[512];
        wait_readable(fd);
        ssize_t got = read(fd, input, sizeof(input));
        if (got <= 0) break;
        for (ssize_t i = 0; i < got; i++) {
            if (input[i] != '\n') continue;
            send_in_pieces(fd, puppet->reply, puppet->piece);
            seen++;
        }
    }
    close(fd);
    return NULL;
}

static void puppet_start(struct puppet *puppet)
{
    struct socket_address *address = &puppet->target.address;
    struct socket_address remote;
    snprintf(address->ip, sizeof(address->ip), "127.0.0.1");
    ck_assert_int_eq(socket_listen(address, 4, &puppet->listener), ERR_NONE);
    socket_names(puppet->listener, &remote, address);
    ck_assert_int_eq(pthread_create(&puppet->thread, NULL, puppet_run, puppet), 0);
}

static void puppet_end(struct puppet *puppet)
{
    pthread_join(puppet->thread, NULL);
    close(puppet->listener);
}

struct outcome {
    bool is_good;
    struct load_tally tally;
    uint64_t recorded;
    char failure[480];
};

/* Six requests in pipelines of four: the last one is cut. */
static struct outcome run_against(struct puppet *puppet, bool tolerates_redirects)
{
    struct request_template request;
    struct outcome outcome = { 0 };
    if (puppet->request_count == 0) puppet->request_count = 6;
    puppet_start(puppet);
    struct load *load = load_create(&(struct load_options){
        .targets = &puppet->target, .target_count = 1, .connection_count = 1, .seed = 1 });
    request_template_init_inline(&request, BYTES("PING\r\n"));
    struct histogram *latency_us = histogram_create();
    struct load_work work = { .request = &request,
                              .pipeline = 4,
                              .request_count = 6,
                              .tolerates_redirects = tolerates_redirects };
    ck_assert(load_connect(load));
    outcome.tally.started_ns = clock_ticks();
    outcome.is_good = load_run(load, &work, &outcome.tally, latency_us);
    outcome.recorded = histogram_count(latency_us);
    snprintf(outcome.failure, sizeof(outcome.failure), "%s", load_failure(load));
    load_destroy(load);
    histogram_destroy(latency_us);
    request_template_fini(&request);
    puppet_end(puppet);
    return outcome;
}

START_TEST(every_kind_of_reply_is_counted_once_in_pieces_of_any_size)
{
    static const char *const replies[] = {
        "+PONG\r\n",
        ":1\r\n",
        "_\r\n",
        "#t\r\n",
        "$-1\r\n",
        "$0\r\n\r\n",
        "$10\r\n+a\r\n-b\r\n$5\r\n",
        "*2\r\n$3\r\nabc\r\n*1\r\n:5\r\n",
        "*0\r\n",
        "%1\r\n+a\r\n,1.5\r\n",
        ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+PONG\r\n", /* a push before the reply */
    };
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        for (size_t piece = 1; piece <= 64; piece *= 7) {
            struct puppet puppet = { .reply = replies[i], .piece = piece };
            struct outcome outcome = run_against(&puppet, false);
            ck_assert_msg(outcome.is_good, "%s: %s", replies[i], outcome.failure);
            ck_assert_uint_eq(outcome.tally.done, 6);
            ck_assert_uint_eq(outcome.recorded, 6);
        }
    }
}
END_TEST

START_TEST(an_error_ends_the_run_and_is_quoted)
{
    struct puppet puppet = { .reply = "-ERR no such thing\r\n", .piece = 64 };
    struct outcome outcome = run_against(&puppet, true);
    ck_assert(!outcome.is_good);
    ck_assert(outcome.tally.is_stopped);
    ck_assert_str_eq(outcome.failure, "Error from server: ERR no such thing");
}
END_TEST

START_TEST(redirections_are_counted_where_they_are_tolerated)
{
    struct puppet puppet = { .reply = "-MOVED 1 127.0.0.1:1\r\n", .piece = 64 };
    struct outcome outcome = run_against(&puppet, true);
    ck_assert(outcome.is_good);
    ck_assert_uint_eq(outcome.tally.redirected, 6);
    ck_assert_uint_eq(outcome.tally.done, 6);
    struct puppet strict = { .reply = "-MOVED 1 127.0.0.1:1\r\n", .piece = 64 };
    outcome = run_against(&strict, false);
    ck_assert_str_eq(outcome.failure, "Error from server: MOVED 1 127.0.0.1:1");
}
END_TEST

START_TEST(what_is_no_reply_and_a_closed_connection_are_told_apart)
{
    struct puppet babbler = { .reply = "HTTP/1.1 200 OK\r\n", .piece = 64 };
    ck_assert_str_eq(run_against(&babbler, false).failure, "The server's reply is not RESP");
    struct puppet quitter = { .reply = "+PONG\r\n", .piece = 64, .request_count = 1 };
    ck_assert_ptr_nonnull(
        strstr(run_against(&quitter, false).failure, "The server closed the connection"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_load");
    tcase_add_test(tests, every_kind_of_reply_is_counted_once_in_pieces_of_any_size);
    tcase_add_test(tests, an_error_ends_the_run_and_is_quoted);
    tcase_add_test(tests, redirections_are_counted_where_they_are_tolerated);
    tcase_add_test(tests, what_is_no_reply_and_a_closed_connection_are_told_apart);
    return suite_run("tools/benchmark_load", tests);
}
