/* Places within a shape: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS and its relatives. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/geo.h"
#include "commands/rows.h"
#include "commands/zsets.h"

#include <stdlib.h>

enum order { ORDER_NONE, ORDER_ASC, ORDER_DESC };
enum center { CENTER_NONE, CENTER_POINT, CENTER_MEMBER };

/* What the command's own name allows. */
struct form {
    bool is_search;    /* GEOSEARCH: options name centre and shape */
    bool may_store;    /* GEORADIUS: STORE and STOREDIST */
    uint32_t key;      /* of the sorted set */
    uint32_t storekey; /* of GEOSEARCHSTORE; 0: none */
};

struct search {
    const struct form *form;
    const struct zset *zset; /* NULL: there is none */
    struct geo_shape shape;
    bool has_shape;
    enum center center;
    double metres; /* of the unit of answers */
    bool has_coordinates, has_distance, has_hash;
    bool is_any;
    int64_t count; /* 0: all */
    enum order order;
    uint32_t storekey; /* 0: answered */
    bool stores_distance;
    struct geo_point *vertices; /* owned */
};

/* --- arguments --------------------------------------------------------------------------- */

static bool syntax_error(struct call *call)
{
    reply_syntax_error(call);
    return false;
}

/* A length that is no number has a message of its own. */
static bool length_parse(struct call *call, uint32_t index, const char *error, double *length)
{
    if (number_parse_double(call_arg(call, index), length)) return true;
    reply_error(call, error);
    return false;
}

static bool radius_parse(struct call *call, uint32_t index, struct search *search)
{
    double radius;
    if (!length_parse(call, index, "ERR need numeric radius", &radius)) return false;
    if (radius < 0) {
        reply_error(call, "ERR radius cannot be negative");
        return false;
    }
    if (!geo_unit_parse(call, index + 1, &search->metres)) return false;
    search->shape.kind = GEO_CIRCLE;
    search->shape.radius_m = radius * search->metres;
    search->has_shape = true;
    return true;
}

static bool box_parse(struct call *call, uint32_t index, struct search *search)
{
    double width, height;
    if (!length_parse(call, index, "ERR need numeric width", &width)) return false;
    if (!length_parse(call, index + 1, "ERR need numeric height", &height)) return false;
    if (width < 0 || height < 0) {
        reply_error(call, "ERR height or width cannot be negative");
        return false;
    }
    if (!geo_unit_parse(call, index + 2, &search->metres)) return false;
    search->shape.kind = GEO_BOX;
    search->shape.width_m = width * search->metres;
    search->shape.height_m = height * search->metres;
    search->has_shape = true;
    return true;
}

/* The number of vertices at `index`, behind it their coordinates. Returns through *at the last. */
static bool polygon_parse(struct call *call, uint32_t index, struct search *search, uint32_t *at)
{
    int64_t count;
    bool is_number = number_parse(call_arg(call, index), &count);
    if (!is_number || count < INT32_MIN || count > INT32_MAX) {
        reply_error(call, "ERR invalid number of vertices");
        return false;
    }
    if (count < 3 || count > (call->argc - index - 1) / 2) {
        reply_error(call, "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
        return false;
    }
    memory_free(search->vertices);
    search->vertices = memory_alloc((size_t)count * sizeof(*search->vertices));
    for (uint32_t i = 0; i < count; i++)
        if (!geo_point_parse(call, index + 1 + 2 * i, &search->vertices[i])) return false;
    search->shape.kind = GEO_POLYGON;
    search->shape.vertices = search->vertices;
    search->shape.vertex_count = (size_t)count;
    search->shape.center = geo_polygon_center(search->vertices, (size_t)count);
    search->has_shape = true;
    *at = index + 2 * (uint32_t)count;
    return true;
}

/* Where there is no sorted set no member is missed: the answer will be empty. */
static bool member_parse(struct call *call, uint32_t index, struct search *search)
{
    struct zset_place place;
    struct bytes member = call_arg(call, index);
    search->center = CENTER_MEMBER;
    if (search->zset == NULL) return true;
    if (!zset_find(search->zset, member, &place)) {
        reply_error_format(call, "ERR member %.*s does not exist", (int)member.size, member.data);
        return false;
    }
    search->shape.center = geo_point_of(place.score);
    return true;
}

static bool count_parse(struct call *call, uint32_t index, struct search *search)
{
    if (!call_integer(call, index, &search->count)) return false;
    if (search->count > 0) return true;
    reply_error(call, "ERR COUNT must be > 0");
    return false;
}

/* The options of GEOSEARCH alone; *at goes on to the last argument that was taken. */
static bool search_option_parse(struct call *call, uint32_t *at, struct search *search)
{
    uint32_t rest = call->argc - *at - 1, first = *at + 1;
    bool is_polygon = search->has_shape && search->shape.kind == GEO_POLYGON;
    bool is_other = search->has_shape && !is_polygon;
    if (call_arg_is(call, *at, "frommember") && rest > 0 && search->center != CENTER_POINT &&
        !is_polygon) {
        *at += 1;
        return member_parse(call, first, search);
    }
    if (call_arg_is(call, *at, "fromlonlat") && rest > 1 && search->center != CENTER_MEMBER &&
        !is_polygon) {
        *at += 2;
        search->center = CENTER_POINT;
        return geo_point_parse(call, first, &search->shape.center);
    }
    bool is_box = is_other && search->shape.kind == GEO_BOX;
    if (call_arg_is(call, *at, "byradius") && rest > 1 && !is_polygon && !is_box) {
        *at += 2;
        return radius_parse(call, first, search);
    }
    if (call_arg_is(call, *at, "bybox") && rest > 2 && !is_polygon && (is_box || !is_other)) {
        *at += 3;
        return box_parse(call, first, search);
    }
    if (call_arg_is(call, *at, "bypolygon") && rest > 0 && !is_other &&
        search->center == CENTER_NONE)
        return polygon_parse(call, first, search, at);
    if (call_arg_is(call, *at, "storedist") && search->form->storekey > 0) {
        search->stores_distance = true;
        return true;
    }
    return syntax_error(call);
}

/* STORE and STOREDIST of GEORADIUS; the last one counts. */
static bool store_option_parse(struct call *call, uint32_t *at, struct search *search)
{
    bool is_distance = call_arg_is(call, *at, "storedist");
    bool is_store = is_distance || call_arg_is(call, *at, "store");
    if (!is_store || !search->form->may_store || *at + 1 >= call->argc) return syntax_error(call);
    search->storekey = ++*at;
    search->stores_distance = is_distance;
    return true;
}

static bool option_parse(struct call *call, uint32_t *at, struct search *search)
{
    if (call_arg_is(call, *at, "withdist"))
        search->has_distance = true;
    else if (call_arg_is(call, *at, "withhash"))
        search->has_hash = true;
    else if (call_arg_is(call, *at, "withcoord"))
        search->has_coordinates = true;
    else if (call_arg_is(call, *at, "any"))
        search->is_any = true;
    else if (call_arg_is(call, *at, "asc"))
        search->order = ORDER_ASC;
    else if (call_arg_is(call, *at, "desc"))
        search->order = ORDER_DESC;
    else if (call_arg_is(call, *at, "count") && *at + 1 < call->argc)
        return count_parse(call, ++*at, search);
    else if (search->form->is_search)
        return search_option_parse(call, at, search);
    else
        return store_option_parse(call, at, search);
    return true;
}

/* Do the options go together? */
static bool search_is_consistent(struct call *call, const struct search *search)
{
    bool has_details = search->has_distance || search->has_hash || search->has_coordinates;
    struct bytes name = call_arg(call, 0);
    if (search->storekey > 0 && has_details) {
        reply_error_format(
            call, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            search->form->is_search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
    } else if (search->form->is_search && search->center == CENTER_NONE &&
               !(search->has_shape && search->shape.kind == GEO_POLYGON)) {
        reply_error_format(call,
                           "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                           (int)name.size, name.data);
    } else if (search->form->is_search && !search->has_shape) {
        reply_error_format(
            call, "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for %.*s",
            (int)name.size, name.data);
    } else if (search->is_any && search->count == 0) {
        reply_error(call, "ERR the ANY argument requires COUNT argument");
    } else {
        return true;
    }
    return false;
}

static bool options_parse(struct call *call, uint32_t first, struct search *search)
{
    for (uint32_t at = first; at < call->argc; at++)
        if (!option_parse(call, &at, search)) return false;
    if (!search_is_consistent(call, search)) return false;
    /* Which ones are the first few is a question of distance, unless any will do. */
    if (search->count > 0 && search->order == ORDER_NONE && !search->is_any)
        search->order = ORDER_ASC;
    return true;
}

/* --- finding ----------------------------------------------------------------------------- */

struct hit {
    struct bytes member; /* borrowed from the sorted set; data NULL: it stands in the scratch */
    struct scratch scratch;
    struct geo_point point;
    double score;
    double distance_m;
    size_t index; /* among those that were found */
};

struct hits {
    struct hit *items; /* owned */
    size_t count;
    size_t capacity;
};

static struct bytes hit_member(const struct hit *hit)
{
    return hit->member.data != NULL ? hit->member : bytes_of(hit->scratch.text, hit->member.size);
}

static struct hit *hits_add(struct hits *hits)
{
    if (hits->count == hits->capacity) {
        hits->capacity = MAX(16, 2 * hits->capacity);
        hits->items = memory_realloc(hits->items, hits->capacity * sizeof(*hits->items));
    }
    struct hit *hit = &hits->items[hits->count];
    hit->index = hits->count++;
    return hit;
}

/* True when there are as many as are wanted. */
static bool collect_area(const struct search *search, const struct geo_area *area,
                         struct hits *hits)
{
    struct zset_cursor cursor;
    struct zset_item item;
    struct btree_bound bound = { .kind = BTREE_SCORE_FIRST, .score = area->min };
    zset_seek(search->zset, &bound, &cursor);
    while (zset_next(&cursor, &item) && item.score < area->max) {
        double distance_m;
        struct geo_point point = geo_point_of(item.score);
        if (!geo_shape_contains(&search->shape, point, &distance_m)) continue;
        struct hit *hit = hits_add(hits);
        hit->member = item.member;
        if (item.member.data == item.scratch.text) {
            hit->scratch = item.scratch;
            hit->member.data = NULL;
        }
        hit->point = point;
        hit->score = item.score;
        hit->distance_m = distance_m;
        if (search->is_any && hits->count >= (size_t)search->count) return true;
    }
    return false;
}

static int nearer_first(const void *a, const void *b)
{
    const struct hit *left = a, *right = b;
    if (left->distance_m != right->distance_m) return left->distance_m < right->distance_m ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

static int farther_first(const void *a, const void *b)
{
    const struct hit *left = a, *right = b;
    if (left->distance_m != right->distance_m) return left->distance_m > right->distance_m ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

static void collect(const struct search *search, struct hits *hits)
{
    struct geo_area areas[GEO_AREAS_MAX];
    size_t count = geo_shape_areas(&search->shape, areas);
    for (size_t i = 0; i < count; i++)
        if (collect_area(search, &areas[i], hits)) break;
    if (search->order != ORDER_NONE && hits->count > 1)
        qsort(hits->items, hits->count, sizeof(*hits->items),
              search->order == ORDER_ASC ? nearer_first : farther_first);
    if (search->count > 0) hits->count = MIN(hits->count, (size_t)search->count);
}

/* --- answering --------------------------------------------------------------------------- */

static void reply_hits(struct call *call, const struct search *search, const struct hits *hits)
{
    unsigned details = (unsigned)search->has_distance + search->has_hash + search->has_coordinates;
    reply_array(call, hits->count);
    for (size_t i = 0; i < hits->count; i++) {
        const struct hit *hit = &hits->items[i];
        if (details > 0) reply_array(call, 1 + details);
        reply_bytes(call, hit_member(hit));
        if (search->has_distance)
            resp_bulk_format(call->writer, "%.4f", hit->distance_m / search->metres);
        if (search->has_hash) reply_integer(call, (int64_t)hit->score);
        if (search->has_coordinates) reply_geo_point(call, hit->point);
    }
}

static void store_hits(struct call *call, const struct search *search, const struct hits *hits)
{
    const struct value_rules *rules = keyspace_value_rules(call->keyspace);
    struct zset *result = zset_create();
    for (size_t i = 0; i < hits->count; i++) {
        const struct hit *hit = &hits->items[i];
        double distance = hit->distance_m / search->metres;
        zset_put(&result, rules, hit_member(hit), search->stores_distance ? distance : hit->score);
    }
    struct key key = call_key(call, search->storekey);
    zset_store(call, &key, result, search->form->is_search ? "geosearchstore" : "georadiusstore");
}

static void search_run(struct call *call, const struct search *search)
{
    struct hits hits = { 0 };
    if (search->zset != NULL) collect(search, &hits);
    if (search->storekey > 0)
        store_hits(call, search, &hits);
    else
        reply_hits(call, search, &hits);
    memory_free(hits.items);
}

/* What stands before the options: in the older commands centre and radius. */
static bool center_parse(struct call *call, const struct form *form, bool is_member,
                         struct search *search)
{
    if (form->is_search) return true;
    if (!is_member)
        return geo_point_parse(call, 2, &search->shape.center) && radius_parse(call, 4, search);
    return member_parse(call, 2, search) && (search->zset == NULL || radius_parse(call, 3, search));
}

static void search_in(struct call *call, const struct form *form, bool is_member, uint32_t options)
{
    struct search search = { .form = form, .storekey = form->storekey, .metres = 1 };
    struct zset *zset;
    if (!call_zset_for_read(call, form->key, &zset)) return;
    search.zset = zset;
    if (center_parse(call, form, is_member, &search) && options_parse(call, options, &search))
        search_run(call, &search);
    memory_free(search.vertices);
}

/* Of several STOREs the last one counts. */
static bool radius_find_keys(const struct bytes *argv, uint32_t argc, struct key_places *places)
{
    uint32_t store = 0;
    for (uint32_t i = 5; i + 1 < argc; i++)
        if (bytes_is_word(argv[i], "store") || bytes_is_word(argv[i], "storedist")) store = ++i;
    key_places_add(places, 1, KEY_RO | KEY_ACCESS);
    if (store > 0) key_places_add(places, store, KEY_OW | KEY_UPDATE);
    return true;
}

static void georadius(struct call *call)
{
    search_in(call, &(const struct form){ .key = 1, .may_store = true }, false, 6);
}

static void georadius_ro(struct call *call)
{
    search_in(call, &(const struct form){ .key = 1 }, false, 6);
}

static void georadiusbymember(struct call *call)
{
    search_in(call, &(const struct form){ .key = 1, .may_store = true }, true, 5);
}

static void georadiusbymember_ro(struct call *call)
{
    search_in(call, &(const struct form){ .key = 1 }, true, 5);
}

static void geosearch(struct call *call)
{
    search_in(call, &(const struct form){ .key = 1, .is_search = true }, false, 2);
}

static void geosearchstore(struct call *call)
{
    search_in(call, &(const struct form){ .key = 2, .is_search = true, .storekey = 1 }, false, 3);
}

/* clang-format off */
const struct command geo_search_commands[] = {
    { .name = "geosearch", .run = geosearch, .arity = -7, .flags = CMD_READ, .acl = ACL_GEO,
      .keys = KEY_AT(1), .group = GROUP_GEO,
      .args = "key [from(FROMMEMBER=member|FROMLONLAT=fromlonlat{longitude:double "
          "latitude:double})] by(circle{BYRADIUS=radius:double unit(M|KM|FT|MI)}|"
          "box{BYBOX=width:double height:double unit(M|KM|FT|MI)}|"
          "polygon{BYPOLYGON=num-vertices:integer vertices{longitude:double "
          "latitude:double}...}@9.0.0) [order(ASC|DESC)] [count-block{COUNT=count:integer "
          "[ANY]}] [WITHCOORD] [WITHDIST] [WITHHASH]", .since = "6.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned "
          "bounding box area around the shape provided as the filter and M is the number "
          "of items inside the shape",
      .summary = "Queries a geospatial index for members inside an area of a box, circle, "
          "or a polygon.",
      .history = "7.0.0 Added support for uppercase unit names.\n9.0.0 Added support for "
          "the BYPOLYGON option." },
    { .name = "geosearchstore", .run = geosearchstore, .arity = -8,
      .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_GEO,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_AT(2, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_GEO,
      .args = "destination:key source:key#1 [from(FROMMEMBER=member|"
          "FROMLONLAT=fromlonlat{longitude:double latitude:double})] "
          "by(circle{BYRADIUS=radius:double unit(M|KM|FT|MI)}|box{BYBOX=width:double "
          "height:double unit(M|KM|FT|MI)}|polygon{BYPOLYGON=num-vertices:integer "
          "vertices{longitude:double latitude:double}...}@9.0.0) [order(ASC|DESC)] "
          "[count-block{COUNT=count:integer [ANY]}] [STOREDIST]", .since = "6.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned "
          "bounding box area around the shape provided as the filter and M is the number "
          "of items inside the shape",
      .summary = "Queries a geospatial index for members inside an area of a box, a "
          "circle, or a polygon, optionally stores the result.",
      .history = "7.0.0 Added support for uppercase unit names.\n9.0.0 Added support for "
          "the BYPOLYGON option." },
    { .name = "georadius", .run = georadius, .find_keys = radius_find_keys,
      .arity = -6, .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_GEO,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RO | KEY_ACCESS),
                   SPEC_WORD("STORE", 6, .flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS),
                   SPEC_WORD("STOREDIST", 6, .flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS)),
      .group = GROUP_GEO,
      .args = "key longitude:double latitude:double radius:double unit(M|KM|FT|MI) "
          "[WITHCOORD] [WITHDIST] [WITHHASH] [count-block{COUNT=count:integer "
          "[ANY@6.2.0]}] [order(ASC|DESC)] [store(STORE=storekey:key#1/key|"
          "STOREDIST=storedistkey:key#2/key)]", .since = "3.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding "
          "box of the circular area delimited by center and radius and M is the number of "
          "items inside the index.",
      .summary = "Queries a geospatial index for members within a distance from a "
          "coordinate, optionally stores the result.",
      .history = "6.2.0 Added the `ANY` option for `COUNT`.\n7.0.0 Added support for "
          "uppercase unit names." },
    { .name = "georadius_ro", .run = georadius_ro, .arity = -6, .flags = CMD_READ, .acl = ACL_GEO,
      .keys = KEY_AT(1), .group = GROUP_GEO,
      .args = "key longitude:double latitude:double radius:double unit(M|KM|FT|MI) "
          "[WITHCOORD] [WITHDIST] [WITHHASH] [count-block{COUNT=count:integer "
          "[ANY@6.2.0]}] [order(ASC|DESC)]", .since = "3.2.10",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding "
          "box of the circular area delimited by center and radius and M is the number of "
          "items inside the index.",
      .summary = "Returns members from a geospatial index that are within a distance from "
          "a coordinate.",
      .history = "6.2.0 Added the `ANY` option for `COUNT`.\n7.0.0 Added support for "
          "uppercase unit names." },
    { .name = "georadiusbymember", .run = georadiusbymember,
      .find_keys = radius_find_keys, .arity = -5,
      .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_GEO,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RO | KEY_ACCESS),
                   SPEC_WORD("STORE", 5, .flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS),
                   SPEC_WORD("STOREDIST", 5, .flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS)),
      .group = GROUP_GEO,
      .args = "key member radius:double unit(M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
          "[WITHHASH] [count-block{COUNT=count:integer [ANY]}] [order(ASC|DESC)] "
          "[store(STORE=storekey:key#1/key|STOREDIST=storedistkey:key#2/key)]", .since = "3.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding "
          "box of the circular area delimited by center and radius and M is the number of "
          "items inside the index.",
      .summary = "Queries a geospatial index for members within a distance from a member, "
          "optionally stores the result.",
      .history = "6.2.0 Added the `ANY` option for `COUNT`.\n7.0.0 Added support for "
          "uppercase unit names." },
    { .name = "georadiusbymember_ro", .run = georadiusbymember_ro, .arity = -5, .flags = CMD_READ,
      .acl = ACL_GEO, .keys = KEY_AT(1), .group = GROUP_GEO,
      .args = "key member radius:double unit(M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
          "[WITHHASH] [count-block{COUNT=count:integer [ANY]}] [order(ASC|DESC)]",
      .since = "3.2.10",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding "
          "box of the circular area delimited by center and radius and M is the number of "
          "items inside the index.",
      .summary = "Returns members from a geospatial index that are within a distance from "
          "a member.",
      .history = "6.2.0 Added the `ANY` option for `COUNT`.\n7.0.0 Added support for "
          "uppercase unit names." },
    { 0 },
};
/* clang-format on */
