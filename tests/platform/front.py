# SPDX-License-Identifier: Apache-2.0
"""The door of a stand-in cloud that is spoken with over MQTT. It ends TLS, reads the CONNECT, and the
cloud decides on certificate, name and password; whoever is let in is passed on to a real mosquitto,
byte for byte, but for what the cloud itself answers: the topics of its services are the same for
every client, so an answer goes out on the connection that asked, never through the broker."""

import asyncio
import hashlib
import json
import os
import ssl
import threading
import time

from bed.broker import HOST, Broker, Recorder
from bed.wait import free_port, until

import packets
from packets import (CONNECT, DISCONNECT, NOT_AUTHORISED, PUBLISH, SUBACK, SUBSCRIBE, Connect, Malformed,
                     Publish, read_packet)
from service import Asked, Problem

HUGE_PAYLOAD = 128 * 1024
PATIENCE = 30  # seconds for a handshake and a CONNECT


class Refused(Exception):
    """code: of the CONNACK; None when the connection ends without one."""

    def __init__(self, why, code=NOT_AUTHORISED):
        super().__init__(why)
        self.code = code


class Peer:
    """The certificate of the other side; it has none when 'fingerprint' is empty. The chain was
    verified by then."""

    def __init__(self, tls):
        der = tls.getpeercert(True)
        self.fingerprint = hashlib.sha256(der).hexdigest() if der else ''
        self.der = der or b''
        shown = tls.getpeercert() or {}
        self.subject = {key: value for name in shown.get('subject', ()) for key, value in name}
        self.issuer = shown.get('issuer', ())
        self.common_name = self.subject.get('commonName', '')
        self.server_name = getattr(tls, 'asked_name', None)


def matches(wanted, topic):
    """Whether a filter holds for a topic; the first level of one that begins with $ has to be named."""
    wanted, topic = wanted.split('/'), topic.split('/')
    if topic[0].startswith('$') and wanted[0] != topic[0]:
        return False
    for at, level in enumerate(wanted):
        if level == '#':
            return True
        if at >= len(topic) or level not in ('+', topic[at]):
            return False
    return len(wanted) == len(topic)


class Session:
    """One client that was let in. 'mind' is what the cloud keeps about it."""

    def __init__(self, front, writer, peer, connect):
        self.front, self.peer, self.connect = front, peer, connect
        self.client_id = connect.client_id
        self.mind = None
        self.subscribed = set()
        self.refused_filters = {}  # number of a SUBSCRIBE -> which of its filters were refused
        self.since = time.monotonic()
        self.ended = None  # why
        self._writer = writer

    def tell(self, topic, payload=b''):
        """Sends it if the client listens there. Loop thread only."""
        if not self.ended and any(matches(one, topic) for one in self.subscribed):
            self._writer.write(packets.publish(topic, payload))
            return True
        return False

    def write(self, data):
        if not self.ended:
            self._writer.write(data)

    def end(self, why):
        """Loop thread only."""
        if not self.ended:
            self.ended = why
            self.front.ends.append((self.client_id, why))
            self._writer.close()


class Front(Asked):
    """Subclasses decide:

    admit(peer, connect)      raises Refused, or returns what session.mind becomes
    opened(session)           it is in
    may_subscribe(session, filter), may_publish(session, publish)
    asks(session, topic)      the path of the service that this topic belongs to, or None
    serve(session, path, topic, payload)   works on it: a list of (topic, JSON value or bytes)
    failed(path, topic, problem)           the answer when serve() raised Problem
    deliver(session, topic, payload)       who hears an answer: who asked, if nothing else is said

    Faults are ordered by path as in service.py; 'CONNECT <client id>' is one, too, and there 'status' is
    the code of the CONNACK, 'slow' and 'lost' as ever."""

    name = 'localhost'

    def __init__(self, directory, certificates, port=0, broker=None):
        super().__init__()
        os.makedirs(directory, exist_ok=True)
        self.directory, self.certificates = directory, certificates
        self.port = port or free_port()
        self.broker = broker or Broker(os.path.join(directory, 'broker'), persistence=False)
        self.own_broker = broker is None
        self.recorder = None
        self.sessions = {}  # client id -> Session
        self.connects = []  # (client id, None or why it was refused, when)
        self.ends = []      # (client id, why the session ended)
        self.anchors = []
        self.writers = set()
        self.skew = 0
        self.loop = self.context = self.thread = None

    # ---- life ----

    def start(self, authority=None):
        """With another authority its certificate is not trusted any more."""
        if self.own_broker and not self.broker.process:
            self.broker.start()
        if not self.recorder:
            self.recorder = Recorder(self.broker, 'operator-%d' % self.port, self.recorded)
        certificate, key = (authority or self.certificates).issue(
            'front-%d' % self.port, ['DNS:' + self.name])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self.context.sni_callback = self._asked_for
        for one in self.anchors:
            self.context.load_verify_locations(cadata=one)
        self.loop = asyncio.new_event_loop()
        began = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(began,), daemon=True)
        self.thread.start()
        assert began.wait(10), 'the front listens'
        return self

    recorded = '#'
    at_the_broker = ''  # before each client id there: two clouds at one broker know the same devices

    def _run(self, began):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(
            self._serve, HOST, self.port, ssl=self.context, backlog=1024,
            ssl_handshake_timeout=PATIENCE, ssl_shutdown_timeout=2, reuse_address=True))
        self.loop.call_soon(began.set)
        self.loop.run_forever()
        server.close()
        for one in list(self.writers):
            one.transport.abort()
        tasks = asyncio.all_tasks(self.loop)
        for one in tasks:
            one.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(asyncio.sleep(0.01))
        self.loop.close()

    def shut(self):
        """Nobody gets in, and who was in is out; the broker stays."""
        if self.loop:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)
            self.loop = None
            self.sessions.clear()

    def stop(self):
        self.shut()
        if self.recorder:
            self.recorder.close()
            self.recorder = None
        if self.own_broker:
            self.broker.stop()

    def now(self):
        return time.time() + self.skew

    def trust(self, pem):
        """Client certificates that this one signed (or that are this one) pass the handshake."""
        self.anchors.append(pem)
        if self.context:
            self.context.load_verify_locations(cadata=pem)

    def ask(self, function, *arguments):
        """Runs it in the loop's thread and awaits what it returns."""
        if threading.current_thread() is self.thread or not self.loop:
            return function(*arguments)

        async def there():
            return function(*arguments)
        return asyncio.run_coroutine_threadsafe(there(), self.loop).result(20)

    # ---- the way in ----

    @staticmethod
    def _asked_for(tls, name, _context):
        tls.asked_name = name

    async def _serve(self, reader, writer):
        session = None
        self.writers.add(writer)
        try:
            peer = Peer(writer.get_extra_info('ssl_object'))
            first, body = await asyncio.wait_for(read_packet(reader), PATIENCE)
            if first >> 4 != CONNECT:
                return
            connect = Connect(body)
            session = await self._admit(writer, peer, connect)
            if session:
                await self._between(session, reader)
        except (OSError, EOFError, Malformed, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            if session:
                if self.sessions.get(session.client_id) is session:
                    del self.sessions[session.client_id]
                session.end('it left')
                self.closed(session)
            writer.close()
            self.writers.discard(writer)

    async def _admit(self, writer, peer, connect):
        path = 'CONNECT ' + connect.client_id
        fault = self.note(path)
        if 'slow' in fault:
            await asyncio.sleep(fault['slow'])
        if 'lost' in fault or 'status' in fault:
            self.connects.append((connect.client_id, 'on order', time.monotonic()))
            if 'status' in fault:
                writer.write(packets.connack(fault['status']))
            return None
        try:
            if connect.protocol != 'MQTT' or connect.level != 4:
                raise Refused('it does not speak MQTT 3.1.1', 1)
            mind = self.admit(peer, connect)
        except Refused as refused:
            self.connects.append((connect.client_id, str(refused), time.monotonic()))
            if refused.code is not None:
                writer.write(packets.connack(refused.code))
            return None
        self.connects.append((connect.client_id, None, time.monotonic()))
        session = Session(self, writer, peer, connect)
        session.mind = mind
        # The broker ends the older session of this client id; it is so even when that one hangs.
        former = self.sessions.get(connect.client_id)
        if former:
            former.end('somebody else came under its name')
        self.sessions[connect.client_id] = session
        self.opened(session)
        return session

    async def _between(self, session, reader):
        broker_reader, broker_writer = await asyncio.open_connection(HOST, self.broker.local_port)
        broker_writer.write(session.connect.anonymous(self.at_the_broker))
        down = asyncio.ensure_future(self._down(session, broker_reader))
        try:
            await self._up(session, reader, broker_writer)
        finally:
            down.cancel()
            broker_writer.close()

    async def _down(self, session, broker_reader):
        try:
            while True:
                first, body = await read_packet(broker_reader)
                if first >> 4 == SUBACK:
                    body = self._whole_suback(session, body)
                session.write(packets.packet(first, body))
        except (OSError, EOFError, Malformed, asyncio.IncompleteReadError):
            session.end('the broker ended it')

    @staticmethod
    def _whole_suback(session, body):
        number = int.from_bytes(body[:2], 'big')
        granted = list(body[2:])
        refused = session.refused_filters.pop(number, None)
        if refused is None:
            return body
        return body[:2] + bytes(128 if no else granted.pop(0) for no in refused)

    async def _up(self, session, reader, broker_writer):
        while not session.ended:
            first, body = await read_packet(reader)
            kind = first >> 4
            if kind == PUBLISH:
                message = Publish(first, body)
                if not self.may_publish(session, message):
                    session.end('it may not publish to ' + message.topic)
                    return
                path = self.asks(session, message.topic)
                if path:
                    # The broker need not see it; what holds for it there would be no secret any more.
                    if message.qos == 1:
                        session.write(packets.puback(message.id))
                    asyncio.ensure_future(self._work(session, path, message))
                else:
                    broker_writer.write(message.unretained())
            elif kind == SUBSCRIBE:
                self._subscribe(session, body, broker_writer)
            else:
                broker_writer.write(packets.packet(first, body))
                if kind == DISCONNECT:
                    await broker_writer.drain()
                    return
            await broker_writer.drain()

    def _subscribe(self, session, body, broker_writer):
        number, wanted = packets.read_subscribe(body)
        refused = [not self.may_subscribe(session, one) for one, _ in wanted]
        allowed = [one for one, no in zip(wanted, refused) if not no]
        session.subscribed.update(one for one, _ in allowed)
        if not allowed:
            session.write(packets.suback(number, [128] * len(wanted)))
            return
        if any(refused):
            session.refused_filters[number] = refused
        broker_writer.write(packets.subscribe(number, allowed))

    # ---- services ----

    async def _work(self, session, path, message):
        fault = self.note(path)
        if 'slow' in fault:
            await asyncio.sleep(fault['slow'])
        if 'before' in fault:
            fault['before']()
            session.end('on order')
            return
        try:
            if 'status' in fault:
                raise Problem(fault['status'], headers=fault.get('retry_after'))
            answers = self.serve(session, path, message.topic, message.payload)
            if asyncio.iscoroutine(answers):
                answers = await answers
        except Problem as problem:
            problem.asked = message.payload
            answers = self.failed(path, message.topic, problem)
        if 'after' in fault:
            fault['after']()
        if fault.get('lost'):
            session.end('on order')
            return
        for topic, value in answers:
            payload = value if isinstance(value, bytes) else json.dumps(value).encode()
            if 'text' in fault:
                payload = fault['text'].encode()
            if 'huge' in fault:
                payload = b'"' + b'x' * fault['huge'] + b'"'
            if not self.deliver(session, topic, payload):
                self.unheard.append((session.client_id, topic))

    # ---- what subclasses say ----

    def admit(self, peer, connect):
        raise NotImplementedError

    def opened(self, session):
        pass

    def closed(self, session):
        pass

    def may_subscribe(self, session, wanted):
        raise NotImplementedError

    def may_publish(self, session, message):
        raise NotImplementedError

    def asks(self, session, topic):
        return None

    def serve(self, session, path, topic, payload):
        raise NotImplementedError

    def failed(self, path, topic, problem):
        raise NotImplementedError

    def deliver(self, session, topic, payload):
        """To who asked, unless the cloud knows better."""
        return session.tell(topic, payload)

    def distribute(self, topic, payload):
        """To everybody who listens there. Loop thread only."""
        return sum([one.tell(topic, payload) for one in list(self.sessions.values())])

    # ---- what a test asks ----

    def drop(self, client_id, why='dropped'):
        """Its session ends; it may come back."""
        def end():
            session = self.sessions.get(client_id)
            if session:
                session.end(why)
        self.ask(end)

    def online(self, client_id):
        return client_id in self.sessions

    def refusals(self, client_id=None):
        """Why connections were refused, in order."""
        return [why for who, why, _ in list(self.connects) if why and client_id in (None, who)]

    def await_online(self, client_id, timeout=30):
        until(lambda: self.online(client_id), timeout, client_id + ' is connected')


def most_within(times, seconds):
    """The most of these moments that fall into any stretch of so many seconds: what a limit is held
    against."""
    times, most, first = sorted(times), 0, 0
    for at, moment in enumerate(times):
        while moment - times[first] > seconds:
            first += 1
        most = max(most, at - first + 1)
    return most
