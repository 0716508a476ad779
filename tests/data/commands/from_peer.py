#!/usr/bin/python3
"""Facts about commands, taken from a running peer.

    from_peer.py PORT data           writes info.txt and docs.txt beside this file
    from_peer.py PORT answers [NAME] asks questions.txt, writes answers.txt; with a name
                                     questions_NAME.txt and answers_NAME.txt
    from_peer.py PORT rows NAME...   prints C rows for src/ (subcommands included)

info.txt and docs.txt hold one line for each command and subcommand: its name, a tab, the reply of
COMMAND INFO or COMMAND DOCS in one line of text. Tests compare what our rows derive with it. Sets
are sorted; subcommands have lines of their own and stand in their parent's as names only.
"""
import os
import re
import shlex
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Set(list):
    pass


class Simple(str):
    pass


class Peer:
    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def command(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            word = word.encode("latin1")
            out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.file.write(out)
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Simple(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"_":
            return None
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"~":
            return Set(self.read() for _ in range(int(rest)))
        if kind == b"%":
            return {self.read(): self.read() for _ in range(int(rest))}
        raise ValueError(line)


def render(value):
    if value is None:
        return "_"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Simple):
        return "+" + value
    if isinstance(value, str):
        return '"' + value + '"'
    if isinstance(value, Set):
        return "{" + ", ".join(sorted(render(item) for item in value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(render(item) for item in value) + "]"
    return "(" + ", ".join(render(k) + ": " + render(v) for k, v in value.items()) + ")"


def info_lines(row):
    subs = row[9]
    yield row[0], render(row[:9] + [sorted(sub[0] for sub in subs)])
    for sub in subs:
        yield from info_lines(sub)


def docs_lines(name, doc):
    subs = doc.get("subcommands", {})
    flat = dict(doc)
    if subs:
        flat["subcommands"] = sorted(subs)
    yield name, render(flat)
    for sub, sub_doc in subs.items():
        yield from docs_lines(sub, sub_doc)


def write(name, lines):
    with open(os.path.join(HERE, name), "w") as file:
        for command, text in sorted(lines):
            file.write(command + "\t" + text + "\n")


# --- answers --------------------------------------------------------------------------------

class Raw(Peer):
    """Reads whole replies as the bytes they are."""

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=":
            return line if int(rest) < 0 else line + self.file.read(int(rest) + 2)
        if kind in b"*~>":
            return line + b"".join(self.read() for _ in range(max(int(rest), 0)))
        if kind == b"%":
            return line + b"".join(self.read() for _ in range(2 * int(rest)))
        return line


def escape(data):
    out = []
    for byte in data:
        if 32 <= byte < 127 and byte not in b"\\":
            out.append(chr(byte))
        else:
            out.append({10: "\\n", 13: "\\r", 92: "\\\\"}.get(byte, "\\x%02x" % byte))
    return "".join(out)


def write_answers(port, suffix):
    """Pairs of lines: the question as it was typed, the answer's bytes; once for each protocol."""
    with open(os.path.join(HERE, "questions%s.txt" % suffix)) as file:
        questions = [line for line in file.read().split("\n") if line]
    with open(os.path.join(HERE, "answers%s.txt" % suffix), "w") as file:
        for protocol in ("2", "3"):
            peer = Raw(port)
            peer.command("FLUSHALL")
            if protocol == "3":
                peer.command("HELLO", "3")
            file.write("# RESP" + protocol + "\n")
            for question in questions:
                words = [word.encode().decode("unicode_escape") for word in shlex.split(question)]
                file.write(question + "\n" + escape(peer.command(*words)) + "\n")


# --- rows -----------------------------------------------------------------------------------

FLAGS = {
    "write": "CMD_WRITE", "readonly": "CMD_READ", "denyoom": "CMD_DENY_OOM",
    "admin": "CMD_ADMIN", "pubsub": "CMD_PUBSUB", "noscript": "CMD_NO_SCRIPT",
    "loading": "CMD_LOADING", "stale": "CMD_STALE", "skip_monitor": "CMD_SKIP_MONITOR",
    "no_mandatory_keys": "CMD_OPTIONAL_KEYS", "no_async_loading": "CMD_NO_ASYNC_LOADING",
    "blocking": "CMD_BLOCKING", "fast": "CMD_FAST", "no_auth": "CMD_NO_AUTH",
    "no_multi": "CMD_NO_MULTI", "allow_busy": "CMD_ALLOW_BUSY",
    "skip_commandlog": "CMD_SKIP_LOG", "asking": "CMD_ASKING",
}
KEY_FLAGS = {
    "RO": "KEY_RO", "RW": "KEY_RW", "OW": "KEY_OW", "RM": "KEY_RM", "access": "KEY_ACCESS",
    "update": "KEY_UPDATE", "insert": "KEY_INSERT", "delete": "KEY_DELETE",
    "not_key": "KEY_IS_CHANNEL", "incomplete": "KEY_INCOMPLETE",
    "variable_flags": "KEY_VARIABLE_FLAGS",
}


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def token_text(token):
    plain = token.replace("-", "").replace("_", "").isalnum() and token == token.upper() \
        and not token[0].isdigit() and any(c.isalpha() for c in token) if token else False
    return token if plain else "'" + token + "'"


def arg_text(arg):
    name, kind, token = arg["name"], arg["type"], arg.get("token")
    flags = arg.get("flags", [])
    if kind == "pure-token":
        text = token_text(token)
        if text.startswith("'") or token.lower() != name:
            text = name + ":" + text
        display = name
    else:
        text = token_text(token) + "=" if token is not None else ""
        text += name
        display = name
        if kind == "oneof":
            text += "(" + "|".join(arg_text(a) for a in arg["arguments"]) + ")"
        elif kind == "block":
            text += "{" + " ".join(arg_text(a) for a in arg["arguments"]) + "}"
        elif kind == "key":
            text += "" if name == "key" else ":key"
        elif kind != "string":
            text += ":" + kind
        elif name == "key":
            text += ":string"
    spec = arg.get("key_spec_index")
    if spec is not None and not (kind == "key" and spec == 0):
        text += "#%d" % spec
    shown = arg.get("display_text", name)
    if shown != display:
        text += "/" + shown
    if "multiple" in flags:
        text += "+..." if "multiple_token" in flags else "..."
    if "since" in arg:
        text += "@" + arg["since"]
    if "deprecated_since" in arg:
        text += "@-" + arg["deprecated_since"]
    if "summary" in arg:
        text += "<" + arg["summary"] + ">"
    return "[" + text + "]" if "optional" in flags else text


def key_flags_text(spec):
    return " | ".join(name for word, name in KEY_FLAGS.items() if word in spec["flags"])


def spec_text(spec, extra):
    begin, find = spec["begin_search"], spec["find_keys"]
    extra = ", " + ", ".join(extra) if extra else ""
    if begin["type"] == "unknown":
        return "SPEC_UNKNOWN(" + extra[2:] + ")"
    if begin["type"] == "keyword":
        return "SPEC_WORD(%s, %d%s)" % (quote(begin["spec"]["keyword"]),
                                        begin["spec"]["startfrom"], extra)
    at, rule = begin["spec"]["index"], find["spec"]
    if find["type"] == "keynum":
        return "SPEC_NUMBER(%d, %d, %d, %d%s)" % (at, rule["keynumidx"], rule["firstkey"],
                                                  rule["keystep"], extra)
    if rule["limit"]:
        extra += ", .limit = %d" % rule["limit"]
    if rule["lastkey"] == 0 and rule["keystep"] == 1:
        return "SPEC_AT(%d%s)" % (at, extra)
    last = rule["lastkey"] if rule["lastkey"] < 0 else at + rule["lastkey"]
    return "SPEC_RANGE(%d, %d, %d%s)" % (at, last, rule["keystep"], extra)


def keys_fields(row):
    specs, is_write = row[8], "write" in row[2]
    if not specs:
        return []
    usual = {"RW", "update"} if is_write else {"RO", "access"}
    if len(specs) == 1 and not specs[0].get("notes") and \
            specs[0]["begin_search"]["type"] == "index":
        text = spec_text(specs[0], [])
        if text.startswith("SPEC_AT("):
            text = "KEY_AT(" + text[len("SPEC_AT("):]
        elif text.startswith("SPEC_RANGE(") and "limit" not in text:
            text = "KEY_RANGE(" + text[len("SPEC_RANGE("):]
        elif text.startswith("SPEC_NUMBER(") and text.endswith(", 0, 1, 1)"):
            text = "KEY_NUMKEYS(" + text[len("SPEC_NUMBER("):-len(", 0, 1, 1)")] + ")"
        else:
            text = "KEYS(" + text + ")"
        fields = [".keys = " + text]
        if set(specs[0]["flags"]) != usual:
            fields.append(".key_flags = " + (key_flags_text(specs[0]) or "0"))
        return fields
    parts = []
    for spec in specs:
        extra = []
        if set(spec["flags"]) != usual:
            extra.append(".flags = " + key_flags_text(spec))
        if spec.get("notes"):
            extra.append(".notes = " + quote(spec["notes"]))
        parts.append(spec_text(spec, extra))
    return [".keys = KEYS(" + ", ".join(parts) + ")"]


def derived_categories(row):
    derived = {"@slow", "@fast"}
    for word, category in (("write", "@write"), ("readonly", "@read"), ("pubsub", "@pubsub"),
                           ("blocking", "@blocking")):
        if word in row[2]:
            derived.add(category)
    if "admin" in row[2]:
        derived |= {"@admin", "@dangerous"}
    return derived


def row_fields(row, doc, function):
    name = row[0].split("|")[-1]
    flags = [word for word in row[2] if word != "movablekeys"]
    categories = sorted(c for c in row[6] if c not in derived_categories(row))
    fields = [".name = " + quote(name)]
    if function:
        fields.append(".run = " + function)
    fields.append(".arity = %d" % row[1])
    if flags:
        fields.append(".flags = " + " | ".join(v for k, v in FLAGS.items() if k in flags))
    if categories:
        fields.append(".acl = " + " | ".join(
            "ACL_" + c[1:].upper().replace("SORTEDSET", "SORTED_SET") for c in categories))
    fields += keys_fields(row)
    fields.append(".group = GROUP_" + doc["group"].upper().replace("-", "_"))
    if "arguments" in doc:
        fields.append(".args = " + quote(" ".join(arg_text(a) for a in doc["arguments"])))
    fields.append(".since = " + quote(doc["since"]))
    if "complexity" in doc:
        fields.append(".complexity = " + quote(doc["complexity"]))
    fields.append(".summary = " + quote(doc["summary"]))
    if row[7]:
        fields.append(".tips = " + quote(" ".join(row[7])))
    if doc.get("history"):
        fields.append(".history = " + quote("\n".join(v + " " + t for v, t in doc["history"]))
                      .replace("\n", "\\n"))
    doc_flags = [{"deprecated": "DOC_DEPRECATED", "syscmd": "DOC_SYSTEM"}[f]
                 for f in doc.get("doc_flags", [])]
    if doc_flags:
        fields.append(".doc_flags = " + " | ".join(sorted(doc_flags)))
    for key in ("deprecated_since", "replaced_by"):
        if key in doc:
            fields.append("." + key + " = " + quote(doc[key]))
    return fields


def split_string(field, width):
    """A long string literal, or a long list of specs, in pieces that fit into the line."""
    if len(field) <= width:
        return [field]
    if field.startswith(".keys = KEYS("):
        parts = re.split(r"(?<=\)), (?=SPEC_)|(?<=,) (?=\.notes)", field)
        joined = [part + ("," if part.endswith(")") else "") for part in parts[:-1]] + parts[-1:]
        return [joined[0]] + ["                  " + part for part in joined[1:]]
    name, text = field.split(" = ", 1)
    if not text.startswith('"'):
        return [field]
    end = text.rindex('"')
    pieces, line, room = [], "", width - len(name) - 10
    for word in re.findall(r"[^ |]*[ |]|[^ |]+$", text[1:end]):
        if line and len(line) + len(word) > room:
            pieces.append('"' + line + '"')
            line, room = "", width - 10
        line += word
    pieces.append('"' + line + '"')
    return [name + " = " + pieces[0]] + ["    " + piece for piece in pieces[1:-1]] + \
        ["    " + pieces[-1] + text[end + 1:]]


def row_text(row, doc, function, sub_array):
    fields = row_fields(row, doc, function)
    if sub_array:
        fields.append(".subcommands = " + sub_array)
    lines, line = [], "    { "
    for field in fields:
        last = field is fields[-1]
        text = field + (" }," if last else ",")
        if len(line) + len(text) <= 99:
            line += text + ("" if last else " ")
            continue
        if line.strip():
            lines.append(line.rstrip())
        pieces = split_string(text, 90)
        for piece in pieces[:-1]:
            lines.append("      " + piece)
        line = "      " + pieces[-1] + ("" if last else " ")
    lines.append(line.rstrip())
    return "\n".join(lines)


def print_rows(info, docs, names):
    main = []
    for name in names:
        row, doc = info[name], docs[name]
        function = name.replace("-", "_")
        array = None
        if row[9]:
            array = function + "_subcommands"
            print("static const struct command %s[] = {" % array)
            for sub in sorted(row[9]):
                print(row_text(sub, doc["subcommands"][sub[0]],
                               sub[0].replace("|", "_").replace("-", "_"), None))
            print("    { 0 },\n};\n")
        main.append(row_text(row, doc, None if array and name not in ("command",) else function,
                             array))
    print("\n".join(main))


def main():
    if sys.argv[2] == "answers":
        write_answers(int(sys.argv[1]), "_" + sys.argv[3] if len(sys.argv) > 3 else "")
        return
    peer = Peer(int(sys.argv[1]))
    peer.command("HELLO", "3")
    info = peer.command("COMMAND")
    docs = peer.command("COMMAND", "DOCS")
    if sys.argv[2] == "data":
        write("info.txt", (line for row in info for line in info_lines(row)))
        write("docs.txt", (line for name, doc in docs.items() for line in docs_lines(name, doc)))
    else:
        print_rows({row[0]: row for row in info}, docs, sys.argv[3:])


main()
