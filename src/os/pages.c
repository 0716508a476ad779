/* Large pages: what the system allows, and asking for them. */
#include "os/pages.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define POLICY_PATH "/sys/kernel/mm/transparent_hugepage/enabled"

/* Of newer headers than the oldest system that we build on. */
#define REFUSED_UNLESS_ADVISED (1ul << 1) /* PR_THP_DISABLE_EXCEPT_ADVISED */

enum pages_policy pages_policy(void)
{
    char text[64] = "";
    int fd = open(POLICY_PATH, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return PAGES_NEVER;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (got <= 0) return PAGES_NEVER;
    if (strstr(text, "[always]") != NULL) return PAGES_UNASKED;
    return strstr(text, "[madvise]") != NULL ? PAGES_ASKED : PAGES_NEVER;
}

void pages_advise(void *region, size_t bytes, bool wants_large)
{
    (void)madvise(region, bytes, wants_large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

bool pages_refuse_unasked(void)
{
    return prctl(PR_SET_THP_DISABLE, 1ul, REFUSED_UNLESS_ADVISED, 0ul, 0ul) == 0;
}

void pages_refuse_all(void)
{
    (void)prctl(PR_SET_THP_DISABLE, 1ul, 0ul, 0ul, 0ul);
}
