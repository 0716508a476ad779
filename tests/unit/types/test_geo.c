/* Places and shapes, with figures of a running Valkey 9.1.2. */
#include "types/geo.h"

#include "base/prng.h"
#include "lib/suite.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct geo_point palermo = { 13.361389, 38.115556 };
static const struct geo_point catania = { 15.087269, 37.502669 };

START_TEST(scores_and_places_are_those_of_valkey)
{
    char text[64];
    ck_assert(geo_score(palermo) == 3479099956230698);
    ck_assert(geo_score(catania) == 3479447370796909);
    struct geo_point point = geo_point_of(3479099956230698);
    snprintf(text, sizeof(text), "%.17f %.17f", point.longitude, point.latitude);
    ck_assert_str_eq(text, "13.36138933897018433 38.11555639549629859");
    /* The last edge of the world is one more than the last number. */
    ck_assert(geo_score((struct geo_point){ 180, -85.05112878 }) == 9007199254740992);
    ck_assert(geo_score((struct geo_point){ -180, -85.05112878 }) == 0);
}
END_TEST

START_TEST(geohashes_are_those_of_everybody)
{
    char text[GEO_TEXT_SIZE];
    geo_text(geo_point_of(geo_score(palermo)), text);
    ck_assert(memcmp(text, "sqc8b49rny0", sizeof(text)) == 0);
    geo_text(geo_point_of(geo_score(catania)), text);
    ck_assert(memcmp(text, "sqdtr74hyu0", sizeof(text)) == 0);
}
END_TEST

START_TEST(distances_are_those_of_valkey)
{
    char text[64];
    struct geo_point from = geo_point_of(geo_score(palermo));
    snprintf(text, sizeof(text), "%.4f", geo_distance(from, geo_point_of(geo_score(catania))));
    ck_assert_str_eq(text, "166274.1516");
    ck_assert(geo_distance(from, from) == 0);
}
END_TEST

START_TEST(scores_that_are_no_place_do_no_harm)
{
    static const double scores[] = { -5, 1e300, -1e300, 1.5, INFINITY, -INFINITY, 0x1p63, 0x1p64 };
    for (size_t i = 0; i < COUNT_OF(scores); i++)
        ck_assert(geo_point_is_valid(geo_point_of(scores[i])));
}
END_TEST

static struct geo_point some_point(struct prng *prng, double spread)
{
    return (struct geo_point){ (prng_unit(prng) - 0.5) * 360 * spread,
                               (prng_unit(prng) - 0.5) * 170 * spread };
}

static bool areas_hold(const struct geo_area *areas, size_t count, double score)
{
    for (size_t i = 0; i < count; i++)
        if (score >= areas[i].min && score < areas[i].max) return true;
    return false;
}

/* Around the poles and the date line Valkey's areas leave places out; so these stay away. */
START_TEST(areas_cover_their_shape)
{
    struct prng prng;
    prng_init(&prng, 5);
    for (int i = 0; i < 2000; i++) {
        struct geo_point center = some_point(&prng, 0.6);
        double size_m = exp(prng_unit(&prng) * 10) * 30; /* 30 m to 660 km */
        struct geo_shape shape = {
            .kind = i % 2 == 0 ? GEO_CIRCLE : GEO_BOX,
            .center = center,
            .radius_m = size_m,
            .width_m = size_m,
            .height_m = size_m * prng_unit(&prng),
        };
        struct geo_area areas[GEO_AREAS_MAX];
        size_t count = geo_shape_areas(&shape, areas);
        ck_assert_uint_le(count, GEO_AREAS_MAX);
        for (int j = 0; j < 50; j++) {
            double degrees = size_m / 111000;
            struct geo_point point = { center.longitude + (prng_unit(&prng) - 0.5) * 3 * degrees,
                                       center.latitude + (prng_unit(&prng) - 0.5) * 3 * degrees };
            double score = geo_score(point), distance_m;
            if (geo_shape_contains(&shape, geo_point_of(score), &distance_m))
                ck_assert(areas_hold(areas, count, score));
        }
    }
}
END_TEST

START_TEST(a_polygon_holds_what_is_inside)
{
    static const struct geo_point vertices[] = { { 12, 37 }, { 16, 37 }, { 15, 39 } };
    struct geo_shape shape = {
        .kind = GEO_POLYGON,
        .vertices = vertices,
        .vertex_count = COUNT_OF(vertices),
        .center = geo_polygon_center(vertices, COUNT_OF(vertices)),
    };
    char text[64];
    double distance_m;
    ck_assert(!geo_shape_contains(&shape, geo_point_of(geo_score(palermo)), &distance_m));
    ck_assert(geo_shape_contains(&shape, geo_point_of(geo_score(catania)), &distance_m));
    snprintf(text, sizeof(text), "%.4f", distance_m);
    ck_assert_str_eq(text, "69778.1155");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("geo");
    tcase_add_test(tests, scores_and_places_are_those_of_valkey);
    tcase_add_test(tests, geohashes_are_those_of_everybody);
    tcase_add_test(tests, distances_are_those_of_valkey);
    tcase_add_test(tests, scores_that_are_no_place_do_no_harm);
    tcase_add_test(tests, areas_cover_their_shape);
    tcase_add_test(tests, a_polygon_holds_what_is_inside);
    return suite_run("types/geo", tests);
}
