"""Adds up what `meson test` has left in its logs: summary.py BUILD_FOLDER...

A meson test is a program with several cases in it: where its output says how many there were
(Check, unittest), those are counted, else the program counts as one. Prints a line for each suite
and, last, "N passed, N failed, N skipped"; exits with 1 when anything failed or nothing ran.
"""
import json
import os
import re
import sys

PASSED, FAILED, SKIPPED = 0, 1, 2


def count_check(text):
    """Cases of Check: "100%: Checks: 17, Failures: 0, Errors: 0"."""
    total = failed = 0
    for checks, failures, errors in re.findall(
            r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", text, re.M):
        total += int(checks)
        failed += int(failures) + int(errors)
    return [total - failed, failed, 0] if total else None


def count_unittest(text):
    """Cases of unittest: "Ran 9 tests in 7.4s" and "FAILED (failures=1, skipped=2)"."""
    ran = sum(int(number) for number in re.findall(r"^Ran (\d+) tests? in", text, re.M))
    if not ran:
        return None
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    for line in re.findall(r"^(?:OK|FAILED) \(([^)]*)\)", text, re.M):
        for name, number in re.findall(r"(\w+)=(\d+)", line):
            if name in counts:
                counts[name] += int(number)
    # Subtests fail one by one, but were counted as one case.
    failed = min(counts["failures"] + counts["errors"], ran - counts["skipped"])
    return [ran - failed - counts["skipped"], failed, counts["skipped"]]


def count(entry):
    """[passed, failed, skipped] of one meson test."""
    text = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    counts = count_check(text) or count_unittest(text)
    result = entry["result"]
    if result in ("SKIP", "IGNORED"):
        return [0, 0, max(1, counts[SKIPPED] if counts else 0)]
    if result in ("OK", "EXPECTEDFAIL"):
        return counts if counts and counts[FAILED] == 0 else [1, 0, 0]
    counts = counts or [0, 0, 0]
    counts[FAILED] = max(counts[FAILED], 1)
    return counts


def read(folder):
    path = os.path.join(folder, "meson-logs", "testlog.json")
    if not os.path.exists(path):
        yield {"name": "build", "result": "did not build"}
        return
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            if line.strip():
                yield json.loads(line)


def suite_of(entry):
    """"eir:unit / base/bytes" belongs to unit."""
    match = re.match(r"(?:[^:/]*:)?(\S+) / ", entry["name"])
    return match.group(1) if match else "other"


def summarize(folders):
    """(lines to print, exit status)"""
    total, suites, broken = [0, 0, 0], {}, []
    for folder in folders:
        for entry in read(folder):
            counts = count(entry)
            suite = suites.setdefault(suite_of(entry), [0, 0, 0])
            for index, number in enumerate(counts):
                total[index] += number
                suite[index] += number
            if counts[FAILED]:
                broken.append("%s (%s) in %s" % (entry["name"], entry["result"], folder))
    lines = ["%-12s %d passed, %d failed, %d skipped" % (name, *counts)
             for name, counts in sorted(suites.items())]
    lines += ["failed: %s" % line for line in broken]
    lines.append("%d passed, %d failed, %d skipped" % tuple(total))
    return lines, 1 if total[FAILED] or not total[PASSED] else 0


def main():
    lines, status = summarize(sys.argv[1:])
    print("\n" + "\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
