# OpenMined PSI: DH over P-256. It has no transport: messages go over one TCP connection, each after its length in
# eight bytes. The sender listens. Whatever can overlap does: sending, receiving and computing.

import socket
import struct
import threading

import private_set_intersection.python as psi

# Said once for all comparisons of a session, as blindmatch says it.
FALSE_POSITIVES = 2.0**-40
STRUCTURES = {"raw": psi.DataStructure.RAW, "gcs": psi.DataStructure.GCS}
MOST = 1 << 26  # elements
PER_ELEMENT = 48  # a compressed P-256 point is 33 bytes; and what protobuf puts around it


def prepare():
    args = arguments(tuple(STRUCTURES))
    rows = identifiers(args.list)
    if args.role == "sender":
        listener = socket.create_server(args.listen)
        return args, lambda phases: send(args, rows, listener, phases)
    return args, lambda phases: receive(args, rows, phases)


def send(args, rows, listener, phases):
    with phases.time("connect"):
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        theirs = count(take(connection, 8))
        connection.sendall(struct.pack(">Q", len(rows)))
    request = Incoming(connection, theirs)
    with phases.time("setup"):
        server = psi.server.CreateWithNewKey(True)
        setup = server.CreateSetupMessage(FALSE_POSITIVES, theirs, rows, STRUCTURES[args.variant])
        sending = Outgoing(connection, setup.SerializeToString())
    with phases.time("wait"):
        (message,) = request.all()
        message = psi.Request.FromString(message)
    with phases.time("evaluate"):
        response = server.ProcessRequest(message).SerializeToString()
    with phases.time("send"):
        sending.done()
        Outgoing(connection, response).done()
        connection.shutdown(socket.SHUT_WR)
        ended(connection)
    return 0, list


def receive(args, rows, phases):
    with phases.time("connect"):
        connection = socket.create_connection(args.peer)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(struct.pack(">Q", len(rows)))
        theirs = count(take(connection, 8))
    incoming = Incoming(connection, theirs, len(rows))
    with phases.time("request"):
        client = psi.client.CreateWithNewKey(True)
        sending = Outgoing(connection, client.CreateRequest(rows).SerializeToString())
    with phases.time("wait"):
        sending.done()
        setup, response = incoming.all()
        setup, response = psi.ServerSetup.FromString(setup), psi.Response.FromString(response)
        ended(connection)
        connection.close()
    with phases.time("intersect"):
        matched = client.GetIntersection(setup, response)
    return len(matched), lambda: matched


class Incoming(threading.Thread):
    """Messages, received while we compute: what waits is the kernel, without Python's lock."""

    def __init__(self, connection, *elements):
        super().__init__(daemon=True)
        self.connection, self.elements, self.messages, self.error = connection, elements, [], None
        self.start()

    def run(self):
        try:
            for elements in self.elements:
                length = count(take(self.connection, 8), most=1024 + PER_ELEMENT * elements)
                self.messages.append(take(self.connection, length))
        except Exception as error:
            self.error = error

    def all(self):
        self.join()
        if self.error:
            raise self.error
        return self.messages


class Outgoing(threading.Thread):
    """A message, sent while we compute."""

    def __init__(self, connection, message):
        super().__init__(daemon=True)
        self.connection, self.message, self.error = connection, message, None
        self.start()

    def run(self):
        try:
            self.connection.sendall(struct.pack(">Q", len(self.message)))
            self.connection.sendall(self.message)
        except Exception as error:
            self.error = error

    def done(self):
        self.join()
        if self.error:
            raise self.error


def count(eight, most=MOST):
    (number,) = struct.unpack(">Q", eight)
    if number > most:
        raise Refused(f"{number} announced, where {most} are allowed")
    return number


def take(connection, length):
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        got = connection.recv_into(view, len(view), socket.MSG_WAITALL)
        if got == 0:
            raise Refused("the peer hung up")
        view = view[got:]
    return bytes(buffer)


def ended(connection):
    if connection.recv(1):
        raise Refused("more than was announced")


play("openmined-psi", prepare)
