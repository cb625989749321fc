"""Public keys and signatures of the four suites, and the ECDSA of X.509."""
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import ed25519, sm2
from .cbor import encode
from .digests import sha256
from .shapes import expect, octets, tuple_of

EDDSA, ES256, SM2, ML_DSA_65 = -8, -7, -65601, -49
KEY_SIZES = {EDDSA: 32, ES256: 33, SM2: 33, ML_DSA_65: 1952}
SIGNATURE_SIZES = {EDDSA: 64, ES256: 64, SM2: 64, ML_DSA_65: 3309}


@dataclass(frozen=True)
class PublicKey:
    """A key of one suite; `octets` as the suite writes it."""
    suite: int
    octets: bytes

    @property
    def key_id(self):
        return sha256(encode([self.suite, self.octets]))[:8]


def suite(value):
    """A known suite."""
    expect(isinstance(value, int) and value in KEY_SIZES, "unknown suite")
    return value


def public_key(value):
    """A key of the right length that is a point of its curve."""
    which, key = tuple_of(value, 2)
    octets(key, KEY_SIZES[suite(which)])
    is_point = {EDDSA: ed25519.is_point, ES256: lambda key: p256_point(key) is not None, SM2: sm2.is_point,
                ML_DSA_65: lambda key: True}[which]
    expect(is_point(key), "not a point")
    return PublicKey(which, key)


@lru_cache(maxsize=1024)
def p256_point(encoding):
    """The uncompressed encoding of a point of P-256 in SEC 1, compressed or not; `None` for anything else."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoding)
    except ValueError:
        return None
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@lru_cache(maxsize=4096)
def verify(key, message, signature):
    """Whether `signature` over `message` holds under `key`."""
    if len(signature) != SIGNATURE_SIZES[key.suite]:
        return False
    if key.suite == ML_DSA_65:
        return verify_ml_dsa_65(key.octets, message, signature)
    if key.suite == EDDSA:
        return ed25519.verify(key.octets, message, signature)
    if key.suite == SM2:
        return sm2.verify(key.octets, message, signature)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return verify_p256(key.octets, message, r, s)


def verify_ml_dsa_65(key, message, signature):
    """FIPS 204, algorithm 3, with an empty context."""
    try:
        mldsa.MLDSA65PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=4096)
def verify_p256(point, message, r, s):
    """ECDSA over P-256 with SHA-256; `point` in SEC 1, compressed or not."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
