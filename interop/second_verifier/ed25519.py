"""Ed25519 (RFC 8032) by the rule of ZIP-215, which libraries do not offer: cofactored, every encoding of a point allowed."""
import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def verify(key, message, signature):
    """Whether `signature` (R || S) over `message` holds under `key`: [8][S]B = [8]R + [8][k]A, with S below the order."""
    point_a, point_r = _decompress(key), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point_a is None or point_r is None or s >= ORDER or len(signature) != 64:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    difference = _add(_sum_of_products(s, BASE, k, _negate(point_a)), _negate(point_r))
    for _ in range(3):
        difference = _double(difference)
    x, y, z, _ = difference
    return x == 0 and (y - z) % P == 0


def is_point(key):
    """Whether the bytes encode a point."""
    return _decompress(key) is not None


def _decompress(encoding):
    """The point with this encoding, or none. y is reduced, x = 0 may bear either sign (ZIP-215)."""
    if len(encoding) != 32:
        return None
    number = int.from_bytes(encoding, "little")
    sign, y = number >> 255, (number & (1 << 255) - 1) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P:
        return None
    if x & 1 != sign:
        x = -x % P
    return x, y, 1, x * y % P


def _negate(point):
    x, y, z, t = point
    return -x % P, y, z, -t % P


def _add(left, right):
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(point):
    x, y, z, _ = point
    a, b = x * x % P, y * y % P
    h, g = a + b, a - b
    e, f = h - (x + y) * (x + y) % P, 2 * z * z + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _sum_of_products(m, left, n, right):
    both, total = _add(left, right), IDENTITY
    for bit in range(max(m.bit_length(), n.bit_length()) - 1, -1, -1):
        total = _double(total)
        pick = (m >> bit & 1, n >> bit & 1)
        if pick != (0, 0):
            total = _add(total, {(1, 0): left, (0, 1): right, (1, 1): both}[pick])
    return total


BASE = _decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
