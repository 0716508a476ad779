"""The counting of test results, checked: a failure must never be counted away."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import summary  # noqa: E402

CHECK = "Running suite(s): x\n%d%%: Checks: %d, Failures: %d, Errors: %d\n"


class Summary(unittest.TestCase):
    def count(self, result, text=""):
        return summary.count({"name": "eir:unit / x", "result": result, "stdout": text})

    def test_cases_of_check_are_counted(self):
        self.assertEqual(self.count("OK", CHECK % (100, 7, 0, 0)), [7, 0, 0])
        self.assertEqual(self.count("FAIL", CHECK % (71, 7, 1, 1)), [5, 2, 0])

    def test_cases_of_unittest_are_counted(self):
        text = "Ran 9 tests in 0.5s\n\n%s\n"
        self.assertEqual(self.count("OK", text % "OK"), [9, 0, 0])
        self.assertEqual(self.count("OK", text % "OK (skipped=2)"), [7, 0, 2])
        self.assertEqual(self.count("FAIL", text % "FAILED (failures=1, errors=2, skipped=1)"),
                         [5, 3, 1])

    def test_a_program_without_cases_counts_as_one(self):
        self.assertEqual(self.count("OK"), [1, 0, 0])
        self.assertEqual(self.count("FAIL"), [0, 1, 0])
        self.assertEqual(self.count("SKIP"), [0, 0, 1])

    def test_a_program_that_failed_behind_its_cases_has_failed(self):
        for result in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS"):
            self.assertEqual(self.count(result, CHECK % (100, 7, 0, 0))[summary.FAILED], 1)

    def summarize(self, entries):
        with tempfile.TemporaryDirectory() as folder:
            if entries is not None:
                os.mkdir(os.path.join(folder, "meson-logs"))
                with open(os.path.join(folder, "meson-logs", "testlog.json"), "w",
                          encoding="utf-8") as log:
                    log.writelines(json.dumps(entry) + "\n" for entry in entries)
            return summary.summarize([folder])

    def test_the_last_line_and_the_status_tell_the_whole(self):
        good = {"name": "eir:unit / a", "result": "OK", "stdout": CHECK % (100, 7, 0, 0)}
        bad = {"name": "eir:sim / b", "result": "FAIL", "stdout": ""}
        lines, status = self.summarize([good])
        self.assertEqual((lines[-1], status), ("7 passed, 0 failed, 0 skipped", 0))
        lines, status = self.summarize([good, bad])
        self.assertEqual((lines[-1], status), ("7 passed, 1 failed, 0 skipped", 1))
        self.assertTrue(any("eir:sim / b (FAIL)" in line for line in lines))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(self.summarize([])[1], 1)
        self.assertEqual(self.summarize(None)[1], 1)


if __name__ == "__main__":
    unittest.main()
