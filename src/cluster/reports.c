/* Reports: who says that a node fails, kept with the node that it is said of.
 *
 * They are sorted by the address of the reporter, which means nothing but that one is found soon:
 * in a large cluster hundreds of voters name each suspect, in packet after packet. */
#include "cluster/internal.h"

/* A hundred nodes that failed are named as such by hundreds of voters, to every other node. Nobody
 * counts that any more: so many are kept for whoever asks with CLUSTER COUNT-FAILURE-REPORTS. */
#define REPORTS_OF_FAILED_MAX 16

/* Before this a report was heard too long ago: it counts for two node timeouts. */
static time_ms oldest_ms(const struct cluster *cluster)
{
    return cluster->now_ms - 2 * cluster->options.node_timeout_ms;
}

/* Where the reporter's report stands, or would stand. */
static uint16_t report_place(const struct peer *subject, const struct peer *reporter)
{
    uint16_t first = 0, end = subject->report_count;
    while (first < end) {
        uint16_t middle = (uint16_t)((first + end) / 2);
        if ((uintptr_t)subject->reports[middle].reporter < (uintptr_t)reporter)
            first = (uint16_t)(middle + 1);
        else
            end = middle;
    }
    return first;
}

static bool report_is_at(const struct peer *subject, uint16_t at, const struct peer *reporter)
{
    ensure(at <= subject->report_count);
    return at < subject->report_count && subject->reports[at].reporter == reporter;
}

unsigned reports_count(const struct cluster *cluster, const struct peer *subject)
{
    unsigned count = 0;
    for (uint16_t i = 0; i < subject->report_count; i++) {
        const struct failure_report *report = &subject->reports[i];
        if (report->heard_ms >= oldest_ms(cluster) && peer_is_voter(report->reporter)) count++;
    }
    ensure(count < cluster->peer_count);
    return count;
}

void reports_expire(const struct cluster *cluster, struct peer *subject)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < subject->report_count; i++) {
        ensure(subject->reports[i].reporter != subject);
        if (subject->reports[i].heard_ms >= oldest_ms(cluster))
            subject->reports[kept++] = subject->reports[i];
    }
    subject->report_count = kept;
}

static void report_insert(const struct cluster *cluster, struct peer *subject,
                          struct peer *reporter)
{
    if (subject->report_count == subject->report_capacity) {
        reports_expire(cluster, subject);
        subject->report_capacity = (uint16_t)MAX(4, subject->report_count * 2);
        subject->reports =
            memory_realloc(subject->reports, subject->report_capacity * sizeof(*subject->reports));
    }
    uint16_t at = report_place(subject, reporter);
    memmove(&subject->reports[at + 1], &subject->reports[at],
            (size_t)(subject->report_count - at) * sizeof(*subject->reports));
    subject->reports[at] =
        (struct failure_report){ .reporter = reporter, .heard_ms = cluster->now_ms };
    subject->report_count++;
}

bool report_put(const struct cluster *cluster, struct peer *subject, struct peer *reporter)
{
    ensure(subject != reporter);
    uint16_t at = report_place(subject, reporter);
    if (report_is_at(subject, at, reporter)) {
        subject->reports[at].heard_ms = cluster->now_ms;
        return false;
    }
    if (peer_is_failed(subject) && subject->report_count >= REPORTS_OF_FAILED_MAX) return false;
    report_insert(cluster, subject, reporter);
    return true;
}

void report_remove(struct peer *subject, const struct peer *reporter)
{
    uint16_t at = report_place(subject, reporter);
    if (!report_is_at(subject, at, reporter)) return;
    subject->report_count--;
    memmove(&subject->reports[at], &subject->reports[at + 1],
            (size_t)(subject->report_count - at) * sizeof(*subject->reports));
}

void reports_clear(struct peer *subject)
{
    memory_free(subject->reports);
    subject->reports = NULL;
    subject->report_count = subject->report_capacity = 0;
}
