"""SM2 signatures with SM3 (GM/T 0003.2, GB/T 32918.2), which the usual libraries do not check."""
from .digests import sm3

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
BASE = (0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)
IDENTITY = b"1234567812345678"


def verify(key, message, signature):
    """Whether `signature` (r || s) over `message` holds under `key`, a compressed point."""
    point = _decompress(key)
    if point is None or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % ORDER
    if not (0 < r < ORDER and 0 < s < ORDER and t):
        return False
    total = _add(_multiply(s, BASE), _multiply(t, point))
    if total is None:
        return False
    e = int.from_bytes(sm3(_identity_hash(point) + message), "big")
    return (e + total[0]) % ORDER == r


def is_point(key):
    """Whether the bytes are a compressed point."""
    return _decompress(key) is not None


def _identity_hash(point):
    numbers = b"".join(number.to_bytes(32, "big") for number in (A, B, *BASE, *point))
    return sm3((8 * len(IDENTITY)).to_bytes(2, "big") + IDENTITY + numbers)


def _decompress(key):
    if len(key) != 33 or key[0] not in (2, 3):
        return None
    x = int.from_bytes(key[1:], "big")
    square = (pow(x, 3, P) + A * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if x >= P or y * y % P != square:
        return None
    return x, y if y & 1 == key[0] & 1 else P - y


def _add(left, right):
    """Affine addition; `None` is the point at infinity."""
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if x1 == x2 else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def _multiply(number, point):
    total = None
    for bit in bin(number)[2:]:
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total
