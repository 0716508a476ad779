/* Requests that are written once; per pipeline only the digits of their keys change. */
#include "tools/benchmark_request.h"

#include "base/memory.h"
#include "resp/reply.h"
#include <stdio.h>

/* Replaces every `from` in `word` by `to`. */
static void append_replaced(struct buffer *into, struct bytes word, struct bytes from,
                            struct bytes to)
{
    while (word.size >= from.size) {
        if (memcmp(word.data, from.data, from.size) == 0) {
            buffer_append(into, to);
            word = bytes_from(word, from.size);
        } else {
            buffer_append_byte(into, *word.data);
            word = bytes_from(word, 1);
        }
    }
    buffer_append(into, word);
}

static void append_command(struct request_template *request, const struct request_words *words,
                           struct bytes data)
{
    struct bytes *argv = memory_alloc(words->argc * sizeof(*argv));
    struct buffer *filled = memory_alloc_zero(words->argc * sizeof(*filled));
    for (size_t i = 0; i < words->argc; i++) {
        append_replaced(&filled[i], words->argv[i], BYTES("__data__"), data);
        argv[i] = buffer_bytes(&filled[i]);
    }
    for (uint32_t time = 0; time < words->times; time++)
        resp_write_command(&request->text, words->argc, argv);
    request->command_count += words->times;
    for (size_t i = 0; i < words->argc; i++) buffer_fini(&filled[i]);
    memory_free(filled);
    memory_free(argv);
}

static void find_places(struct request_template *request, struct bytes mark, uint32_t kind)
{
    const char *at = request->text.data;
    const char *end = at + request->text.size;
    while ((at = memmem(at, (size_t)(end - at), mark.data, mark.size)) != NULL) {
        request->places =
            memory_realloc(request->places, (request->place_count + 1) * sizeof(*request->places));
        request->places[request->place_count++] =
            (struct request_place){ .offset = (uint32_t)(at - request->text.data), .kind = kind };
        request->has_kind[kind] = true;
        at += mark.size;
    }
}

void request_template_init(struct request_template *request, const struct request_words *commands,
                           size_t command_count, struct bytes data, bool has_numbers, bool has_tags)
{
    static const char *const marks[] = { "__rand_int__", "__rand_1st__", "__rand_2nd__",
                                         "__rand_3rd__", "__rand_4th__", "__rand_5th__",
                                         "__rand_6th__", "__rand_7th__", "__rand_8th__",
                                         "__rand_9th__" };
    *request = (struct request_template){ 0 };
    for (size_t i = 0; i < command_count; i++) append_command(request, &commands[i], data);
    for (uint32_t kind = 0; has_numbers && kind < COUNT_OF(marks); kind++)
        find_places(request, bytes_text(marks[kind]), kind);
    if (has_tags) find_places(request, BYTES("{tag}"), PLACE_TAG);
}

void request_template_init_inline(struct request_template *request, struct bytes line)
{
    *request = (struct request_template){ .command_count = 1 };
    buffer_append(&request->text, line);
}

void request_template_fini(struct request_template *request)
{
    buffer_fini(&request->text);
    memory_free(request->places);
    *request = (struct request_template){ 0 };
}

void request_template_repeat(const struct request_template *request, size_t copies,
                             struct buffer *into)
{
    for (size_t i = 0; i < copies; i++) buffer_append(into, buffer_bytes(&request->text));
}

static void print_digits(char *text, uint64_t number)
{
    for (int i = PLACE_DIGITS - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

static uint64_t next_number(const struct request_numbers *numbers, uint32_t kind, struct prng *prng)
{
    if (!numbers->is_sequential) return prng_below(prng, numbers->keyspace);
    uint64_t count = __atomic_fetch_add(&numbers->next[kind], 1, __ATOMIC_RELAXED);
    return count % numbers->keyspace;
}

static void patch_copy(const struct request_template *request, char *text,
                       const struct request_numbers *numbers, const char *tag, struct prng *prng)
{
    uint64_t same[PLACE_KINDS] = { 0 };
    for (uint32_t kind = PLACE_SAME_FIRST; kind < PLACE_TAG; kind++)
        if (request->has_kind[kind]) same[kind] = next_number(numbers, kind, prng);
    for (size_t i = 0; i < request->place_count; i++) {
        const struct request_place *place = &request->places[i];
        char *at = text + place->offset;
        if (place->kind != PLACE_TAG)
            print_digits(at, place->kind == 0 ? next_number(numbers, 0, prng) : same[place->kind]);
        else if (tag != NULL)
            memcpy(at + 1, tag, TAG_LETTERS); /* between the braces */
    }
}

void request_template_patch(const struct request_template *request, char *text, size_t copies,
                            const struct request_numbers *numbers, const struct request_tags *tags,
                            struct prng *prng)
{
    if (request->place_count == 0) return;
    for (size_t copy = 0; copy < copies; copy++) {
        const char *tag = NULL;
        if (tags != NULL && tags->count > 0)
            tag = tags->letters + prng_below(prng, tags->count) * TAG_LETTERS;
        patch_copy(request, text, numbers, tag, prng);
        text += request->text.size;
    }
}
