/* Places on earth in sorted sets: GEOADD, GEOPOS, GEODIST, GEOHASH. */
#include "commands/geo.h"
#include "base/memory.h"
#include "base/number.h"
#include "commands/long_double.h"
#include "commands/rows.h"
#include "commands/zsets.h"

bool geo_point_parse(struct call *call, uint32_t index, struct geo_point *point)
{
    if (!number_parse_double(call_arg(call, index), &point->longitude) ||
        !number_parse_double(call_arg(call, index + 1), &point->latitude)) {
        reply_error(call, "ERR value is not a valid float");
        return false;
    }
    if (geo_point_is_valid(*point)) return true;
    reply_error_format(call, "ERR invalid longitude,latitude pair %f,%f", point->longitude,
                       point->latitude);
    return false;
}

bool geo_unit_parse(struct call *call, uint32_t index, double *metres)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = { { "m", 1 }, { "km", 1000 }, { "ft", 0.3048 }, { "mi", 1609.34 } };
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!call_arg_is(call, index, units[i].name)) continue;
        *metres = units[i].metres;
        return true;
    }
    reply_error(call, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

/* Seventeen digits behind the point, as a long double has them. */
static void reply_degrees(struct call *call, double degrees)
{
    char text[LONG_DOUBLE_MAX];
    resp_double_text(call->writer, bytes_of(text, long_double_print(degrees, text)));
}

void reply_geo_point(struct call *call, struct geo_point point)
{
    reply_array(call, 2);
    reply_degrees(call, point.longitude);
    reply_degrees(call, point.latitude);
}

/* --- GEOADD ------------------------------------------------------------------------------ */

static bool add_options_parse(struct call *call, struct zset_add *add)
{
    *add = (struct zset_add){ .first = 2 };
    for (; add->first < call->argc; add->first++) {
        if (call_arg_is(call, add->first, "nx"))
            add->if_absent = true;
        else if (call_arg_is(call, add->first, "xx"))
            add->if_present = true;
        else if (call_arg_is(call, add->first, "ch"))
            add->counts_changed = true;
        else
            break;
    }
    bool is_good = (call->argc - add->first) % 3 == 0 && !(add->if_absent && add->if_present);
    if (!is_good) reply_syntax_error(call);
    return is_good;
}

/* As Valkey does: replicas need not know what a place is. */
static void propagate_scores(struct call *call, const struct zset_add *add, const double *scores,
                             uint32_t count)
{
    uint32_t argc = add->first + 2 * count;
    struct bytes *argv = memory_alloc(argc * sizeof(*argv));
    char(*texts)[NUMBER_DOUBLE_MAX] = memory_alloc(count * sizeof(*texts));
    memcpy(argv, call->argv, add->first * sizeof(*argv));
    argv[0] = BYTES("ZADD");
    for (uint32_t i = 0; i < count; i++) {
        struct bytes *pair = &argv[add->first + 2 * i];
        pair[0] = bytes_of(texts[i], number_print_double(scores[i], texts[i]));
        pair[1] = call_arg(call, add->first + 3 * i + 2);
    }
    call_propagate(call, argc, argv);
    memory_free(texts);
    memory_free(argv);
}

static void geoadd(struct call *call)
{
    struct zset_add add;
    if (!add_options_parse(call, &add)) return;
    uint32_t count = (call->argc - add.first) / 3;
    if (count == 0) { /* what Valkey makes of it is a ZADD without members */
        reply_syntax_error(call);
        return;
    }
    double few[8];
    double *scores = count <= COUNT_OF(few) ? few : memory_alloc(count * sizeof(*scores));
    bool is_good = true;
    for (uint32_t i = 0; i < count && is_good; i++) {
        struct geo_point point;
        is_good = geo_point_parse(call, add.first + 3 * i, &point);
        if (is_good) scores[i] = geo_score(point);
    }
    if (is_good && zset_add_run(call, &add, scores, add.first + 2, 3, count))
        propagate_scores(call, &add, scores, count);
    if (scores != few) memory_free(scores);
}

/* --- reading ----------------------------------------------------------------------------- */

static bool find_point(const struct zset *zset, struct bytes member, struct geo_point *point)
{
    struct zset_place place;
    if (zset == NULL || !zset_find(zset, member, &place)) return false;
    *point = geo_point_of(place.score);
    return true;
}

static void geopos(struct call *call)
{
    struct zset *zset;
    struct geo_point point;
    if (!call_zset_for_read(call, 1, &zset)) return;
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        if (find_point(zset, call_arg(call, i), &point))
            reply_geo_point(call, point);
        else
            reply_null_array(call);
    }
}

static void geohash(struct call *call)
{
    struct zset *zset;
    struct geo_point point;
    char text[GEO_TEXT_SIZE];
    if (!call_zset_for_read(call, 1, &zset)) return;
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        if (!find_point(zset, call_arg(call, i), &point)) {
            reply_null(call);
            continue;
        }
        geo_text(point, text);
        reply_bytes(call, bytes_of(text, sizeof(text)));
    }
}

static void geodist(struct call *call)
{
    double metres = 1;
    struct zset *zset;
    struct geo_point from, to;
    if (call->argc == 5 && !geo_unit_parse(call, 4, &metres)) return;
    if (call->argc > 5) {
        reply_syntax_error(call);
        return;
    }
    if (!call_zset_for_read(call, 1, &zset)) return;
    if (!find_point(zset, call_arg(call, 2), &from) || !find_point(zset, call_arg(call, 3), &to))
        reply_null(call);
    else
        resp_bulk_format(call->writer, "%.4f", geo_distance(from, to) / metres);
}

/* clang-format off */
const struct command geo_commands[] = {
    { .name = "geoadd", .run = geoadd, .arity = -5, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_GEO, .keys = KEY_AT(1), .group = GROUP_GEO,
      .args = "key [condition(NX|XX)@6.2.0] [change:CH@6.2.0] data{longitude:double "
          "latitude:double member}...", .since = "3.2.0",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in "
          "the sorted set.",
      .summary = "Adds one or more members to a geospatial index. The key is created if "
          "it doesn't exist.", .history = "6.2.0 Added the `CH`, `NX` and `XX` options." },
    { .name = "geopos", .run = geopos, .arity = -2, .flags = CMD_READ, .acl = ACL_GEO,
      .keys = KEY_AT(1), .group = GROUP_GEO, .args = "key [member...]", .since = "3.2.0",
      .complexity = "O(1) for each member requested.",
      .summary = "Returns the longitude and latitude of members from a geospatial index." },
    { .name = "geohash", .run = geohash, .arity = -2, .flags = CMD_READ, .acl = ACL_GEO,
      .keys = KEY_AT(1), .group = GROUP_GEO, .args = "key [member...]", .since = "3.2.0",
      .complexity = "O(1) for each member requested.",
      .summary = "Returns members from a geospatial index as geohash strings." },
    { .name = "geodist", .run = geodist, .arity = -4, .flags = CMD_READ, .acl = ACL_GEO,
      .keys = KEY_AT(1), .group = GROUP_GEO, .args = "key member1 member2 [unit(M|KM|FT|MI)]",
      .since = "3.2.0", .complexity = "O(1)",
      .summary = "Returns the distance between two members of a geospatial index." },
    { 0 },
};
/* clang-format on */
