/* The loop, with real sockets on the loopback interface. */
#include "os/loop.h"

#include "base/buffer.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS 64

static const enum loop_choice choices[] = { LOOP_EPOLL, LOOP_URING };

struct world {
    struct loop *loop;
    loop_handle listener;
    struct socket_address address;
    /* A connection between two places of the same loop, when there is one. */
    loop_handle near; /* the side that connects, tag 1 */
    loop_handle far;  /* the other, tag 2 */
};

/* The next event, which must come within seconds. */
static struct loop_event next_event(struct loop *loop)
{
    struct loop_event events[EVENTS];
    static struct loop_event waiting[EVENTS];
    static size_t count = 0;
    static size_t next = 0;
    if (next == count) {
        count = 0;
        next = 0;
        for (int tries = 0; tries < 100 && count == 0; tries++)
            count = loop_wait(loop, 100, events, EVENTS);
        memcpy(waiting, events, sizeof(waiting));
    }
    ck_assert_uint_lt(next, count);
    return waiting[next++];
}

/* The next event that is not about a send: whether those are told depends on the back end. */
static struct loop_event next_told(struct loop *loop)
{
    struct loop_event event = next_event(loop);
    while (event.type == LOOP_SENT) event = next_event(loop);
    return event;
}

static struct world world_create(int choice)
{
    struct world world = { .loop = loop_create(choices[choice]) };
    /* Port 0 would have to be asked for; a handful of tries finds a free one. */
    for (uint16_t port = 21500; port < 21600; port++) {
        world.address = (struct socket_address){ .ip = "127.0.0.1", .port = port };
        if (!loop_listen(world.loop, &world.address, 16, 7, &world.listener)) return world;
    }
    ck_abort_msg("no free port");
    return world;
}

static void world_connect(struct world *world)
{
    enum err err = loop_connect(world->loop, &world->address, NULL, 1, &world->near);
    ck_assert_int_eq(err, ERR_NONE);
    world->far = LOOP_HANDLE_NONE;
    bool is_connected = false;
    while (!is_connected || world->far == LOOP_HANDLE_NONE) {
        struct loop_event event = next_event(world->loop);
        if (event.type == LOOP_ACCEPTED) {
            ck_assert_uint_eq(event.tag, 7);
            struct socket_address remote;
            struct socket_address local;
            loop_names(world->loop, event.handle, &remote, &local);
            ck_assert_str_eq(remote.ip, "127.0.0.1");
            ck_assert_uint_eq(local.port, world->address.port);
            world->far = event.handle;
            loop_set_tag(world->loop, event.handle, 2);
        } else {
            ck_assert_int_eq(event.type, LOOP_CONNECTED);
            ck_assert_uint_eq(event.tag, 1);
            is_connected = true;
        }
    }
}

static struct world world_connected(int choice)
{
    struct world world = world_create(choice);
    world_connect(&world);
    return world;
}

START_TEST(bytes_arrive_and_the_end_is_told)
{
    struct world world = world_connected(_i);
    struct iovec slices[2] = { { .iov_base = "hel", .iov_len = 3 },
                               { .iov_base = "lo", .iov_len = 2 } };
    loop_send(world.loop, world.near, slices, 2);
    struct loop_event event = next_told(world.loop);
    ck_assert_int_eq(event.type, LOOP_RECEIVED);
    ck_assert_uint_eq(event.tag, 2);
    ck_assert_uint_eq(event.bytes.size, 5);
    ck_assert_mem_eq(event.bytes.data, "hello", 5);
    loop_close(world.loop, world.near);
    event = next_told(world.loop);
    ck_assert_int_eq(event.type, LOOP_CLOSED);
    ck_assert_int_eq(event.cause, ERR_CLOSED);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_connect_where_nobody_listens_is_refused)
{
    struct world world = world_create(_i);
    loop_close(world.loop, world.listener);
    loop_handle near;
    enum err err = loop_connect(world.loop, &world.address, NULL, 1, &near);
    if (err == ERR_NONE) {
        struct loop_event event = next_event(world.loop);
        ck_assert_int_eq(event.type, LOOP_CLOSED);
        err = event.cause;
    }
    ck_assert_int_eq(err, ERR_REFUSED);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_full_socket_asks_for_the_rest_later)
{
    struct world world = world_connected(_i);
    loop_hold(world.loop, world.far, true);
    size_t size = 64 * MIB;
    char *data = calloc(1, size);
    struct iovec slice = { .iov_base = data, .iov_len = size };
    size_t sent = loop_send(world.loop, world.near, &slice, 1);
    ck_assert_uint_lt(sent, size);
    loop_hold(world.loop, world.far, false);
    size_t received = 0;
    while (received < size) {
        struct loop_event event = next_event(world.loop);
        if (event.type == LOOP_RECEIVED) {
            received += event.bytes.size;
            continue;
        }
        ck_assert_int_eq(event.type, LOOP_SENT);
        sent += event.count;
        slice = (struct iovec){ .iov_base = data + sent, .iov_len = size - sent };
        sent += loop_send(world.loop, world.near, &slice, 1);
    }
    ck_assert_uint_eq(received, size);
    free(data);
    loop_destroy(world.loop);
}
END_TEST

/* Takes bytes of `tag` until `size` are there; they are the numbers of their places. */
static void expect_bytes(struct loop *loop, uint64_t tag, size_t size)
{
    size_t received = 0;
    while (received < size) {
        struct loop_event event = next_told(loop);
        ck_assert_int_eq(event.type, LOOP_RECEIVED);
        ck_assert_uint_eq(event.tag, tag);
        for (size_t i = 0; i < event.bytes.size; i++)
            ck_assert_int_eq((unsigned char)event.bytes.data[i], (received + i) % 251);
        received += event.bytes.size;
    }
    ck_assert_uint_eq(received, size);
}

static char *numbered_bytes(size_t size)
{
    char *data = malloc(size);
    for (size_t i = 0; i < size; i++) data[i] = (char)(i % 251);
    return data;
}

START_TEST(what_one_read_cannot_take_comes_before_the_end)
{
    struct world world = world_connected(_i);
    size_t size = 100000;
    char *data = numbered_bytes(size);
    struct iovec slice = { .iov_base = data, .iov_len = size };
    ck_assert_uint_eq(loop_send(world.loop, world.near, &slice, 1), size);
    loop_close(world.loop, world.near);
    expect_bytes(world.loop, 2, size);
    struct loop_event event = next_told(world.loop);
    ck_assert_int_eq(event.type, LOOP_CLOSED);
    ck_assert_int_eq(event.cause, ERR_CLOSED);
    free(data);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(bytes_that_came_while_held_are_read_when_it_is_over)
{
    struct world world = world_connected(_i);
    loop_hold(world.loop, world.far, true);
    char *data = numbered_bytes(300);
    struct iovec slice = { .iov_base = data, .iov_len = 300 };
    loop_send(world.loop, world.near, &slice, 1);
    struct loop_event events[EVENTS];
    for (int waits = 0; waits < 3; waits++) {
        size_t count = loop_wait(world.loop, 20, events, EVENTS);
        for (size_t i = 0; i < count; i++) ck_assert_int_eq(events[i].type, LOOP_SENT);
    }
    loop_hold(world.loop, world.far, false);
    expect_bytes(world.loop, 2, 300);
    free(data);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_pipe_is_read_to_its_end)
{
    struct world world = world_create(_i);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    char *data = numbered_bytes(50000);
    ck_assert_int_eq(write(ends[1], data, 50000), 50000);
    close(ends[1]);
    loop_handle handle;
    enum err err = loop_adopt(world.loop, ends[0], 9, &handle);
    ck_assert_int_eq(err, ERR_NONE);
    expect_bytes(world.loop, 9, 50000);
    struct loop_event event = next_told(world.loop);
    ck_assert_int_eq(event.type, LOOP_CLOSED);
    ck_assert_uint_eq(event.tag, 9);
    free(data);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(what_was_handed_over_goes_out_before_a_close)
{
    struct world world = world_connected(_i);
    char *data = numbered_bytes(3000);
    struct iovec slices[3] = { { .iov_base = data, .iov_len = 1000 },
                               { .iov_base = data + 1000, .iov_len = 1 },
                               { .iov_base = data + 1001, .iov_len = 1999 } };
    loop_send(world.loop, world.near, slices, 3);
    loop_close(world.loop, world.near);
    free(data);
    expect_bytes(world.loop, 2, 3000);
    ck_assert_int_eq(next_told(world.loop).type, LOOP_CLOSED);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(the_end_is_told_a_wait_after_the_last_bytes)
{
    struct world world = world_connected(_i);
    struct iovec slice = { .iov_base = "last", .iov_len = 4 };
    loop_send(world.loop, world.near, &slice, 1);
    loop_close(world.loop, world.near);
    bool has_bytes = false;
    bool has_ended = false;
    while (!has_ended) {
        struct loop_event events[EVENTS];
        size_t count = loop_wait(world.loop, 100, events, EVENTS);
        bool had_bytes = has_bytes;
        for (size_t i = 0; i < count; i++) {
            has_bytes = has_bytes || events[i].type == LOOP_RECEIVED;
            has_ended = has_ended || events[i].type == LOOP_CLOSED;
        }
        ck_assert(!has_ended || had_bytes); /* what answers the bytes can be sent between */
    }
    loop_destroy(world.loop);
}
END_TEST

START_TEST(every_byte_is_told_as_sent_once)
{
    struct world world = world_connected(_i);
    char *data = numbered_bytes(20000);
    size_t received = 0;
    for (int round = 0; round < 50; round++) {
        struct iovec slice = { .iov_base = data, .iov_len = 20000 };
        size_t sent = loop_send(world.loop, world.near, &slice, 1);
        while (sent < 20000) {
            struct loop_event event = next_event(world.loop);
            if (event.type == LOOP_RECEIVED) {
                received += event.bytes.size;
                continue;
            }
            ck_assert_int_eq(event.type, LOOP_SENT);
            ck_assert_uint_eq(event.handle, world.near);
            sent += event.count;
            ck_assert_uint_le(sent, 20000);
            if (sent == 20000) break;
            slice = (struct iovec){ .iov_base = data + sent, .iov_len = 20000 - sent };
            sent += loop_send(world.loop, world.near, &slice, 1);
        }
    }
    while (received < 50 * 20000) received += next_told(world.loop).bytes.size;
    ck_assert_uint_eq(received, 50 * 20000);
    free(data);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_place_that_is_used_again_hears_nothing_of_its_former_user)
{
    struct world world = world_create(_i);
    for (int round = 0; round < 100; round++) {
        world_connect(&world);
        struct iovec slice = { .iov_base = "late", .iov_len = 4 };
        loop_send(world.loop, world.near, &slice, 1);
        loop_send(world.loop, world.far, &slice, 1);
        loop_close(world.loop, world.near);
        loop_close(world.loop, world.far);
    }
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_loop_without_a_ring_says_why)
{
    struct loop *loop = loop_create(LOOP_EPOLL);
    ck_assert_str_eq(loop_backend_name(loop), "epoll");
    ck_assert_str_ne(loop_why_epoll(loop), "");
    loop_destroy(loop);
    loop = loop_create(LOOP_URING);
    bool is_ring = strcmp(loop_backend_name(loop), "io_uring") == 0;
    ck_assert_int_eq(is_ring, loop_why_epoll(loop)[0] == 0);
    loop_destroy(loop);
}
END_TEST

START_TEST(a_reset_connection_may_be_used_until_the_batch_is_over)
{
    struct world world = world_connected(0);
    /* Closing with bytes unread sends a reset. */
    struct iovec slice = { .iov_base = "unread", .iov_len = 6 };
    ck_assert_uint_eq(loop_send(world.loop, world.far, &slice, 1), 6);
    loop_close(world.loop, world.near);
    ck_assert_uint_eq(loop_send(world.loop, world.far, &slice, 1), 0);
    struct loop_event event = next_event(world.loop);
    ck_assert_int_eq(event.type, LOOP_SENT);
    ck_assert_uint_eq(event.handle, world.far);
    ck_assert_uint_eq(loop_send(world.loop, world.far, &slice, 1), 0);
    loop_hold(world.loop, world.far, true);
    loop_close(world.loop, world.far);
    event = next_event(world.loop);
    ck_assert_int_eq(event.type, LOOP_CLOSED);
    ck_assert_uint_eq(event.tag, 2);
    loop_destroy(world.loop);
}
END_TEST

START_TEST(a_wake_from_anywhere_ends_the_wait)
{
    struct world world = world_create(_i);
    loop_wake(world.loop);
    ck_assert_int_eq(next_event(world.loop).type, LOOP_WOKEN);
    loop_destroy(world.loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("os/loop");
    TCase *loop = tcase_create("loop");
    tcase_set_timeout(loop, 60);
    tcase_add_loop_test(loop, bytes_arrive_and_the_end_is_told, 0, 2);
    tcase_add_loop_test(loop, a_connect_where_nobody_listens_is_refused, 0, 2);
    tcase_add_loop_test(loop, a_full_socket_asks_for_the_rest_later, 0, 2);
    tcase_add_loop_test(loop, what_one_read_cannot_take_comes_before_the_end, 0, 2);
    tcase_add_loop_test(loop, bytes_that_came_while_held_are_read_when_it_is_over, 0, 2);
    tcase_add_loop_test(loop, a_pipe_is_read_to_its_end, 0, 2);
    tcase_add_test(loop, a_reset_connection_may_be_used_until_the_batch_is_over);
    tcase_add_loop_test(loop, a_wake_from_anywhere_ends_the_wait, 0, 2);
    tcase_add_loop_test(loop, what_was_handed_over_goes_out_before_a_close, 0, 2);
    tcase_add_loop_test(loop, the_end_is_told_a_wait_after_the_last_bytes, 0, 2);
    tcase_add_loop_test(loop, every_byte_is_told_as_sent_once, 0, 2);
    tcase_add_loop_test(loop, a_place_that_is_used_again_hears_nothing_of_its_former_user, 0, 2);
    tcase_add_test(loop, a_loop_without_a_ring_says_why);
    suite_add_tcase(suite, loop);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
