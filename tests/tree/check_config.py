#!/usr/bin/python3
"""Holds the rows of the configuration to the truth: an option that is not marked as meaning
nothing here is read somewhere.

    tests/tree/check_config.py [ROOT]

A row without `.unused` names a field of struct config; the name must stand behind -> or . in a
source other than the rows. What is read and marked all the same is only noted: INFO may print
what nothing obeys.
"""
import glob
import os
import re
import sys

ROW = re.compile(r'\{ \.name = "([^"]+)".*?CONFIG_FIELD\((\w+)\)(.*?)\},\n', re.S)


def text_of(paths):
    parts = []
    for path in sorted(paths):
        with open(path, encoding="utf-8") as file:
            parts.append(file.read())
    return "\n".join(parts)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    rows_paths = set(glob.glob(os.path.join(root, "src/node/config_rows_*.c")))
    sources = set(glob.glob(os.path.join(root, "src/**/*.[ch]"), recursive=True)) - rows_paths
    fields_read = set(re.findall(r"(?:->|\.)(\w+)", text_of(sources)))
    rows = ROW.findall(text_of(rows_paths))
    breaches = 0
    for name, field, rest in rows:
        is_marked = ".unused" in rest
        if field in fields_read and is_marked:
            print(f"note: {name} is read, and marked as meaning nothing")
        if field not in fields_read and not is_marked:
            print(f"{name} is documented as honoured, and nothing reads {field}")
            breaches += 1
    if len(rows) < 200:
        print(f"only {len(rows)} rows were found: the pattern above needs care")
        breaches += 1
    sys.exit(1 if breaches else 0)


main()
