"""A TCP forwarder between a port that a node announces and the one where it listens: it remembers
what was said, and lets links stall or break while both processes are well."""
import selectors
import socket
import struct
import threading

WAITING_MAX = 1 << 20  # bytes for one side before the other is not read any more


class Forwarder:
    """Forwards connections to `port` to `target`, both on the loopback interface.

        with Forwarder(server.port, port=eirtest.free_port()) as forwarder:
            ...
            forwarder.cut()
    """

    def __init__(self, target, port=0, remembers=False):
        self.target = target
        self.remembers = remembers
        self.said = []  # bytes that came in, a bytearray for each connection, if it remembers
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._others = {}   # socket -> the other side
        self._waiting = {}  # socket -> bytes that it has not taken yet
        self._memory = {}   # socket -> where to remember what it says
        self._orders = []
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def stall(self):
        """Nothing passes from now on, and nobody is accepted, though the kernel says hello."""
        self._order("stall")

    def resume(self):
        self._order("resume")

    def cut(self, resets=True):
        """Every connection ends now; new ones are forwarded as before."""
        self._order("reset" if resets else "end")

    def close(self):
        self._order("close")
        self._thread.join()

    # --- the thread ---

    def _order(self, order):
        with self._lock:
            self._orders.append(order)
        self._wake_write.send(b"x")

    def _run(self):
        self.listener.setblocking(False)
        self._selector.register(self.listener, selectors.EVENT_READ)
        is_stalled = False
        while True:
            orders = self._wait() if not is_stalled else self._wait_stalled()
            for order in orders:
                if order in ("stall", "resume"):
                    is_stalled = order == "stall"
                else:
                    self._end_all(order)
                if order == "close":
                    self.listener.close()
                    self._selector.close()
                    return

    def _wait_stalled(self):
        self._wake_read.recv(1)
        return self._take_orders()

    def _take_orders(self):
        with self._lock:
            orders, self._orders = self._orders, []
        return orders

    def _wait(self):
        if self._wake_read not in self._selector.get_map():
            self._selector.register(self._wake_read, selectors.EVENT_READ)
        orders = []
        for key, events in self._selector.select():
            if key.fileobj is self._wake_read:
                self._wake_read.recv(1)
                orders = self._take_orders()
            elif key.fileobj is self.listener:
                self._accept()
            elif key.fileobj in self._others:
                self._move(key.fileobj, events)
        return orders

    def _accept(self):
        try:
            near, _ = self.listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            self._end(near, resets=True)
            return
        for one, other in ((near, far), (far, near)):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._others[one] = other
            self._waiting[one] = bytearray()
            self._selector.register(one, selectors.EVENT_READ)
        if self.remembers:
            self._memory[near] = bytearray()
            self.said.append(self._memory[near])

    def _move(self, source, events):
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(source)
            if events & selectors.EVENT_READ:
                data = source.recv(65536)
                if not data:
                    raise ConnectionError("ended")
                self._memory.get(source, bytearray()).extend(data)
                other = self._others[source]
                self._waiting[other] += data
                self._flush(other)
        except BlockingIOError:
            return
        except OSError:
            self._end_pair(source, resets=False)

    def _flush(self, sink):
        waiting = self._waiting[sink]
        if waiting:
            try:
                del waiting[:sink.send(waiting)]
            except BlockingIOError:
                pass
        self._watch(sink)
        self._watch(self._others[sink])

    def _watch(self, one):
        events = selectors.EVENT_WRITE if self._waiting[one] else 0
        if len(self._waiting[self._others[one]]) < WAITING_MAX:
            events |= selectors.EVENT_READ
        watched = self._selector.get_map().get(one)
        if watched is None and events:
            self._selector.register(one, events)
        elif watched is not None and not events:
            self._selector.unregister(one)
        elif watched is not None and watched.events != events:
            self._selector.modify(one, events)

    def _end_pair(self, one, resets):
        for side in (one, self._others.get(one)):
            if side is not None and self._others.pop(side, None) is not None:
                self._waiting.pop(side)
                self._memory.pop(side, None)
                if side in self._selector.get_map():
                    self._selector.unregister(side)
                self._end(side, resets)

    @staticmethod
    def _end(side, resets):
        if resets:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()

    def _end_all(self, order):
        for one in list(self._others):
            self._end_pair(one, resets=order == "reset")
