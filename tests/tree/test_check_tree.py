"""The checker of the tree, checked: small trees that each break one rule."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_tree  # noqa: E402

OPENING = "/* A file. */\n"


class Rules(unittest.TestCase):
    def problems(self, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                path = os.path.join(root, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return [str(problem) for problem in check_tree.check(root)]

    def expect(self, files, *parts):
        found = self.problems(files)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def expect_none(self, files):
        self.assertEqual(self.problems(files), [])

    def test_an_arrow_that_points_up_is_a_breach(self):
        files = {"src/base/a.h": OPENING, "src/resp/b.h": OPENING + '#include "base/a.h"\n'}
        self.expect_none(files)
        files["src/base/a.h"] = OPENING + '#include "resp/b.h"\n'
        self.expect(files, "src/base/a.h:2", "base may not include resp")

    def test_each_program_of_tools_has_its_own_layers(self):
        files = {"src/keyspace/a.h": OPENING,
                 "src/tools/check.c": OPENING + '#include "keyspace/a.h"\n'}
        self.expect_none(files)
        files["src/tools/cli.c"] = files["src/tools/check.c"]
        self.expect(files, "src/tools/cli.c:2", "tools may not include keyspace")

    def test_an_internal_header_stays_inside(self):
        files = {"src/base/internal.h": OPENING,
                 "src/resp/b.c": OPENING + '#include "base/internal.h"\n'}
        self.expect(files, "for its own folder alone")

    def test_a_folder_must_be_on_the_map(self):
        self.expect({"src/misc/a.c": OPENING}, "'misc' is not on the map")

    def test_headers_do_not_include_each_other_in_a_circle(self):
        files = {"src/base/a.h": OPENING + '#include "base/b.h"\n',
                 "src/base/b.h": OPENING + '#include "base/c.h"\n',
                 "src/base/c.h": OPENING + '#include "base/a.h"\n'}
        self.expect(files, "circle: a.h includes b.h", "c.h includes a.h")

    def test_sources_do_not_call_each_other_in_a_circle(self):
        files = {"src/base/a.c": OPENING + "void a(void)\n{\n    bb();\n}\nvoid aa(void)\n{\n}\n",
                 "src/base/b.c": OPENING + "void bb(void)\n{\n}\n"}
        self.expect_none(files)
        files["src/base/b.c"] = OPENING + "void bb(void)\n{\n    aa();\n}\n"
        self.expect(files, "circle: a.c uses b.c (line 4: bb)", "b.c uses a.c (line 4: aa)")

    def test_a_static_function_of_the_same_name_is_no_use(self):
        files = {"src/base/a.c": OPENING + "void a(void)\n{\n    bb();\n}\nvoid aa(void)\n{\n}\n",
                 "src/base/b.c": OPENING + "static void aa(void)\n{\n}\n"
                                           "void bb(void)\n{\n    aa();\n}\n"}
        self.expect_none(files)

    def test_a_function_has_at_most_70_lines(self):
        def function(body_lines):
            return OPENING + "int long_one(int a,\n             int b)\n{\n" + \
                "    a += b;\n" * body_lines + "}\n"
        self.expect_none({"src/base/a.c": function(66)})
        self.expect({"src/base/a.c": function(67)}, "src/base/a.c:2", "long_one has 71 lines")

    def test_files_and_lines_have_limits(self):
        self.expect({"src/base/a.c": OPENING + "\n" * 1000}, "1001 lines, the limit is 1000")
        self.expect({"src/base/a.h": OPENING + "\n" * 300}, "301 lines, the limit is 300")
        self.expect({"src/base/a.c": OPENING + "/*" + "x" * 99 + "*/\n"}, "103 columns")
        self.expect({"tests/a.py": '"""A."""\n#' + "x" * 100 + "\n"}, "101 columns")

    def test_columns_are_characters(self):
        self.expect_none({"src/base/a.c": OPENING + "/* " + "é" * 94 + " */\n"})

    def test_calls_stay_behind_their_doors(self):
        body = OPENING + "void a(void)\n{\n    b = %s(1);\n}\n"
        for call in ("malloc", "time", "rand", "strcpy", "sprintf", "socket", "fopen"):
            self.expect({"src/resp/a.c": body % call}, "src/resp/a.c:4", call + "() is allowed in")
        self.expect_none({"src/os/a.c": body % "socket"})
        self.expect_none({"src/base/memory.c": body % "malloc"})

    def test_members_and_words_in_text_are_no_calls(self):
        self.expect_none({"src/resp/a.c": OPENING + "/* free(x) */\nvoid a(void)\n{\n"
                                          '    ops->close(1);\n    ops.open(2);\n'
                                          '    log_debug("rand()");\n}\n'})

    def test_a_function_of_ones_own_is_no_call_of_the_library(self):
        self.expect_none({"src/resp/a.c": OPENING + "static void send(int x)\n{\n}\n\n"
                                          "void b(void)\n{\n    send(1);\n}\n"})

    def test_libraries_stay_behind_their_doors(self):
        self.expect({"src/resp/a.c": OPENING + "#include <openssl/ssl.h>\n"}, "src/os/tls.c")
        self.expect({"src/resp/a.c": OPENING + "#include <unistd.h>\n"}, "<unistd.h>")
        self.expect_none({"src/tools/prompt.c": OPENING + "#include <histedit.h>\n",
                          "src/base/output.h": OPENING + "#include <sys/uio.h>\n"})

    def test_state_that_changes_is_a_breach(self):
        for line in ("static int count;", "static const char *name;", "int shared = 1;",
                     "struct list nodes;", "static struct table table = { 0 };",
                     "_Thread_local int depth;", "static void (*hook)(void);"):
            self.expect({"src/resp/a.c": OPENING + line + "\n"}, "src/resp/a.c:2", "mutable state")
        self.expect({"src/resp/a.c": OPENING + "void a(void)\n{\n    static int calls;\n}\n"},
                    "src/resp/a.c:4", "mutable state")
        self.expect_none({"src/base/log.c": OPENING + "static int level;\n"})

    def test_what_never_changes_is_none(self):
        self.expect_none({"src/resp/a.c": OPENING + "static const int few = 3;\n"
                          "static const char *const names[] = { 0 };\n"
                          "static const struct row rows[] = {\n    { 1 },\n};\n"
                          "static void (*const hooks[])(void) = { 0 };\n"
                          "struct later;\nstatic int twice(int x);\n"
                          "static int twice(int x)\n{\n    return x * 2;\n}\n"
                          "static void each(void (*visit)(int x))\n{\n    visit(1);\n}\n"})

    def test_a_file_says_what_it_holds(self):
        self.expect({"src/base/a.c": "#include <string.h>\n"}, "does not open with a comment")
        self.expect({"tests/a.py": "import os\n"}, "does not open with a docstring")

    def test_every_name_in_the_tour_exists(self):
        tour = "`base/a.c` `src/base/a.c` `a.c` `do_it` `do_it()` `base/` `A_THING` `word`\n"
        files = {"src/base/a.c": OPENING + "void do_it(void)\n{\n    A_THING;\n}\n",
                 "src/README.md": tour}
        self.expect_none(files)
        self.expect(dict(files, **{"src/README.md": tour + "`do_that`\n"}),
                    "src/README.md:2", "do_that")
        self.expect(dict(files, **{"src/README.md": "`base/b.c`\n"}), "no file is called base/b.c")


if __name__ == "__main__":
    unittest.main()
