#!/usr/bin/python3
"""Holds the tree to its own rules: layers, circles, sizes, doors, globals, purposes, the tour.

    tests/tree/check_tree.py [ROOT]

Prints one line a breach, `file:line: what is wrong`, and fails if there is any. It reads text, not
C: comments and strings are blanked out first, and the tree's own layout (a function's braces stand
in column one) does the rest. A rule that must be broken somewhere gets its exception here, by
name and with its reason, never a looser rule.
"""
import os
import re
import sys

# --- The rules ---

LAYERS = {
    "base": [],
    "os": ["base"],
    "resp": ["base"],
    "types": ["base"],
    "cluster": ["base"],
    "repl": ["resp", "base"],
    "keyspace": ["types", "base"],
    "persist": ["keyspace", "types", "base"],
    "engine": ["keyspace", "types", "resp", "base"],
    "script": ["engine", "keyspace", "types", "resp", "base"],
    "commands": ["engine", "persist", "keyspace", "types", "resp", "base"],
    "node": ["commands", "script", "engine", "persist", "keyspace", "repl", "cluster", "types",
             "resp", "base"],
    "server": ["node", "os", "base"],
    "main": ["server", "node", "os", "base"],
    "tools": ["resp", "os", "base"],
    "tools/check": ["persist", "keyspace", "types", "os", "base"],
}

FUNCTION_LINES = 70
SOURCE_LINES = 1000
HEADER_LINES = 300
COLUMNS = 100

# Calls, and the only places where they may stand: a file, or a folder with its slash.
MEMORY_DOOR = ["src/base/memory.c"]
CLOCK_DOOR = ["src/os/clock.c"]
SYSTEM_DOOR = ["src/os/"]
PRINTERS = ["src/base/log.c", "src/base/ensure.c", "src/base/memory.c", "src/os/", "src/tools/",
            "src/main.c"]
CALLS = {
    "malloc calloc realloc free reallocarray aligned_alloc posix_memalign strdup strndup asprintf "
    "vasprintf alloca": MEMORY_DOOR,
    "time gettimeofday clock_gettime clock ftime localtime localtime_r gmtime gmtime_r mktime "
    "strftime": CLOCK_DOOR,
    "rand srand rand_r random srandom drand48 lrand48 getrandom getentropy arc4random": CLOCK_DOOR,
    "sleep usleep nanosleep poll ppoll select pselect epoll_wait": SYSTEM_DOOR,
    "strcpy stpcpy strcat strncpy strncat sprintf vsprintf gets strtok atol atoll setjmp longjmp":
        [],
    "open openat creat read pread readv write pwrite writev close fsync fdatasync ftruncate "
    "rename renameat unlink unlinkat mkdir rmdir opendir readdir closedir stat fstat lstat flock "
    "fcntl ioctl socket socketpair bind listen accept accept4 connect send sendto sendmsg recv "
    "recvfrom recvmsg shutdown setsockopt getsockopt getsockname getpeername getaddrinfo "
    "getnameinfo fork vfork execv execve execvp posix_spawn waitpid wait4 kill raise pipe pipe2 "
    "dup dup2 mmap munmap mprotect madvise signal sigaction sigprocmask setsid daemon getpid "
    "getppid isatty tcgetattr tcsetattr sysconf syscall prctl getrlimit setrlimit getrusage "
    "chdir getcwd umask nice pthread_create fopen freopen fdopen popen system tmpfile":
        SYSTEM_DOOR,
    "printf vprintf puts putchar fputs fprintf vfprintf perror fwrite": PRINTERS,
}
CALL_EXCEPTIONS = {
    # The process ends here in any case, and nothing below may be needed for it.
    ("src/base/ensure.c", "write"), ("src/base/memory.c", "write"),
}

# Headers of libraries and of the system, and who may include them.
INCLUDES = [
    (r"jemalloc/|malloc\.h", MEMORY_DOOR),
    (r"openssl/", ["src/os/tls.c"]),
    (r"lzf\.h|lz4", ["src/base/compress.c"]),
    (r"lua|lauxlib|lualib", ["src/script/"]),
    (r"histedit|editline|readline", ["src/tools/prompt.c"]),
    (r"sys/uio\.h|arpa/inet\.h", ["src/"]),  # struct iovec; inet_pton, which only reads text
    (r"signal\.h", SYSTEM_DOOR + ["src/server/"]),  # the numbers; the calls have their own rule
    (r"unistd|fcntl|sys/|netinet/|arpa/|netdb|poll\.h|signal\.h|dirent|termios|sched\.h|"
     r"liburing|linux/", SYSTEM_DOOR + ["src/base/ensure.c"]),
    (r"pthread|threads\.h", SYSTEM_DOOR + MEMORY_DOOR),
    (r"time\.h", CLOCK_DOOR + SYSTEM_DOOR),
]

# Mutable state of a file, and why it may be.
GLOBALS = {
    "src/base/memory.c": "memory counters",
    "src/base/slabs.c": "the pages of small objects",
    "src/base/log.c": "the log sink",
    "src/base/ensure.c": "the hook that dumps a trace before the abort",
}

# --- Reading ---


class Problem:
    def __init__(self, path, line, text):
        self.path, self.line, self.text = path, line, text

    def __str__(self):
        return "%s:%d: %s" % (self.path, self.line, self.text)


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    """The same text with comments, strings and characters as spaces: lines and columns stay."""
    def replace(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)
    return _TOKEN.sub(replace, text)


class File:
    """A source file, its text as it is and without comments and strings."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.is_c = path.endswith((".c", ".h"))
        self.code = blank(self.text) if self.is_c else self.text

    @property
    def folder(self):
        """The folder under src, or "main" for src/main.c."""
        parts = self.path.split("/")
        return parts[1] if len(parts) > 2 else os.path.splitext(parts[1])[0]

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def includes(self):
        """(line, text, is_system) of every #include."""
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match.group(2), match.group(1) == "<"


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = [File(root, path) for path in self._walk()]
        self.sources = [file for file in self.files if file.path.startswith("src/") and file.is_c]
        self.by_path = {file.path: file for file in self.files}

    def _walk(self):
        for top in ("src", "tests", "tools"):
            for folder, folders, names in os.walk(os.path.join(self.root, top)):
                folders[:] = sorted(f for f in folders if f not in ("__pycache__", "corpus",
                                                                    "fixtures", "node_modules"))
                for name in sorted(names):
                    path = os.path.relpath(os.path.join(folder, name), self.root)
                    if name.endswith((".c", ".h", ".py")):
                        yield path


def may(path, doors):
    return any(path == door or door.endswith("/") and path.startswith(door) for door in doors)


# --- Layers and circles ---


def check_layers(tree):
    for file in tree.sources:
        allowed = LAYERS.get(file.folder)
        if file.folder == "tools" and os.path.basename(file.path).startswith("check"):
            allowed = LAYERS["tools/check"]
        if allowed is None:
            yield Problem(file.path, 1, "the folder '%s' is not on the map" % file.folder)
            continue
        for line, name, is_system in file.includes():
            if is_system:
                continue
            target = name.split("/")[0] if "/" in name else None
            if target is None or "src/" + name not in tree.by_path:
                yield Problem(file.path, line, 'include "%s" from src: no such file' % name)
            elif target != file.folder and target not in allowed:
                yield Problem(file.path, line, "%s may not include %s" % (file.folder, target))
            elif target != file.folder and name.endswith("/internal.h"):
                yield Problem(file.path, line, '"%s" is for its own folder alone' % name)


_DEFINITION = re.compile(r"^(?!static\b|typedef\b|extern\b|struct \w+ \{|enum |union |#|\}|\s)"
                         r"[\w\s\*]*?\b(\w+)\s*(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\])*\s*=)", re.M)


def header_includes(tree, folder):
    """Which header of a folder includes which, and where."""
    headers = {file.path: file for file in tree.sources
               if file.folder == folder and file.path.endswith(".h")}
    edges = {path: {} for path in headers}
    for path, file in headers.items():
        for line, name, is_system in file.includes():
            if not is_system and "src/" + name in headers:
                edges[path]["src/" + name] = "line %d" % line
    return edges


def uses(tree, folder):
    """Which source of a folder uses a name that another one defines, and where."""
    files = [file for file in tree.sources if file.folder == folder and file.path.endswith(".c")]
    owners = {match.group(1): file.path for file in files
              for match in _DEFINITION.finditer(file.code)}
    edges = {file.path: {} for file in files}
    for file in files:
        own = {name for _, _, name in functions(file)}
        for match in re.finditer(r"\b[a-z]\w+\b", file.code):
            owner = owners.get(match.group(0), file.path)
            if match.group(0) in own:
                continue
            before = file.code[:match.start()].rstrip(" ")
            if owner != file.path and not before.endswith((".", "->", "struct", "enum")):
                edges[file.path].setdefault(owner, "line %d: %s" % (
                    file.line_at(match.start()), match.group(0)))
    return edges


def reachable(edges, start):
    seen, waiting = set(), [start]
    while waiting:
        for other in edges[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def shortest_circle(edges, start):
    queue, came_from = [start], {start: None}
    while queue:
        at = queue.pop(0)
        for other in sorted(edges[at]):
            if other == start:
                circle = []
                while at is not None:
                    circle.insert(0, at)
                    at = came_from[at]
                return circle
            if other not in came_from:
                came_from[other] = at
                queue.append(other)
    return None


def circles(edges):
    """For each knot of files that all need each other: its shortest circle, and the whole knot."""
    reach = {path: reachable(edges, path) for path in edges}
    done = set()
    for start in sorted(edges):
        if start in done or start not in reach[start]:
            continue
        knot = [path for path in sorted(edges) if path in reach[start] and start in reach[path]]
        done.update(knot)
        yield min((shortest_circle(edges, path) for path in knot), key=len), knot


def check_circles(tree):
    for folder in sorted({file.folder for file in tree.sources}):
        for edges, verb in ((header_includes(tree, folder), "includes"),
                            (uses(tree, folder), "uses")):
            for circle, knot in circles(edges):
                steps = ["%s %s %s (%s)" % (os.path.basename(path), verb, os.path.basename(after),
                                            edges[path][after])
                         for path, after in zip(circle, circle[1:] + circle[:1])]
                others = [os.path.basename(path) for path in knot if path not in circle]
                more = "; in one knot with %s" % ", ".join(others) if others else ""
                yield Problem(circle[0], 1, "circle: " + ", ".join(steps) + more)


# --- Sizes ---


def functions(file):
    """(first line, last line, name) of every function: its braces stand in column one."""
    lines = file.code.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number - 1
            while start > 1 and lines[start - 2].strip() and \
                    not re.match(r"[}#]|.*;\s*$", lines[start - 2]):
                start -= 1
        elif line.startswith("}") and start is not None:
            header = " ".join(lines[start - 1:number])
            name = re.search(r"(\w+)\s*\(", header)
            yield start, number, name.group(1) if name else "?"
            start = None


def check_sizes(tree):
    for file in tree.files:
        limit = HEADER_LINES if file.path.endswith(".h") else SOURCE_LINES
        if len(file.lines) > limit:
            yield Problem(file.path, limit, "%d lines, the limit is %d" % (len(file.lines), limit))
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS:
                yield Problem(file.path, number, "%d columns, the limit is %d"
                              % (len(line), COLUMNS))
            if "\t" in line and file.is_c:
                yield Problem(file.path, number, "a tab")
        if file.is_c:
            for first, last, name in functions(file):
                if last - first + 1 > FUNCTION_LINES:
                    yield Problem(file.path, first, "%s has %d lines, the limit is %d"
                                  % (name, last - first + 1, FUNCTION_LINES))


# --- Doors ---


def check_doors(tree):
    doors = {name: places for names, places in CALLS.items() for name in names.split()}
    call = re.compile(r"(?<![\w.>])(\w+)\s*\(")
    for file in tree.sources:
        own = {name for _, _, name in functions(file)}
        for match in call.finditer(file.code):
            name = match.group(1)
            if name not in doors or name in own or may(file.path, doors[name]):
                continue
            if (file.path, name) in CALL_EXCEPTIONS:
                continue
            where = ", ".join(doors[name]) or "nowhere"
            yield Problem(file.path, file.line_at(match.start()),
                          "%s() is allowed in: %s" % (name, where))
        for line, name, is_system in file.includes():
            if not is_system:
                continue
            rule = next((places for pattern, places in INCLUDES if re.match(pattern, name)), None)
            if rule is not None and not may(file.path, rule):
                yield Problem(file.path, line, "<%s> is allowed in: %s" % (name, ", ".join(rule)))


# --- Mutable globals ---


def is_constant(declaration):
    """Does the object itself never change? The last `*` decides: what stands behind it is its."""
    before_value = declaration.split("=")[0]
    behind = before_value.rsplit("*", 1)[-1]
    pointer = re.search(r"\(\s*\*\s*(const)?", before_value)  # a function pointer
    if pointer:
        return pointer.group(1) is not None
    return re.search(r"\bconst\b", behind) is not None


def depth_zero(code):
    """The code with everything inside braces blanked."""
    out, depth = [], 0
    for char in code:
        if char == "}":
            depth -= 1
        out.append(char if depth == 0 or char == "\n" else " ")
        if char == "{":
            depth += 1
    return "".join(out)


_STATIC = re.compile(r"\b(?:static|_Thread_local|__thread)\s+([^;={}]*?)\s*(?=[;={])")
_FILE_SCOPE = re.compile(r"^(?!static\b|typedef\b|extern\b|return\b|#)"
                         r"((?:const\s+)?(?:struct\s+|enum\s+|unsigned\s+)?\w+[\s\*]+"
                         r"(?:const\s+)?\w+(?:\[[^\]]*\])*)\s*(?:=|;)", re.M)


def check_globals(tree):
    for file in tree.sources:
        if file.path in GLOBALS:
            continue
        code = re.sub(r"^\s*#.*(?:\\\n.*)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                      file.code, flags=re.M)
        for match in _STATIC.finditer(code):
            declaration = match.group(1)
            is_function = re.match(r"[^(]*\w\s*\((?!\s*\*)", declaration)
            if is_function or declaration.startswith("inline") or is_constant(declaration):
                continue
            yield Problem(file.path, file.line_at(match.start()),
                          "mutable state: %s" % " ".join(declaration.split()))
        for match in _FILE_SCOPE.finditer(depth_zero(code)):
            declaration = match.group(1)
            words = declaration.split()
            is_forward = words[0] in ("struct", "enum", "union") and len(words) == 2
            if is_forward or is_constant(declaration):
                continue
            yield Problem(file.path, file.line_at(match.start()),
                          "mutable state: %s" % " ".join(words))


# --- Purposes and the tour ---


def check_purposes(tree):
    for file in tree.files:
        if file.is_c:
            if not re.match(r"/\* ?\S", file.text):
                yield Problem(file.path, 1, "does not open with a comment that says what it holds")
        elif not re.match(r'(#![^\n]*\n)?"""\S', file.text):
            yield Problem(file.path, 1, "does not open with a docstring that says what it holds")


def check_tour(tree):
    path = os.path.join(tree.root, "src", "README.md")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        text = file.read()
    code = "\n".join(source.code for source in tree.sources)
    words = set(re.findall(r"\b\w+\b", code))
    known = {file.path for file in tree.files}
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r"`([^`\s]+)`", line):
            is_path = re.fullmatch(r"[\w./-]+\.(?:c|h|py|md)|[\w-]+(?:/[\w.-]+)*/", name)
            if is_path:
                places = [name, "src/" + name]
                exists = any(os.path.exists(os.path.join(tree.root, place)) for place in places) \
                    or any(other.endswith("/" + name) for other in known)
                if not exists:
                    yield Problem("src/README.md", number, "no file is called %s" % name)
            elif re.fullmatch(r"[A-Za-z]\w*_\w+(?:\(\))?|[a-z]\w+\(\)", name):
                if name.rstrip("()") not in words:
                    yield Problem("src/README.md", number, "no name in src is %s" % name)


CHECKS = [check_layers, check_circles, check_sizes, check_doors, check_globals, check_purposes,
          check_tour]


def check(root):
    tree = Tree(root)
    return [problem for rule in CHECKS for problem in rule(tree)]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    problems = check(root)
    for problem in problems:
        print(problem)
    print("%d breaches of the tree's rules" % len(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
