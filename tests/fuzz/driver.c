/* Runs a harness without a fuzzing compiler: replays its corpus, then mutates it by a seeded prng.
 *
 *   fuzz_request tests/fuzz/corpus/request --runs 20000 --seed 1
 *   fuzz_request crash-request.bin
 *
 * The harness is the usual LLVMFuzzerTestOneInput, so that libFuzzer can drive it too. The same
 * seed gives the same inputs. An input that ends the process is left in crash-<harness>.bin: put
 * it into the corpus under a name that says what it shows, then fix the bug. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/prng.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX  (64 * KIB)
#define CORPUS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct corpus {
    struct buffer inputs[CORPUS_MAX];
    size_t count;
};

/* What the signal handler needs. */
static const struct buffer *current;
static const char *crash_name;

/* A sanitizer's report shall end in SIGABRT, so that the input is kept. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

static void keep_input(int signal_number)
{
    int fd = current == NULL ? -1 : open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        if (write(fd, current->data, current->size) < 0) _exit(1);
        close(fd);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run(const struct buffer *input)
{
    /* A copy of exact size, so that a sanitizer sees the first byte that is read behind it. */
    uint8_t *copy = memory_alloc(input->size > 0 ? input->size : 1);
    if (input->size > 0) memcpy(copy, input->data, input->size);
    current = input;
    LLVMFuzzerTestOneInput(copy, input->size);
    current = NULL;
    memory_free(copy);
}

static bool read_file(const char *name, struct buffer *into)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL) return false;
    size_t got;
    do {
        got = fread(buffer_reserve(into, 4096), 1, 4096, file);
        into->size += got;
    } while (got > 0);
    fclose(file);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads one file, or all files of a folder in the order of their names. */
static bool corpus_read(struct corpus *corpus, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return read_file(path, &corpus->inputs[corpus->count++]);

    char *names[CORPUS_MAX];
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < CORPUS_MAX;)
        if (entry->d_name[0] != '.') names[count++] = memory_copy_text(entry->d_name);
    closedir(folder);
    qsort(names, count, sizeof(names[0]), compare_names);
    bool is_read = true;
    for (size_t i = 0; i < count; ++i) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        is_read = is_read && read_file(name, &corpus->inputs[corpus->count++]);
        memory_free(names[i]);
    }
    return is_read;
}

/* --- Mutations: each changes the input at a random place --- */

static size_t place(struct prng *prng, const struct buffer *input)
{
    return input->size == 0 ? 0 : prng_below(prng, input->size);
}

static void insert_bytes(struct buffer *input, size_t at, struct bytes bytes)
{
    buffer_reserve(input, bytes.size);
    memmove(input->data + at + bytes.size, input->data + at, input->size - at);
    memcpy(input->data + at, bytes.data, bytes.size);
    input->size += bytes.size;
}

static void flip_bit(struct prng *prng, struct buffer *input)
{
    if (input->size > 0) input->data[place(prng, input)] ^= (char)(1 << prng_below(prng, 8));
}

static void set_byte(struct prng *prng, struct buffer *input)
{
    static const char bytes[] = "\0\xff\x7f\x80\r\n$*:+-%~>|_#,(=! \"'\\0123456789aAx";
    if (input->size > 0)
        input->data[place(prng, input)] = bytes[prng_below(prng, sizeof(bytes) - 1)];
}

static void insert_number(struct prng *prng, struct buffer *input)
{
    static const char *const numbers[] = { "-1",         "0",
                                           "00",         "1",
                                           "65536",      "2147483647",
                                           "2147483648", "4294967296",
                                           "-2",         "9223372036854775807",
                                           "+1",         "18446744073709551616" };
    const char *number = numbers[prng_below(prng, COUNT_OF(numbers))];
    insert_bytes(input, place(prng, input), bytes_text(number));
}

/* Formats of files keep numbers in binary. */
static void set_binary_number(struct prng *prng, struct buffer *input)
{
    static const uint64_t numbers[] = { 0,          1,          0x7f,     0x80,
                                        0xff,       0x7fff,     0xffff,   0x7fffffff,
                                        0xffffffff, UINT64_MAX, INT64_MAX };
    uint64_t number = numbers[prng_below(prng, COUNT_OF(numbers))];
    if (prng_chance(prng, 1, 2)) number = __builtin_bswap64(number);
    size_t at = place(prng, input);
    size_t size = MIN((size_t)1 << prng_below(prng, 4), input->size - at);
    if (size > 0) memcpy(input->data + at, &number, size);
}

static void remove_range(struct prng *prng, struct buffer *input)
{
    if (input->size == 0) return;
    size_t at = place(prng, input);
    size_t size = 1 + prng_below(prng, MIN(input->size - at, 64));
    memmove(input->data + at, input->data + at + size, input->size - at - size);
    input->size -= size;
}

static void repeat_range(struct prng *prng, struct buffer *input)
{
    if (input->size == 0) return;
    char copy[64];
    size_t from = place(prng, input);
    size_t size = 1 + prng_below(prng, MIN(input->size - from, sizeof(copy)));
    memcpy(copy, input->data + from, size);
    insert_bytes(input, place(prng, input), bytes_of(copy, size));
}

static void cut_end(struct prng *prng, struct buffer *input)
{
    input->size = place(prng, input);
}

static void mutate(struct prng *prng, const struct corpus *corpus, struct buffer *input)
{
    static void (*const mutations[])(struct prng *, struct buffer *) = {
        flip_bit,          set_byte,     set_byte,     insert_number,
        set_binary_number, remove_range, repeat_range, cut_end,
    };
    const struct buffer *other = &corpus->inputs[prng_below(prng, corpus->count)];
    if (prng_chance(prng, 1, 8)) buffer_append(input, buffer_bytes(other));
    for (uint64_t count = 1 + prng_below(prng, 6); count > 0; --count)
        mutations[prng_below(prng, COUNT_OF(mutations))](prng, input);
    input->size = MIN(input->size, INPUT_MAX);
}

static void run_mutations(const struct corpus *corpus, uint64_t runs, uint64_t seed)
{
    struct prng prng;
    struct buffer input = { 0 };
    prng_init(&prng, seed);
    for (uint64_t i = 0; i < runs; ++i) {
        buffer_clear(&input);
        buffer_append(&input, buffer_bytes(&corpus->inputs[prng_below(&prng, corpus->count)]));
        mutate(&prng, corpus, &input);
        run(&input);
    }
    buffer_fini(&input);
}

int main(int argc, char **argv)
{
    uint64_t runs = 0;
    uint64_t seed = 1;
    struct corpus *corpus = memory_alloc_zero(sizeof(*corpus));
    const char *base = strrchr(argv[0], '/');
    static char name[256]; /* read by the handler, also when the leak check ends the process */
    snprintf(name, sizeof(name), "crash-%s.bin", base == NULL ? argv[0] : base + 1);
    crash_name = name;
    signal(SIGABRT, keep_input);
    signal(SIGSEGV, keep_input);

    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (!corpus_read(corpus, argv[i])) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return EXIT_FAILURE;
        }
    }
    if (corpus->count == 0) {
        fprintf(stderr, "usage: %s CORPUS [--runs N] [--seed S]\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < corpus->count; ++i) run(&corpus->inputs[i]);
    run_mutations(corpus, runs, seed);
    printf("%zu inputs of the corpus and %llu mutations (seed %llu) passed\n", corpus->count,
           (unsigned long long)runs, (unsigned long long)seed);
    for (size_t i = 0; i < corpus->count; ++i) buffer_fini(&corpus->inputs[i]);
    memory_free(corpus);
    return EXIT_SUCCESS;
}
