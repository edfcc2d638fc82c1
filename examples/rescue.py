#!/usr/bin/python3
"""rescue.py - reads a coppice repository without coppice. Written from docs/format.md alone; "§" means a section of it.

    rescue.py [--key-file FILE] [--header EXPORT] REPOSITORY list
    rescue.py [--key-file FILE] [--header EXPORT] REPOSITORY restore SNAPSHOT-PREFIX|latest TARGET [PATH]

The passphrase comes from $COPPICE_PASSWORD or is asked for. TARGET must not exist or be empty; everything goes there under
its whole path (/etc/fstab becomes TARGET/etc/fstab). A file that cannot be had whole is written as NAME.incomplete, with
holes where bytes are missing. Nothing in the repository is changed.

Needs Python 3.8, python3-cryptography, and the program zstd or python3-zstandard; b3sum makes it faster.
Exit code: 0 all done; 3 done, but something could not be set; 13 something is damaged; 10, 12, 17, 2 as in docs/exit-codes.md.

What it does not do: it does not mend packs with their .par files (§11), does not set file flags and project ids, and
does not compare checkpoints with the log before them. It trusts nobody's word where a hash, an authenticated cipher or
a signature decides; but where a strict reader stops, it goes on and says so, because that is what it is for.
"""
import argparse, base64, collections, datetime, functools, getpass, hashlib, json, os, re, shutil, stat, struct
import subprocess, sys, tempfile

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    sys.exit("rescue.py: needs the Python package cryptography (Debian: python3-cryptography)")
try:
    import zstandard
except ImportError:
    zstandard = None

KIB, MIB = 1 << 10, 1 << 20
LOG_ENTRY, PACK_TABLE, SESSION, SNAPSHOT = 1, 2, 3, 4            # what is signed (§1)
WRITER, AUDITOR, READER, OWNER = 1, 2, 3, 4                      # roles (§3)
KIND_PACK, KIND_INDEX = 1, 2                                     # kinds of objects (§5)
DATA, META = 0, 1                                                # classes of chunks (§4)


class Stop(Exception):
    """Ends the program with an exit code."""
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Damaged(Exception):
    """These bytes are not what they should be."""


class Newer(Damaged):
    """A version or type this program does not know."""


worst = 0                                                        # the exit code so far


def report(text, code=13):
    """Names something that went wrong. 13 beats 3."""
    global worst
    worst = max(worst, code)
    print("rescue.py: " + text, file=sys.stderr)


def show(path):
    return os.fsencode(path).decode("utf-8", "backslashreplace").translate({c: "\\x%02x" % c for c in [*range(32), 127]})


# ---------------------------------------------------------------- BLAKE3 (its paper, section 2), and b3sum to be faster

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIX = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
M32 = 0xFFFFFFFF


def b3_compress(value, block, counter, length, flags):
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*value, *IV[:4], counter & M32, counter >> 32, length, flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(MIX):
            for word, r1, r2 in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & M32
                x = v[d] ^ v[a]
                v[d] = (x >> r1 | x << 32 - r1) & M32
                v[c] = v[c] + v[d] & M32
                x = v[b] ^ v[c]
                v[b] = (x >> r2 | x << 32 - r2) & M32
        m = [m[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def b3_node(data, key, mode, counter, root):
    """The chaining value of the subtree over data, whose first chunk has the number counter."""
    if len(data) <= 1024:
        value = key
        for at in range(0, max(len(data), 1), 64):
            block = data[at:at + 64]
            last = at + 64 >= len(data)
            value = b3_compress(value, block, counter, len(block), mode | (at == 0) | (2 | root if last else 0))
        return value
    left = 1024
    while left * 2 < len(data):
        left *= 2
    pair = b3_node(data[:left], key, mode, counter, 0) + b3_node(data[left:], key, mode, counter + left // 1024, 0)
    return b3_compress(key, struct.pack("<16I", *pair), 0, 64, mode | 4 | root)


def b3_slow(data, key=None):
    words, mode = (struct.unpack("<8I", key), 16) if key else (IV, 0)
    return struct.pack("<8I", *b3_node(bytes(data), words, mode, 0, 8))


def memory_file(data):
    """The number of a nameless file in memory with these bytes: plaintext must not get to a disk."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("rescue")
    else:
        with tempfile.TemporaryFile() as file:
            number = os.dup(file.fileno())
    with open(number, "wb", closefd=False) as file:
        file.write(data)
    return number


def b3_all(pieces, key=None):
    """The hashes of many pieces of bytes, with as few calls of b3sum as can be."""
    pieces, hashes = list(pieces), []
    if not shutil.which("b3sum") or max(map(len, pieces), default=0) <= 256:
        return [b3_slow(piece, key) for piece in pieces]
    for at in range(0, len(pieces), 200):
        numbers = [memory_file(piece) for piece in pieces[at:at + 200]]
        try:
            out = subprocess.run(["b3sum", "--no-names", *(["--keyed"] if key else []), *("/dev/fd/%d" % n for n in numbers)],
                                 input=key or b"", stdout=subprocess.PIPE, pass_fds=numbers, check=True).stdout.split()
        finally:
            for number in numbers:
                os.close(number)
        hashes += [bytes.fromhex(line.decode()) for line in out]
    if len(hashes) != len(pieces):
        raise Stop(1, "b3sum does not do what it should")
    return hashes


def b3(data, key=None):
    return b3_all([data], key)[0]


# ---------------------------------------------------------------- keys and ciphers (§1)

def hkdf(key, info, length=32):
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)


def open_aead(cipher, key, nonce, sealed, associated):
    """Decrypts, or raises Damaged. nonce is a number, see "nonce(n)", or 12 bytes."""
    if cipher not in (1, 2):
        raise Newer("unknown cipher %d" % cipher)
    if isinstance(nonce, int):
        nonce = struct.pack("<4xQ", nonce)
    try:
        return (AESGCM if cipher == 1 else ChaCha20Poly1305)(key).decrypt(nonce, bytes(sealed), bytes(associated) or None)
    except (InvalidTag, ValueError):
        raise Damaged("does not open with this key")


def signed_by(public, repository, kind, data, signature):
    try:
        message = b"coppice/1" + repository + bytes([kind]) + data
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def open_box(private, box, context):
    """A 32-byte secret out of a box of 112 bytes (§5, Boxes)."""
    ephemeral, commitment, sealed = box[:32], box[32:64], box[64:]
    mine = X25519PrivateKey.from_private_bytes(private)
    try:
        shared = mine.exchange(X25519PublicKey.from_public_bytes(ephemeral))      # refuses all zeros
    except ValueError:
        raise Damaged("box with a weak key")
    both = hkdf(shared, b"coppice/1 box" + context + ephemeral + raw_public(mine), 64)
    if both[32:] != commitment:
        raise Damaged("box for another key")
    return open_aead(1, both[:32], 0, sealed, b"")


def raw_public(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


# ---------------------------------------------------------------- decoding (§1)

class Fields:
    """Takes fields off the front of bytes; raises Damaged where the bytes do not hold them."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left():
            raise Damaged("ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return int.from_bytes(self.take(4), "little")

    def u64(self):
        return int.from_bytes(self.take(8), "little")

    def id(self):
        return self.take(32)

    def slot(self):
        return self.take(16)

    def varint(self):
        value = 0
        for i in range(10):
            byte = self.u8()
            value |= (byte & 127) << 7 * i
            if byte < 128:
                if byte == 0 and i or value >> 64:
                    break
                return value
        raise Damaged("malformed number")

    def svarint(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def bounded(self, most):
        value = self.varint()
        if value > most:
            raise Damaged("number out of bounds")
        return value

    def counted(self, most=64 * MIB):
        return self.take(self.bounded(most))

    def list(self, read, most=64 * MIB):
        """Every item takes at least a byte, so a count above the bytes left is damage."""
        return [read() for _ in range(self.bounded(min(most, self.left())))]

    def time(self):
        """Nanoseconds since 1970."""
        return self.svarint() * 10 ** 9 + self.bounded(10 ** 9 - 1)

    def version(self, known=1):
        found = self.u8()
        if found != known:
            raise Newer("version %d is not known" % found)

    def end(self):
        if self.left():
            raise Damaged("bytes left over")

    def zeros(self):
        if self.data[self.at:].strip(b"\0"):
            raise Damaged("padding is not zeros")


def decode(function):
    """The function's errors of any sort mean damage: nothing that is read can make this program fall over."""
    @functools.wraps(function)
    def wrapped(*arguments):
        try:
            return function(*arguments)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, RecursionError, OverflowError) as error:
            raise Damaged("malformed: %s" % error)
    return wrapped


def read_two(path, check, most=64 * MIB):
    """check(bytes) of a file or of its second copy, whichever passes first."""
    error = None
    for name in (path, path + ".copy"):
        try:
            with open(name, "rb") as file:
                data = file.read(most + 1)
            if len(data) > most:
                raise Damaged("too long")
            result = check(data)
            if error:
                report("%s: %s; took its second copy" % (path, error), 0)
            return result
        except OSError as problem:
            error = error or Damaged(problem.strerror)
        except Damaged as problem:
            error = problem if not isinstance(error, Newer) else error
    raise error


# ---------------------------------------------------------------- JSON texts: header, slots, export (§3)

@decode
def json_text(data, format, most=MIB):
    if len(data) > most:
        raise Damaged("too long")
    body, mark, rest = data.rpartition(b'"checksum"')
    match = re.fullmatch(rb'[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{64})"[ \t\r\n]*}[ \t\r\n]*', rest)
    if not mark or not match or b3(body).hex() != match[1].decode():
        raise Damaged("wrong checksum")

    def members(pairs):
        if len(set(name for name, _ in pairs)) != len(pairs):
            raise Damaged("a member stands there twice")
        return dict(pairs)

    text = json.loads(data.decode("utf-8"), object_pairs_hook=members)
    if text["format"] != format:
        raise Damaged("is not a " + format)
    if text["version"] != 1:
        raise Newer("version %s is not known" % text["version"])
    return text


def check_header(data):
    header = json_text(data, "coppice repository")
    if header["features"]["incompatible"]:
        raise Stop(17, "the repository needs a newer program: " + ", ".join(map(str, header["features"]["incompatible"])))
    return header


Epoch = collections.namedtuple("Epoch", "repository_key private")          # private: {class: X25519 key}
Slot = collections.namedtuple("Slot", "role id repository root signing box_key family epochs")


@decode
def slot_key(kdf, passphrase, key_file):
    """The key of a slot, or None if it needs another sort of credential."""
    salt = bytes.fromhex(kdf["salt"])
    if len(salt) != 32:
        raise Damaged("salt of a wrong length")
    if kdf["algorithm"] == "key file":
        return key_file and hkdf(key_file, b"coppice/1 key file" + salt)
    if kdf["algorithm"] != "scrypt":
        raise Newer("unknown key derivation %s" % kdf["algorithm"])
    n, r, p = kdf["n"], kdf["r"], kdf["p"]
    if not (2 ** 10 <= n <= 2 ** 20 and n & n - 1 == 0 and 1 <= r <= 16 and 1 <= p <= 16 and 128 * n * r <= 1 << 30):
        raise Damaged("scrypt parameters out of bounds")
    if key_file:
        return None
    return hashlib.scrypt(passphrase(), salt=salt, n=n, r=r, p=p, dklen=32, maxmem=128 * r * (n + p + 2) + MIB)


@decode
def open_slot(data, name, passphrase, key_file):
    """The payload of a slot, or None if the credential is not its."""
    text = json_text(data, "coppice slot")
    repository, slot_id, sealed = (bytes.fromhex(text[m]) for m in ("repository_id", "slot_id", "sealed"))
    if slot_id.hex() != name:
        raise Damaged("is the slot " + slot_id.hex())
    key = slot_key(text["kdf"], passphrase, key_file)
    try:
        f = Fields(open_aead(1, key, sealed[:12], sealed[12:], b"coppice/1 slot" + repository + slot_id)) if key else None
    except Damaged:
        f = None
    if not f:
        return None
    f.version()
    role = f.u8()
    if role not in (WRITER, AUDITOR, READER, OWNER):
        raise Newer("unknown role")
    if (f.slot(), f.id()) != (slot_id, repository):
        raise Damaged("the payload is another slot's")
    root, seed, box_key, family = f.id(), f.id(), f.id(), f.id()
    signing = raw_public(Ed25519PrivateKey.from_private_bytes(seed))
    epochs = {}
    for _ in range(f.bounded(4096)):
        number, key, flags = f.varint(), f.id(), f.u8()
        if flags & ~3:
            raise Newer("unknown flag of an epoch")
        epochs[number] = Epoch(key, {c: f.id() for c, bit in ((META, 1), (DATA, 2)) if flags & bit})
    if f.u8():
        f.id()                                                   # the root signing seed: nothing here signs
    f.end()
    return Slot(role, slot_id, repository, root, signing, box_key, family, epochs)


def find_slot(root, export, passphrase, key_file):
    """The first slot that the credential opens and that may read data; failing that, any that it opens."""
    found = None
    candidates = [(name, None) for name in sorted(listing(os.path.join(root, "slots"), r"([0-9a-f]{32})(?:\.copy)?"))]
    candidates += [(s["name"], base64.b64decode(s["data"], validate=True)) for s in export["slots"]] if export else []
    for name, data in candidates:
        try:
            opener = lambda data: open_slot(data, name, passphrase, key_file)
            slot = opener(data) if data else read_two(os.path.join(root, "slots", name), opener)
        except Damaged as error:
            report("slot %s: %s" % (name, error), 0)
            continue
        if slot and (not found or DATA in {c for e in slot.epochs.values() for c in e.private}):
            found = slot
            if any(DATA in e.private for e in slot.epochs.values()):
                break
    if not found:
        raise Stop(12 if candidates else 10, "no slot opens with this credential" if candidates else "no slots, so no repository")
    return found


def listing(directory, pattern):
    """What the group of the pattern is in the names of a directory."""
    try:
        return {m[1] for m in (re.fullmatch(pattern, name) for name in os.listdir(directory)) if m}
    except OSError:
        return set()


# ---------------------------------------------------------------- the log (§5)

class Entry:
    """A log entry: decoded, checked for its checksum, its number and the repository, not yet for its signature."""

    @decode
    def __init__(self, data, repository, number=None):
        self.data, f = data, Fields(data[:-32])
        if b3(data[:-32]) != data[-32:] or f.take(8) != b"cop-log\n":
            raise Damaged("wrong checksum")
        f.version()
        self.type, self.number = f.u8(), f.u64()
        if f.id() != repository or number not in (None, self.number):
            raise Damaged("belongs to another repository or number")
        self.predecessor, self.signer, self.nonce = f.id(), f.slot(), f.take(16)
        self.epoch, self.checkpoint = f.varint(), f.varint()
        describe = lambda: (f.u8(), f.u8(), f.id(), f.varint())  # kind, side, name, length
        self.adds, self.deletes = f.list(describe), f.list(describe)
        self.public = Fields(f.counted())
        self.associated = data[:f.at]
        self.sealed = f.counted()
        self.signed, self.signature = data[:f.at], f.take(64)
        f.end()
        if any(kind not in (1, 2, 3) or side not in (0, 1, 2) for kind, side, _, _ in self.adds + self.deletes):
            raise Newer("unknown kind of object")

    def body(self, key):
        """The sealed body."""
        key = hkdf(key, b"coppice/1 log" + struct.pack("<Q", self.number) + self.nonce)
        return unpadded(open_aead(1, key, 0, self.sealed, self.associated))


def unpadded(plain):
    f = Fields(plain)
    body = Fields(f.counted())
    f.zeros()
    if len(plain) % 256:
        raise Damaged("padding of a wrong length")
    return body


class Snapshot:
    """A snapshot entry and its record (§10)."""

    @decode
    def __init__(self, number, slot, record, family):
        self.number, self.slot, self.record = number, slot, record
        self.id = b3(record, hkdf(family, b"coppice/1 metadata id"))
        self.forgotten = self.void = False
        self.added, self.removed = set(), set()
        f = Fields(record)
        f.version()
        self.flags, self.time = f.varint(), f.time()
        zone = datetime.timezone(datetime.timedelta(minutes=f.svarint()))
        time = datetime.datetime.fromtimestamp(0, zone) + datetime.timedelta(seconds=self.time // 10 ** 9)
        self.when = time.isoformat(" ")
        self.host, self.user = f.counted(255), f.counted(255)
        self.paths = f.list(lambda: f.counted(MIB), 65536)
        self.own_tags = set(f.list(lambda: f.counted(1024), 1024))
        self.root_part = f.counted(512 * KIB)                    # "/" itself: the one node of a tree part
        if f.u8():
            f.id()                                               # the parent
        self.counts = [f.varint() for _ in range(14)]
        f.counted(255)                                           # program
        origin, _origin_slot, public, signed = f.id(), f.slot(), f.id(), f.at
        self.genuine = signed_by(public, origin, SNAPSHOT, record[:signed], f.take(64))
        f.end()

    def root(self):
        nodes = tree_part(self.root_part)
        if len(nodes) != 1 or nodes[0].name != b"root" or not nodes[0].directory:
            raise Damaged("the snapshot's root is no directory")
        return nodes[0]

    def tags(self):
        return (self.own_tags | self.added) - self.removed

    def marks(self):
        return ([] if self.genuine else ["origin's signature is wrong"]) + ["void"] * self.void + ["forgotten"] * self.forgotten \
            + ["some entries could not be read"] * bool(self.flags & 4) \
            + ["attributes trusted.* could not be seen"] * bool(self.flags & 8)


class Restart(Exception):
    """The checkpoint that the state came from turned out to be void."""


class Log:
    """Reads the log and holds what it says: snapshots, session boxes, live packs and indexes, certificates, epochs."""

    ROLES = {1: (WRITER, OWNER), 2: (AUDITOR, OWNER), 3: (AUDITOR, OWNER), 4: (AUDITOR, OWNER), 5: (WRITER, AUDITOR, OWNER),
             6: (AUDITOR, OWNER), 7: (AUDITOR, OWNER), 8: (WRITER, AUDITOR, READER, OWNER), 9: (OWNER,), 10: (), 11: (), 12: (),
             13: (READER, OWNER), 14: (OWNER,), 15: (AUDITOR, OWNER)}

    def __init__(self, root, slot, export):
        self.root, self.slot = root, slot
        self.exported = {}                                       # root-signed entries from an export: a third copy
        for text in (export or {}).get("log", []):
            try:
                entry = Entry(base64.b64decode(text, validate=True), slot.repository)
                self.exported[entry.number] = entry
            except (Damaged, ValueError) as error:
                report("exported log entry: %s" % error, 0)
        numbers = [int(n, 16) for n in listing(os.path.join(root, "log"), r"([0-9a-f]{16})(?:\.copy)?")] + list(self.exported)
        if not numbers:
            report("there is no log")
        first, tail = min(numbers, default=0), max(numbers, default=-1)
        void_checkpoints, said = set(), set()
        while True:
            # The newest checkpoint that is of use. (An entry names the checkpoint before it; going down entry by entry
            # finds the same one without believing an entry that is not proven yet.)
            self.clear()
            later, number = [], tail
            while number >= first:
                entry = self.load(number, said)
                if entry and entry.type == 15 and number not in void_checkpoints and self.start_from(entry):
                    break
                later.append((number, entry))
                number -= 1
            if number < first and first > 0:
                report("the log begins with entry %d, and no checkpoint is of use" % first)
            try:
                before = entry if number >= first else None
                for number, entry in reversed(later):
                    self.replay(number, entry, before)
                    before = entry
                break
            except Restart as restart:
                void_checkpoints.add(restart.args[0])
        for number in sorted(self.broken - self.void):
            report("log entry %d is broken and was passed over; what it said is lost" % number)

    def clear(self):
        # Until its certificate is read the slot vouches for itself, which helps if the certificate is lost.
        self.certificates, self.keys, self.revoked = {self.slot.id: (0, self.slot.role)}, collections.defaultdict(list), {}
        self.keys[self.slot.id].append(self.slot.signing)
        self.repository_keys = {number: epoch.repository_key for number, epoch in self.slot.epochs.items()}
        self.private = {(number, c): key for number, epoch in self.slot.epochs.items() for c, key in epoch.private.items()}
        self.snapshots, self.boxes = [], collections.defaultdict(list)
        self.live, self.deleted, self.indexes = {}, set(), set()
        self.broken, self.void, self.started = set(), set(), None

    def load(self, number, said):
        """An entry that is readable, or None."""
        try:
            return read_two(os.path.join(self.root, "log", "%016x" % number), lambda d: Entry(d, self.slot.repository, number))
        except Damaged as error:
            if number in self.exported:
                return self.exported[number]
            if number not in said:
                report("log entry %d: %s" % (number, error), 0)
                said.add(number)
            return None

    def genuine(self, entry):
        """Whether the root or a certified slot signed it, and its key: None for the root's."""
        keys = [self.slot.root] if not any(entry.signer) else self.keys[entry.signer][-1:]
        return any(signed_by(key, self.slot.repository, LOG_ENTRY, entry.signed, entry.signature) for key in keys)

    def allowed(self, entry):
        """Why the signer may not append this entry; None if it may."""
        if not any(entry.signer):
            return None if entry.type in (10, 11, 12) else "the root key signs no such entries"
        certified, role = self.certificates[entry.signer]
        if entry.number < certified or role not in self.ROLES[entry.type]:
            return "its signer's role does not allow it"
        if entry.number >= self.revoked.get(entry.signer, 1 << 64):
            return "its signer's slot is revoked"
        if entry.adds and entry.type not in (1, 5, 15) or entry.deletes and entry.type not in (7, 15):
            return "it adds or deletes what its type may not"
        return None

    @decode
    def root_entry(self, entry):
        """What certificates, revocations and epochs say; their sealed bodies matter to people and writers only."""
        f = entry.public = Fields(entry.public.data)
        key_box = lambda slot: (slot or f.slot(), f.varint(), f.u8(), f.take(112))
        boxes = []
        if entry.type == 10:
            slot, role, signing, _box_key = f.slot(), f.u8(), f.id(), f.id()
            if role not in (WRITER, AUDITOR, READER, OWNER):
                raise Newer("unknown role")
            boxes = f.list(lambda: key_box(slot))
        elif entry.type == 11:
            slot, start = f.slot(), f.u64()
        elif entry.type == 12:
            _number, _public = f.varint(), f.take(64)
            features = f.u64(), f.u64(), f.u64()                 # compatible, read-only-compatible, incompatible
            boxes = f.list(lambda: key_box(None))
            if features[2]:
                raise Stop(17, "the repository needs a newer program (feature bits %x)" % features[2])
        f.end()
        if entry.type == 10:
            self.certificates[slot] = entry.number, role
            self.keys[slot].append(signing)
        elif entry.type == 11:
            self.revoked[slot] = start = min(start, self.revoked.get(slot, start))
            for snapshot in self.snapshots:
                snapshot.void |= snapshot.slot == slot and snapshot.number >= start
        for slot, epoch, secret, box in boxes:
            if secret not in (1, 2, 3):
                raise Newer("unknown secret in a key box")
            if slot == self.slot.id:
                try:
                    key = open_box(self.slot.box_key, box, b"epoch" + struct.pack("<QB", epoch, secret) + slot)
                except Damaged as error:
                    report("log entry %d: the key box for epoch %d: %s" % (entry.number, epoch, error), 0)
                    continue
                if secret == 1:
                    self.repository_keys.setdefault(epoch, key)
                else:
                    self.private.setdefault((epoch, META if secret == 2 else DATA), key)

    @decode
    def start_from(self, entry):
        """Takes the state out of a checkpoint; False if it is of no use."""
        self.clear()
        try:
            f = Fields(entry.public.data)
            inner = [Entry(data, self.slot.repository) for data in f.list(lambda: f.counted(MIB))]
            f.list(f.id)                                         # condemned packs: still there, still readable
            f.end()
            for one in inner:
                if any(one.signer) or one.type not in (10, 11, 12) or not self.genuine(one):
                    raise Damaged("holds an entry that the root key did not sign")
                self.root_entry(one)
            if not self.genuine(entry) or self.allowed(entry):
                raise Damaged("is not signed by an auditor or owner")
            f = entry.body(self.repository_keys[entry.epoch])
            for _ in range(f.bounded(f.left())):
                snapshot = [f.varint(), f.slot(), f.u8(), f.counted(MIB), f.list(lambda: f.counted(1024)), f.list(lambda: f.counted(1024))]
                self.add_snapshot(snapshot[0], snapshot[1], snapshot[3])
                self.snapshots[-1].forgotten = bool(snapshot[2])
                self.snapshots[-1].added, self.snapshots[-1].removed = map(set, snapshot[4:])
            for box in f.list(lambda: session_box(f)):
                self.boxes[box[0]].append(box)
            self.indexes = set(f.list(f.id))
            f.list(f.id)                                         # attested packs
            f.list(lambda: (f.id(), f.list(lambda: f.take(33))))     # damaged packs
            self.void = set(f.list(f.u64))
            f.list(lambda: (f.varint(), f.slot(), f.counted(MIB)), 1)        # the newest drill
            f.end()
        except (Damaged, KeyError) as error:
            error = "no key for epoch %d" % entry.epoch if isinstance(error, KeyError) else error
            report("checkpoint %d is of no use: %s" % (entry.number, error))
            self.clear()
            return False
        self.live = {(kind, name): length for kind, _, name, length in entry.adds}
        self.deleted = {(kind, name) for kind, _, name, _ in entry.deletes}
        for snapshot in self.snapshots:
            snapshot.void = snapshot.number in self.void or snapshot.number >= self.revoked.get(snapshot.slot, 1 << 64)
        self.started = entry.number
        return True

    def add_snapshot(self, number, slot, record):
        self.snapshots.append(Snapshot(number, slot, record, self.slot.family))

    def replay(self, number, entry, before):
        if not entry:
            self.broken.add(number)
            return
        if before and any(entry.predecessor) and entry.predecessor != b3(before.data):
            # The word of this one alone does not undo what a sound entry did.
            report("log entry %d is not the one that entry %d names as its predecessor" % (number - 1, number))
        try:
            if not self.genuine(entry):
                raise Damaged("not signed by the root key or a certified slot")
            if entry.type not in self.ROLES:
                report("log entry %d is of the unknown type %d and was passed over: a newer program wrote here" % (number, entry.type))
                return
            reason = self.allowed(entry)
            if reason:
                report("log entry %d was passed over: %s" % (number, reason))
                return
            if not any(entry.signer):
                self.root_entry(entry)
            body = entry.body(self.repository_keys[entry.epoch])
            self.apply(entry, body)
        except KeyError:
            report("log entry %d: no key for epoch %d" % (number, entry.epoch), 0)
            self.broken.add(number)
        except Damaged as error:
            report("log entry %d: %s" % (number, error), 0)
            self.broken.add(number)

    @decode
    def apply(self, entry, f):
        """Decodes the bodies first, then does what they say."""
        type, public = entry.type, Fields(entry.public.data)
        if type in (1, 2, 3, 4, 5, 7, 13) and public.left() or type in (6, 9, 11, 14) and f.left():
            raise Damaged("a body that should be empty is not")
        if type == 1:
            record, boxes = f.counted(MIB), f.list(lambda: session_box(f))
            f.end()
            self.add_snapshot(entry.number, entry.signer, record)
            self.snapshots[-1].void = entry.number in self.void
            owner = self.certificates[entry.signer][1] == OWNER
            for box in boxes:
                if (owner or box[4] == entry.signer) and box[4] not in [b[4] for b in self.boxes[box[0]]]:
                    self.boxes[box[0]].append(box)
        elif type in (2, 3):
            ids = f.list(f.id)
            f.end()
            for snapshot in self.snapshots:
                if snapshot.id in ids:
                    snapshot.forgotten = type == 2
        elif type == 4:
            id, add, remove = f.id(), set(f.list(lambda: f.counted(1024))), set(f.list(lambda: f.counted(1024)))
            f.end()
            for snapshot in self.snapshots:
                if snapshot.id == id:
                    snapshot.added, snapshot.removed = (snapshot.added | add) - remove, (snapshot.removed - add) | remove
        elif type == 5:
            replaced = f.list(f.id)
            f.end()
            self.indexes -= set(replaced)
        elif type == 7:
            ids = f.list(f.id)
            f.list(f.id)                                         # sessions of which no block is left
            f.end()
            self.snapshots = [s for s in self.snapshots if not (s.id in ids and (s.forgotten or s.void))]
        elif type == 14:
            first, last = public.u64(), public.u64()
            if self.started is not None and first <= self.started <= last:
                raise Restart(self.started)
            self.void.update(range(first, min(last, entry.number - 1) + 1))
            for snapshot in self.snapshots:
                snapshot.void |= first <= snapshot.number <= last
        # 6 condemn, 8 damaged, 9 attest, 13 drill, 15 checkpoint change nothing for one who only reads
        for kind, _side, name, length in entry.adds if type != 15 else ():
            if (kind, name) not in self.deleted:
                self.live.setdefault((kind, name), length)
                if kind == KIND_INDEX:
                    self.indexes.add(name)
        for kind, _side, name, _length in entry.deletes if type != 15 else ():
            self.deleted.add((kind, name))
            self.live.pop((kind, name), None)
            self.indexes.discard(name)


def session_box(f):
    """session id, epoch, data box, metadata box, slot of the writer"""
    return f.id(), f.varint(), f.take(112), f.take(112), f.slot()


# ---------------------------------------------------------------- sessions (§6)

class Sessions:
    """The class secrets of sessions: out of the boxes in the log, else out of the session records."""

    def __init__(self, root, log):
        self.root, self.log, self.known = root, log, {}

    @decode
    def record(self, data, id):
        """The box of a session record. Its seal and signature guard who made it; the secrets prove themselves."""
        f = Fields(data[:-32])
        if b3(data[:-32]) != data[-32:] or f.take(8) != b"cop-ses\n":
            raise Damaged("wrong checksum")
        f.version()
        if (f.id(), f.id()) != (self.log.slot.repository, id):
            raise Damaged("belongs to another session")
        slot, epoch, data_box, meta_box = f.slot(), f.varint(), f.take(112), f.take(112)
        nonce, associated = f.take(16), f.data[:f.at]
        sealed = f.counted(64 * KIB)
        if not any(signed_by(key, self.log.slot.repository, SESSION, f.data[:f.at], f.data[f.at:]) for key in self.log.keys[slot]):
            report("session %s: its record is not signed by its slot" % id.hex(), 0)
        key = hkdf(self.log.repository_keys[epoch], b"coppice/1 session" + id + nonce)
        body = unpadded(open_aead(1, key, 0, sealed, associated))
        body.counted(255), body.varint(), body.time(), body.end()
        return id, epoch, data_box, meta_box, slot

    def secrets(self, id, cls):
        """Candidates for the secret of a class, the proven one alone if there is one."""
        if id not in self.known:
            boxes, found = list(self.log.boxes.get(id, ())), []
            if not boxes:
                try:
                    boxes = [read_two(os.path.join(self.root, "sessions", id.hex()), lambda d: self.record(d, id), 64 * KIB)]
                except Damaged as error:
                    report("session %s: %s" % (id.hex(), error))
            for _, epoch, data_box, meta_box, _slot in boxes:
                both = {}
                for c, box in ((DATA, data_box), (META, meta_box)):
                    try:
                        if (epoch, c) in self.log.private:
                            both[c] = open_box(self.log.private[epoch, c], box, b"session" + struct.pack("<QB", epoch, c) + id)
                    except Damaged:
                        continue
                if len(both) == 2 and b3(both[DATA] + both[META]) == id:
                    found = [both]
                    break
                found.append(both)
            self.known[id] = found
        return [both[cls] for both in self.known[id] if cls in both]


# ---------------------------------------------------------------- packs, blocks, chunks (§7, §8)

Block = collections.namedtuple("Block", "pack at cls encoding cipher session ordinal counter sealed hash raw bases chunks")


def unzstd(frame, size, prefix):
    """One zstd frame, with a prefix that the encoder had before it."""
    if zstandard:
        given = {"dict_data": zstandard.ZstdCompressionDict(prefix, dict_type=zstandard.DICT_TYPE_RAWCONTENT)} if prefix else {}
        try:
            raw = zstandard.ZstdDecompressor(**given).decompress(frame, max_output_size=size)
        except zstandard.ZstdError as error:
            raise Damaged("zstd: %s" % error)
    else:
        if not shutil.which("zstd"):
            raise Stop(1, "needs the program zstd (Debian: zstd), or python3-zstandard")
        # Distances count back from the prefix's end, so bytes before it change nothing; they keep the program from taking
        # a prefix that happens to begin like a zstd dictionary for one.
        number = memory_file(bytes(8) + prefix) if prefix else None
        try:
            option = ["-D", "/dev/fd/%d" % number] if prefix else []
            done = subprocess.run(["zstd", "-dcq", *option], input=frame, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  pass_fds=[number] if prefix else [])
        finally:
            if prefix:
                os.close(number)
        raw = done.stdout if done.returncode == 0 else b""
    if len(raw) != size:
        raise Damaged("zstd: the frame is damaged")
    return raw


class Store:
    """Chunks by class and id."""
    CACHE = 96 * MIB

    def __init__(self, root, log):
        self.root, self.log, self.sessions = root, log, Sessions(root, log)
        self.id_keys = {DATA: hkdf(log.slot.family, b"coppice/1 data id"), META: hkdf(log.slot.family, b"coppice/1 metadata id")}
        self.where = collections.defaultdict(list)               # class ‖ id → places: (block, offset in it, length)
        self.cache, self.cached, self.bad = collections.OrderedDict(), 0, set()
        # The log names the live packs; what else lies there is taken too, behind them: content proves itself.
        packs = {name: length for (kind, name), length in self.log.live.items() if kind == KIND_PACK}
        for directory in sorted(listing(os.path.join(root, "packs"), r"([0-9a-f]{2})")):
            for name in sorted(listing(os.path.join(root, "packs", directory), r"([0-9a-f]{64})(?:\.copy)?")):
                packs.setdefault(bytes.fromhex(name), None)
        lost = {}
        for name in packs:
            try:
                self.add_table(name, self.pack_table(name), name in self.log.deleted)
            except Damaged as error:
                lost[name] = error
        if lost:                                                 # the index objects know what the packs themselves do not tell
            for name in sorted(self.log.indexes):
                try:
                    for pack, table in self.open_index(name):
                        if pack in lost:
                            self.add_table(pack, table)
                            report("pack %s: %s; took its table from an index object" % (pack.hex(), lost.pop(pack)), 0)
                except Damaged as error:
                    report("index object %s: %s" % (name.hex(), error), 0)
        for name, error in lost.items():
            report("pack %s%s: %s" % (name.hex(), "" if packs[name] is not None else ", not in the log", error),
                   13 if packs[name] is not None else 0)

    def path(self, kind, name):
        return os.path.join(self.root, kind, name.hex()[:2], name.hex())

    @decode
    def pack_table(self, name):
        error = Damaged("missing")
        for path in (self.path("packs", name), self.path("packs", name) + ".copy"):
            try:
                with open(path, "rb") as file:
                    f = Fields(file.read(40))
                    if f.take(8) != b"cop-pak\n":
                        raise Damaged("is not a pack")
                    f.version(), f.take(7)
                    epoch, nonce = f.u64(), f.take(16)
                    if epoch not in self.log.repository_keys:
                        raise Damaged("no key for epoch %d" % epoch)
                    key = hkdf(self.log.repository_keys[epoch], b"coppice/1 table" + nonce)
                    size = file.seek(0, 2)
                    file.seek(max(size - 32, 0))
                    at, length = struct.unpack("<QQ", open_aead(1, key, 1, file.read(32), self.log.slot.repository))
                    if not 40 <= at <= at + length <= size - 32:
                        raise Damaged("footer out of bounds")
                    file.seek(at)
                    return open_aead(1, key, 0, file.read(length), self.log.slot.repository)
            except OSError:
                pass
            except Damaged as problem:
                error = problem
        raise error

    @decode
    def open_index(self, name):
        def content(data):
            f = Fields(data)
            if f.take(8) != b"cop-idx\n":
                raise Damaged("is not an index object")
            f.version(), f.take(7)
            epoch, nonce = f.u64(), f.take(16)
            key = hkdf(self.log.repository_keys[epoch], b"coppice/1 index" + nonce)
            f = Fields(open_aead(1, key, 0, data[f.at:], self.log.slot.repository))
            packs = f.list(lambda: (f.id(), f.varint(), f.counted()))
            f.zeros()
            return [(pack, table) for pack, _, table in packs]
        return read_two(self.path("index", name), decode(content))

    @decode
    def add_table(self, pack, table, *_):
        f = Fields(table)
        f.version()
        sessions, blocks, at = f.list(f.id, 65536), [], 40
        for _ in range(f.bounded(MIB)):
            cls, encoding, cipher = f.u8(), f.u8(), f.u8()
            if cls not in (DATA, META) or encoding & ~3 or encoding == 2 or cipher not in (1, 2):
                raise Newer("unknown class, encoding or cipher")
            session, ordinal, counter, sealed = sessions[f.varint()], f.varint(), f.varint(), f.bounded(32 * MIB + 64)
            hash, raw = f.id(), f.bounded(32 * MIB)
            bases = f.list(lambda: (f.id(), f.bounded(raw - 1)), 256) if encoding & 2 else []
            chunks = f.list(lambda: (f.id(), f.varint()))
            if not raw or sum(length for _, length in chunks) != raw or not all(length for _, length in chunks):
                raise Damaged("lengths of chunks do not add up")
            blocks.append(Block(pack, at, cls, encoding, cipher, session, ordinal, counter, sealed, hash, raw, bases, chunks))
            at += sealed
        signed = table[:f.at]
        slot, signature = f.slot(), f.take(64)
        f.end()
        if not any(signed_by(key, self.log.slot.repository, PACK_TABLE, signed, signature) for key in self.log.keys[slot]):
            report("pack %s: its table is not signed by a slot of the repository; used all the same" % pack.hex())
        for block in blocks:
            offset = 0
            for id, length in block.chunks:
                self.where[bytes([block.cls]) + id].append((block, offset, length))
                offset += length

    def read_block(self, block):
        """The raw bytes of a block, and which of its chunks are what their ids say. From the pack, else from its copy."""
        key = block.pack, block.at
        if key in self.cache:
            self.cache.move_to_end(key)
            return self.cache[key]
        if key in self.bad:
            raise Damaged("bad block")
        associated = bytes([1, block.cls, block.encoding]) + block.session + struct.pack("<QQI", block.ordinal, block.counter, block.raw)
        secrets, error = self.sessions.secrets(block.session, block.cls), Damaged("no key for its session")
        path = self.path("packs", block.pack)
        for name in (path, path + ".copy") if secrets else ():
            try:
                with open(name, "rb") as file:
                    file.seek(block.at)
                    sealed = file.read(block.sealed)
            except OSError:
                continue
            for secret in secrets:
                block_key = hkdf(secret, b"coppice/1 block" + bytes([block.cls]) + block.session + struct.pack("<Q", block.ordinal))
                try:
                    raw = open_aead(block.cipher, block_key, block.counter, sealed, associated)
                    if block.encoding & 1:
                        prefix = b"".join(self.chunk(block.cls, base, base_only=True) for base, _ in block.bases)
                        raw = unzstd(raw, block.raw, prefix)
                    if len(raw) != block.raw:
                        raise Damaged("wrong length")
                except Damaged as problem:
                    error = problem
                    continue
                pieces, offset = [], 0
                for _, length in block.chunks:
                    pieces.append(raw[offset:offset + length])
                    offset += length
                hashes = b3_all(pieces, self.id_keys[block.cls])
                result = raw, {id for (id, _), hash in zip(block.chunks, hashes) if id == hash}
                if len(result[1]) < len({id for id, _ in block.chunks}):
                    report("pack %s, block at %d: a chunk is not what its id says" % (block.pack.hex(), block.at))
                self.cache[key], self.cached = result, self.cached + len(raw)
                while self.cached > self.CACHE and len(self.cache) > 1:
                    self.cached -= len(self.cache.popitem(last=False)[1][0])
                return result
        self.bad.add(key)
        report("pack %s, block at %d: %s" % (block.pack.hex(), block.at, error))
        raise error

    def chunk(self, cls, id, base_only=False):
        """The bytes of a chunk, checked against its id, from the first of its places that has them."""
        for block, offset, length in self.where.get(bytes([cls]) + id, ()):
            if base_only and block.encoding & 2:
                continue                                         # depth one
            try:
                raw, good = self.read_block(block)
            except Damaged:
                continue
            if id in good and raw:
                return raw[offset:offset + length]
        raise Damaged("chunk %s is lost" % id.hex())


# ---------------------------------------------------------------- trees (§9)

def reference(f):
    levels, id = f.u8(), f.id()
    if levels > 3:
        raise Damaged("reference of too many levels")
    return levels, id


def parts(store, ref):
    """The ids of the parts that a reference stands for, in order. A list that is lost is None in their place."""
    levels, id = ref
    if levels == 0:
        yield id
        return
    try:
        f = Fields(store.chunk(META, id))
        f.version()
        ids = f.list(f.id, 65536)
        f.end()
    except Damaged:
        yield None
        return
    for below in ids:
        yield from parts(store, (levels - 1, below))


class Node:
    """What a directory says of one of its entries."""

    @decode
    def __init__(self, f, owners):
        self.name, self.type, bits, self.mode = f.counted(255), f.u8(), f.varint(), f.bounded(0o7777)
        if not self.name or self.name in (b".", b"..") or b"/" in self.name or b"\0" in self.name:
            raise Damaged("impossible name")
        if not 1 <= self.type <= 7 or bits >> 14:
            raise Newer("unknown type or field")
        self.owner = owners[f.varint()]
        has = lambda bit: bits >> bit & 1
        self.mtime, self.atime, self.has_atime, self.has_birth = 0, 0, has(1), has(2)
        self.link = f.varint() if has(3) else None               # the device; columns() adds the inode
        _names = f.bounded(M32) if has(3) else 1
        self.device = os.makedev(f.bounded(M32), f.bounded(M32)) if has(4) else 0
        self.target = f.counted(65535) if has(5) else None
        _flags, _project = f.bounded(M32) if has(6) else 0, f.bounded(M32) if has(7) else 0
        self.xattrs = f.list(lambda: (f.counted(255), f.counted(MIB)), 4096) if has(8) else []
        self.size, self.extents, self.content, self.directory = 0, [], None, None
        if has(9):
            self.size, self.extents = f.varint(), f.list(lambda: extent(f), 1024)
        if has(10):
            self.size, self.content = f.varint(), reference(f)
        if has(11):
            self.directory = reference(f)
        self.incomplete = has(12)
        if (self.type == 1) != (has(9) + has(10) + has(13) == 1) or (self.type == 3) != bool(self.target) \
                or (self.type == 2) != bool(self.directory or has(12) and self.type == 2):
            raise Damaged("fields do not suit the type")


def extent(f):
    """length, and the id of its chunk or None for a hole"""
    both = f.varint()
    return both >> 1, None if both & 1 else f.id()


def columns(f, nodes):
    """Times and inodes stand behind the nodes, each kind for itself, as differences to the node before."""
    def column(count, before=None):
        values, value = [], 0
        for i in range(count):
            value = (before[i] if before else value) + f.svarint()
            values.append(value)
        return values

    def times(count, before=None):
        seconds = [(s + 2 ** 63) % 2 ** 64 - 2 ** 63 for s in column(count, before and [s for s, _ in before])]
        nanoseconds = column(count, before and [n for _, n in before])
        if any(not 0 <= n < 10 ** 9 for n in nanoseconds):
            raise Damaged("nanoseconds out of range")
        return list(zip(seconds, nanoseconds))

    modified, changed = times(len(nodes)), times(len(nodes))
    inodes = [inode % 2 ** 64 for inode in column(len(nodes))]
    accessed = iter(times(sum(node.has_atime for node in nodes)))
    _born = times(sum(node.has_birth for node in nodes),
                  [before for node, before in zip(nodes, [(0, 0)] + changed) if node.has_birth])
    for node, time, inode in zip(nodes, modified, inodes):
        node.mtime = node.atime = time[0] * 10 ** 9 + time[1]
        if node.has_atime:
            seconds, nanoseconds = next(accessed)
            node.atime = seconds * 10 ** 9 + nanoseconds
        if node.link is not None:
            node.link = node.link, inode


@decode
def tree_part(data):
    f = Fields(data)
    f.version()
    owners = f.list(lambda: (f.varint(), f.varint(), f.counted(256), f.counted(256)), 65536)
    nodes = f.list(lambda: Node(f, owners), 65536)
    columns(f, nodes)
    f.end()
    return nodes


def nodes(store, ref, path):
    """The nodes of a directory; reports parts that are lost."""
    last = b""
    for id in parts(store, ref):
        try:
            part = tree_part(store.chunk(META, id)) if id else None
        except Damaged as error:
            part = None
            report("%s: %s" % (show(path), error), 0)
        if part is None:
            report("%s: entries of this directory are lost" % show(path or b"/"))
            continue
        for node in part:
            if node.name <= last:                                # names ascend: nothing can be met twice, no link followed
                report("%s: names out of order; passed over" % show(path + b"/" + node.name))
                continue
            last = node.name
            yield node


def extents(store, node):
    """length and id (None: hole, b"": lost) of what makes up a file"""
    if not node.content:
        yield from node.extents
        return
    for id in parts(store, node.content):
        try:
            f = Fields(store.chunk(META, id) if id else b"")
            f.version()
            part = f.list(lambda: extent(f), 65536)
            f.end()
        except Damaged:
            raise Damaged("the list of its chunks is lost from here on")
        yield from part


# ---------------------------------------------------------------- restoring

class Restorer:
    def __init__(self, store, target):
        self.store, self.target = store, os.fsencode(target)
        self.links, self.owners, self.done = {}, os.geteuid() == 0, 0

    def restore(self, root, wanted, takes_root):
        """Everything below the root whose path is wanted, begins with it, or leads to it; the root's metadata if that was backed up itself."""
        if os.path.lexists(self.target) and (not os.path.isdir(self.target) or os.listdir(self.target)):
            raise Stop(2, "%s exists and is not an empty directory" % show(self.target))
        os.makedirs(self.target, 0o700, exist_ok=True)
        wanted = [c for c in os.fsencode(wanted).split(b"/") if c]
        self.tree(root.directory, b"", wanted)
        if takes_root and not wanted:
            self.metadata(root, b"/", self.target)
        return self.done

    def tree(self, ref, path, wanted):
        for node in nodes(self.store, ref, path):
            if wanted and node.name != wanted[0]:
                continue
            name = path + b"/" + node.name
            self.done += len(wanted) <= 1
            try:
                self.entry(node, name, self.target + name, wanted[1:])
            except OSError as error:
                report("%s: %s" % (show(name), error.strerror), 3)
            except RecursionError:
                report("%s: too deep" % show(name))
        sys.stderr.flush()

    def entry(self, node, path, to, wanted):
        if node.incomplete:
            print("rescue.py: %s: was incomplete when it was backed up" % show(path), file=sys.stderr)
        if wanted and node.type != 2:
            report("%s is not a directory" % show(path))
            return
        if node.link in self.links:
            try:
                return os.link(self.links[node.link], to, follow_symlinks=False)
            except OSError as error:
                report("%s: hard link: %s; made a file of its own" % (show(path), error.strerror), 3)
        if node.type == 1:
            if not self.file(node, path, to):
                return
        elif node.type == 2:
            os.mkdir(to, 0o700)
            if node.directory:
                self.tree(node.directory, path, wanted)
        elif node.type == 3:
            os.symlink(node.target, to)
        else:
            kind = {4: stat.S_IFIFO, 5: stat.S_IFSOCK, 6: stat.S_IFCHR, 7: stat.S_IFBLK}[node.type]
            os.mknod(to, kind | 0o600, node.device)
        self.metadata(node, path, to)
        if node.link:
            self.links[node.link] = to

    def file(self, node, path, to):
        """Writes a file's content; holes stay holes. False if some of it is lost."""
        descriptor, at, lost = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), 0, []
        with open(descriptor, "wb", buffering=0) as file:
            try:
                for length, id in extents(self.store, node):
                    if id is not None:
                        try:
                            data = self.store.chunk(DATA, id)
                            if len(data) != length:
                                raise Damaged("chunk of a wrong length")
                            view = memoryview(data)
                            file.seek(at)
                            while view:
                                view = view[file.write(view):]
                        except Damaged as error:
                            lost.append("bytes %d to %d: %s" % (at, at + length - 1, error))
                    at += length
                if at != node.size:
                    raise Damaged("the lengths of its chunks do not add up to its size")
            except Damaged as error:
                lost.append("bytes from %d: %s" % (at, error))
            file.truncate(node.size)
        if not lost:
            return True
        report("%s: %s%s" % (show(path), "; ".join(lost[:5]), "; and %d more" % (len(lost) - 5) if len(lost) > 5 else ""))
        try:
            os.link(to, to + b".incomplete")
            self.metadata(node, path, to + b".incomplete")
        except OSError:                                          # that name is taken or too long
            pass
        os.unlink(to)
        return False

    def metadata(self, node, path, to):
        """Owner first, because changing it clears what follows; the mode after the xattrs, because it may forbid them."""
        def attempt(what, function, *arguments, **options):
            try:
                function(*arguments, **options)
            except (OSError, OverflowError) as error:
                report("%s: %s: %s" % (show(path), what, getattr(error, "strerror", error)), 3)
        if self.owners:
            attempt("owner", os.chown, to, *node.owner[:2], follow_symlinks=False)
        for name, value in node.xattrs:
            attempt("xattr " + show(name), os.setxattr, to, name, value, follow_symlinks=False)
        if node.type != 3:
            attempt("mode", os.chmod, to, node.mode)
        attempt("times", os.utime, to, ns=(node.atime, node.mtime), follow_symlinks=False)


# ---------------------------------------------------------------- the program

def read_key_file(name):
    with open(name, "rb") as file:
        match = re.fullmatch(rb"coppice key file 1\n([0-9a-f]{64})\n?", file.read(1000))
    if not match:
        raise Stop(12, "%s is not a key file" % name)
    return bytes.fromhex(match[1].decode())


def print_list(snapshots):
    for s in sorted(unique(snapshots), key=lambda s: s.time):
        line = [s.id.hex()[:16], s.when, show(s.host), " ".join(map(show, s.paths))]
        tags = ",".join(show(t) for t in sorted(s.tags()))
        print("  ".join(line + ["[%s]" % tags] * bool(tags) + ["(%s)" % "; ".join(s.marks())] * bool(s.marks())))


def choose(snapshots, wanted):
    if wanted == "latest":
        snapshots = [s for s in snapshots if not s.forgotten and not s.void]
        if not snapshots:
            raise Stop(1, "there is no snapshot")
        return max(snapshots, key=lambda s: (s.time, s.number))
    found = [s for s in unique(snapshots) if s.id.hex().startswith(wanted.lower())]
    if len(found) != 1:
        raise Stop(1, "%d snapshots begin with %s" % (len(found), wanted))
    return found[0]


def unique(snapshots):
    """Several entries may bring the same snapshot: the soundest of them."""
    return {s.id: s for s in sorted(snapshots, key=lambda s: (s.void, s.forgotten), reverse=True)}.values()


def run():
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)      # before or behind the command
    options.add_argument("--key-file", metavar="FILE")
    options.add_argument("--header", metavar="EXPORT")
    parser = argparse.ArgumentParser(prog="rescue.py", description=__doc__, parents=[options],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(key_file=None, header=None)
    parser.add_argument("repository")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[options])
    restore = commands.add_parser("restore", parents=[options])
    restore.add_argument("snapshot", metavar="SNAPSHOT-PREFIX|latest")
    restore.add_argument("target")
    restore.add_argument("path", nargs="?", default="/")
    given = parser.parse_args()
    sys.setrecursionlimit(20000)

    root, export, header = given.repository, None, None
    if given.header:
        with open(given.header, "rb") as file:
            export = json_text(file.read(16 * MIB + 1), "coppice header export", 16 * MIB)
    try:
        header = read_two(os.path.join(root, "header"), check_header)
    except Newer as error:
        raise Stop(17, "header: %s" % error)
    except Damaged as error:
        report("header: %s; goes on without it" % error, 0)
    key_file = read_key_file(given.key_file) if given.key_file else None

    @functools.lru_cache(None)
    def passphrase():
        if b"COPPICE_PASSWORD" in os.environb:
            return os.environb[b"COPPICE_PASSWORD"]
        try:
            return os.fsencode(getpass.getpass("Passphrase: "))
        except EOFError:
            raise Stop(12, "no passphrase")

    slot = find_slot(root, export, passphrase, key_file)
    if header and header["repository_id"] != slot.repository.hex():
        report("the header names another repository than the slot %s" % slot.id.hex())
    log = Log(root, slot, export)
    if not any(c == META for _, c in log.private):
        report("the slot %s (role %d) holds no keys to read content with" % (slot.id.hex(), slot.role), 0)
    if given.command == "list":
        print_list(log.snapshots)
        return worst
    if not any(c == DATA for _, c in log.private):
        raise Stop(12, "the slot %s (role %d) may not read data" % (slot.id.hex(), slot.role))
    snapshot = choose(log.snapshots, given.snapshot)
    for mark in snapshot.marks():
        print("rescue.py: snapshot %s: %s" % (snapshot.id.hex()[:16], mark), file=sys.stderr)
    if not snapshot.genuine or snapshot.void:
        report("nobody vouches for snapshot %s; restores it all the same" % snapshot.id.hex()[:16])
    done = Restorer(Store(root, log), given.target).restore(snapshot.root(), given.path, b"/" in snapshot.paths)
    if not done:
        raise Stop(1, "%s is not in the snapshot" % given.path)
    print("snapshot %s: %d entries%s" % (snapshot.id.hex()[:16], done, "" if worst == 0 else ", not all whole: see above"))
    return worst


def main():
    try:
        sys.exit(run())
    except Stop as stop:
        report(str(stop), stop.code)
        sys.exit(worst if stop.code == 1 else stop.code)
    except Damaged as error:
        report(str(error))
        sys.exit(13)
    except OSError as error:
        report(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
