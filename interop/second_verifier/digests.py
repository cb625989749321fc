"""SHA-256 and SM3 (GM/T 0004, GB/T 32905)."""
import hashlib


def sha256(data):
    return hashlib.sha256(data).digest()


def sm3(data):
    """SM3; by OpenSSL where it has it, otherwise in Python."""
    try:
        return hashlib.new("sm3", data).digest()
    except ValueError:
        return _sm3(data)


def _sm3(data):
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "big")
    for at in range(0, len(padded), 64):
        state = _compress(state, padded[at:at + 64])
    return b"".join(word.to_bytes(4, "big") for word in state)


def _rotate(word, by):
    by %= 32
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


def _compress(state, block):
    w = [int.from_bytes(block[i:i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ _rotate(w[j - 3], 15)
        w.append(x ^ _rotate(x, 15) ^ _rotate(x, 23) ^ _rotate(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        early = j < 16
        ss1 = _rotate(_rotate(a, 12) + e + _rotate(0x79CC4519 if early else 0x7A879D8A, j) & 0xFFFFFFFF, 7)
        ff = a ^ b ^ c if early else a & b | a & c | b & c
        gg = e ^ f ^ g if early else e & f | ~e & g
        tt1 = ff + d + (ss1 ^ _rotate(a, 12)) + (w[j] ^ w[j + 4]) & 0xFFFFFFFF
        tt2 = gg + h + ss1 + w[j] & 0xFFFFFFFF
        a, b, c, d = tt1, a, _rotate(b, 9), c
        e, f, g, h = tt2 ^ _rotate(tt2, 9) ^ _rotate(tt2, 17), e, _rotate(f, 19), g
    return [old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h))]
