"""What becomes of the data elsewhere: in replicas of both kinds, and in the files of each server
when the same and the other kind load them."""
import os
import shutil

import contents
import eirtest


class Copies:
    def __init__(self, ours, theirs):
        """Two servers that run; replicas of ours are started now, and see the whole stream."""
        self.ours, self.theirs = ours, theirs
        self.replicas = [(label, self.follow(program))
                         for label, program in (("a replica", None),
                                                ("a Valkey replica", self.theirs.program))]
        self.started = [server for _, server in self.replicas]

    def follow(self, program):
        return eirtest.Server(program, save="",
                              replicaof=("127.0.0.1", self.ours.port)).start()

    def loaded(self, source, program):
        """A server that has loaded the snapshot which `source` saves now."""
        with source.client(timeout=120.0) as client:
            client.call("SAVE")
        copy = eirtest.Server(program, save="")
        shutil.copy(os.path.join(source.folder, "dump.rdb"), copy.folder)
        self.started.append(copy)
        return copy.start()

    def compare(self, state_of, note):
        """state_of(port) reads all; note(what, place, wanted, found) hears what differs."""
        eirtest.wait_replicated(self.ours, len(self.replicas), 60.0)
        ours, theirs = state_of(self.ours.port), state_of(self.theirs.port)
        found = [(label, ours, state_of(server.port)) for label, server in self.replicas]
        for source, state, name in ((self.ours, ours, "Eir"), (self.theirs, theirs, "Valkey")):
            for program, reader in ((None, "Eir"), (self.theirs.program, "Valkey")):
                copy = self.loaded(source, program)
                found.append(("%s after loading what %s saved" % (reader, name), state,
                              state_of(copy.port)))
                copy.kill()
        for label, expected, state in found:
            for place in sorted(set(expected) | set(state)):
                one, other = expected.get(place), state.get(place)
                if one is None or other is None or not contents.is_copy(one, other):
                    note(label, place, one, other)
        return len(found)

    def cleanup(self):
        for server in self.started:
            server.cleanup()
