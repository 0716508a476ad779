/* LOLWUT: a Julia set in letters, drawn for whoever asks, and the version. */
#include "base/hash.h"
#include "base/number.h"
#include "commands/rows.h"
#include "engine/call.h"

#define COLUMNS_USUAL 80
#define ROWS_USUAL    40
#define SIDE_MAX      1000 /* a picture of a million letters takes long enough */
#define STEPS_MAX     60
#define WIDTH         3.6 /* of the plane that is shown, from left to right */

struct picture {
    int64_t columns, rows;
    double real, imaginary; /* the constant of the set */
};

/* How many steps a point takes to run away. */
static int steps_of(const struct picture *picture, double x, double y)
{
    int steps = 0;
    while (steps < STEPS_MAX && x * x + y * y < 4) {
        double next = x * x - y * y + picture->real;
        y = 2 * x * y + picture->imaginary;
        x = next;
        steps++;
    }
    return steps;
}

static void draw(const struct picture *picture, struct buffer *text)
{
    static const char ramp[] = "  ..::--==++**##%%&&@@";
    const double height = WIDTH * 0.8;
    for (int64_t row = 0; row < picture->rows; row++) {
        double y = ((double)row / (double)picture->rows - 0.5) * height;
        for (int64_t column = 0; column < picture->columns; column++) {
            double x = ((double)column / (double)picture->columns - 0.5) * WIDTH;
            size_t shade = (size_t)steps_of(picture, x, y) * (sizeof(ramp) - 2) / STEPS_MAX;
            buffer_append_byte(text, ramp[shade]);
        }
        buffer_append_byte(text, '\n');
    }
}

static bool call_side(struct call *call, uint32_t index, int64_t *side)
{
    if (!call_integer(call, index, side)) return false;
    *side = MIN(MAX(*side, 1), SIDE_MAX);
    return true;
}

static bool call_coordinate(struct call *call, uint32_t index, double *value)
{
    if (number_parse_double(call_arg(call, index), value)) return true;
    reply_error(call, "ERR value is not a valid float");
    return false;
}

/* Any version draws the same; the number is still a number. */
static bool skip_version(struct call *call, uint32_t *first)
{
    int64_t version;
    if (!call_arg_is(call, 1, "version") || call->argc == 2) return true;
    if (!call_integer(call, 2, &version)) return false;
    *first = 3;
    return true;
}

static void lolwut(struct call *call)
{
    uint32_t first = 1;
    if (!skip_version(call, &first)) return;
    struct picture picture = { .columns = COLUMNS_USUAL, .rows = ROWS_USUAL };
    /* Constants near the edge of the set of sets make the finest pictures: its main cardioid. */
    uint64_t chance = hash_integer((uint64_t)call->wall_ms);
    double turn = (double)(chance % 1000) / 1000, edge = 1.02;
    picture.real = edge * (turn - 0.5);
    picture.imaginary = edge * (0.75 - turn * turn);
    uint32_t count = call->argc - first;
    if (count == 1 || count == 3 || count > 4) {
        if (first == 1) {
            reply_error(call, "ERR Syntax error. Use: LOLWUT [columns rows] [real imaginary]");
            return;
        }
        count &= ~1u; /* other versions take other numbers: a side too many is none of ours */
    }
    if (count >= 2 &&
        (!call_side(call, first, &picture.columns) || !call_side(call, first + 1, &picture.rows)))
        return;
    if (count >= 4 && (!call_coordinate(call, first + 2, &picture.real) ||
                       !call_coordinate(call, first + 3, &picture.imaginary)))
        return;
    struct buffer text = { 0 };
    draw(&picture, &text);
    buffer_printf(&text, "Ascii representation of Julia set with constant %.2f + %.2fi\n",
                  picture.real, picture.imaginary);
    buffer_append_text(&text, "Don't forget to have fun! Valkey ver. 9.1.2, Eir " EIR_VERSION "\n");
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

/* clang-format off */
const struct command lolwut_commands[] = {
    { .name = "lolwut", .run = lolwut, .arity = -1, .flags = CMD_READ | CMD_FAST,
      .group = GROUP_SERVER, .args = "[VERSION=version:integer]", .since = "5.0.0",
      .summary = "Displays computer art and the server version." },
    { 0 },
};
/* clang-format on */
