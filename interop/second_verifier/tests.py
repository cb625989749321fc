"""Tests of what the vectors do not reach: `python -m unittest second_verifier.tests`. X.509 fixtures are made here, by `cryptography`."""
import hashlib
import unittest
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import cbor, chain, der, sm2
from . import ed25519 as zip215
from .checkpoint import Checkpoint
from .digests import _sm3, sha256, sm3
from .merkle import check_inclusion, consistent, leaf_hash, node_hash, root_of
from .statement import GENERAL, read_statement, xz_uri
from .witness_checks import Known, check_consistency
from .x509 import read_certificate, read_list

NOW = datetime(2027, 1, 15, 8, tzinfo=timezone.utc)
AT = 1_800_000_000_000
DAY = timedelta(days=1)
ROOT, ISSUING = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
LEAF, STAMP = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
URN = "urn:xiezhi:institution:court"


def usage(*names):
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in names for name in every}), True


def certificate(subject, key, issuer, signer, extensions, start=NOW - DAY, end=NOW + 30 * DAY):
    """DER of a certificate; `extensions` are (value, critical)."""
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(len(subject) + 7).not_valid_before(start).not_valid_after(end)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(length=None):
    return [(x509.BasicConstraints(True, length), True), usage("key_cert_sign", "crl_sign")]


def seal_extensions(uri=URN, use=("digital_signature", "content_commitment"), more=()):
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    return [(x509.BasicConstraints(False, None), True), usage(*use), (names, False), *more]


def revocation_list(entries, made=NOW - DAY, following=NOW + DAY, of="issuing"):
    """A list of the authority `of`; `entries` are (serial, date, reason)."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(name(of)).last_update(made).next_update(following)
    for serial, date, reason in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(date)
        builder = builder.add_revoked_certificate(entry.add_extension(x509.CRLReason(reason), False).build())
    return read_list(builder.sign({"issuing": ISSUING, "root": ROOT}[of], SHA256()).public_bytes(Encoding.DER))


ROOT_DER = certificate("root", ROOT, "root", ROOT, authority())
ISSUING_DER = certificate("issuing", ISSUING, "root", ROOT, authority(0))
LEAF_DER = certificate("court", LEAF, "issuing", ISSUING, seal_extensions())


def reason(leaf, *intermediates, roots=(ROOT_DER,), at=AT, check=chain.check_seal_leaf, purpose=None):
    """What is wrong with a chain, or none."""
    try:
        path = [chain.read(item) for item in (leaf, *intermediates)]
        chain.path_under(roots, path[0], path[1:], at, check, purpose)
    except chain.ChainError as error:
        return error.reason
    return None


class Chains(unittest.TestCase):
    def test_a_seal_chain_holds_and_each_fault_has_its_reason(self):
        other = ec.generate_private_key(ec.SECP256R1())
        authority_key_usage = [(x509.BasicConstraints(True, None), True), usage("crl_sign")]
        constrained = authority() + [(x509.NameConstraints([x509.DNSName("a")], None), False)]
        purposes = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), False)
        two_names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URN), x509.DNSName("a")])
        rows = [
            (None, (LEAF_DER, ISSUING_DER), {}),
            (None, (LEAF_DER, ISSUING_DER), {"roots": (certificate("another", other, "another", other, authority()), ROOT_DER)}),
            ("chain-unknown-issuer", (LEAF_DER,), {}),
            ("chain-signature", (LEAF_DER, certificate("issuing", other, "root", ROOT, authority())), {}),
            ("chain-not-valid-then", (LEAF_DER, ISSUING_DER), {"at": AT + 31 * 86_400_000}),
            ("chain-malformed", (LEAF_DER[:-1], ISSUING_DER), {}),
            ("chain-purpose", (LEAF_DER, certificate("issuing", ISSUING, "root", ROOT, authority_key_usage)), {}),
            ("chain-purpose", (LEAF_DER, certificate("issuing", ISSUING, "root", ROOT, [])), {}),
            ("chain-purpose", (LEAF_DER, ISSUING_DER), {"roots": (certificate("root", ROOT, "root", ROOT, authority(0)),)}),
            ("chain-purpose", (LEAF_DER, certificate("issuing", ISSUING, "root", ROOT, authority() + [purposes])), {}),
            ("chain-unsupported", (LEAF_DER, certificate("issuing", ISSUING, "root", ROOT, constrained)), {}),
        ]
        leaves = [
            seal_extensions(use=("digital_signature",)), seal_extensions(more=(purposes,)), seal_extensions(uri="urn:other:court"),
            seal_extensions()[:2] + [(two_names, False)], authority(), [],
        ]
        rows += [("chain-purpose", (certificate("court", LEAF, "issuing", ISSUING, leaf), ISSUING_DER), {}) for leaf in leaves]
        for expected, given, options in rows:
            self.assertEqual(reason(*given, **options), expected)

    def test_a_path_of_seven_certificates_is_too_long(self):
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(6)]
        links = [certificate(f"{i}", keys[i], f"{i + 1}", keys[i + 1], authority()) for i in range(5)]
        leaf = certificate("court", LEAF, "0", keys[0], seal_extensions())
        root = certificate("5", keys[5], "5", keys[5], authority())
        self.assertEqual(reason(leaf, *links, roots=(root,)), "chain-too-long")

    def test_a_time_stamp_leaf_has_its_one_purpose(self):
        only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        two = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING])
        for expected, key, extensions in [
            (None, STAMP, [(only, True)]),
            (None, STAMP, [(only, True), usage("digital_signature")]),
            ("chain-purpose", STAMP, [(only, False)]),
            ("chain-purpose", STAMP, [(two, True)]),
            ("chain-purpose", STAMP, [(only, True), usage("digital_signature", "key_agreement")]),
            ("chain-purpose", LEAF, [(only, True)]),
        ]:
            leaf = certificate("stamp", key, "issuing", ISSUING, extensions)
            found = reason(leaf, ISSUING_DER, check=chain.check_time_stamp_leaf, purpose=chain.TIME_STAMPING)
            self.assertEqual(found, expected)

    def test_key_status(self):
        path = [read_certificate(LEAF_DER), read_certificate(ISSUING_DER)]
        serial, second = path[0].serial, timedelta(seconds=1)
        flags = x509.ReasonFlags
        for expected, lists in [
            ("", [revocation_list([])]),
            ("", [revocation_list([(serial, NOW + second, flags.superseded)])]),
            ("", [revocation_list([(serial + 1, NOW - second, flags.key_compromise)])]),
            ("", [revocation_list([], made=NOW + DAY, following=NOW + 2 * DAY)]),
            ("revoked", [revocation_list([(serial, NOW, flags.certificate_hold)])]),
            ("compromised-later", [revocation_list([(serial, NOW + second, flags.aa_compromise)])]),
            ("no-list", []),
            ("stale-list", [revocation_list([], following=NOW - second)]),
            ("late-list", [revocation_list([], made=NOW + 31 * DAY, following=NOW + 32 * DAY)]),
            ("", [revocation_list([], following=NOW)]),
        ]:
            self.assertEqual(chain.key_status(path, AT + 999, lists).reason, expected)

    def test_what_fails_goes_before_what_is_unknown_and_the_leaf_before_its_issuers(self):
        path = [read_certificate(data) for data in (LEAF_DER, ISSUING_DER, ROOT_DER)]
        flags, later = x509.ReasonFlags, NOW + timedelta(seconds=1)
        own, serial = revocation_list([]), path[1].serial
        for expected, lists in [
            ("revoked", [revocation_list([(serial, NOW, flags.superseded)], of="root")]),
            ("compromised-later", [own, revocation_list([(serial, later, flags.ca_compromise)], of="root")]),
            ("no-list", [revocation_list([(serial, later, flags.ca_compromise)], of="root")]),
            ("no-list", [own]),
            ("", [own, revocation_list([(serial, later, flags.superseded)], of="root")]),
        ]:
            self.assertEqual(chain.key_status(path, AT, lists).reason, expected)

    def test_validity_includes_its_last_second(self):
        end = AT + 30 * 86_400_000
        self.assertIsNone(reason(LEAF_DER, ISSUING_DER, at=end + 999))
        self.assertEqual(reason(LEAF_DER, ISSUING_DER, at=end + 1000), "chain-not-valid-then")


class Parts(unittest.TestCase):
    def test_sm3_in_python_equals_the_standard_and_openssl(self):
        self.assertEqual(_sm3(b"abc").hex(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
        for length in (0, 55, 56, 64, 200):
            self.assertEqual(_sm3(bytes(length)), sm3(bytes(length)))

    def test_ed25519_follows_zip_215(self):
        key = LEAF.public_key().public_bytes_raw()
        signature = LEAF.sign(b"text")
        self.assertTrue(zip215.verify(key, b"text", signature))
        self.assertFalse(zip215.verify(key, b"texts", signature))
        raised = int.from_bytes(signature[32:], "little") + zip215.ORDER
        self.assertFalse(zip215.verify(key, b"text", signature[:32] + raised.to_bytes(32, "little")))
        small = bytes([1]) + bytes(31), (zip215.P + 1 | 1 << 255).to_bytes(32, "little"), bytes(32)
        for key in small:
            for point in small:
                self.assertTrue(zip215.verify(key, b"any", point + bytes(32)))

    def test_sm2_equals_the_example_of_the_standard(self):
        """GB/T 32918.5, annex A."""
        key = bytes.fromhex("0309F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")
        signature = bytes.fromhex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
                                  "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")
        self.assertTrue(sm2.verify(key, b"message digest", signature))
        self.assertFalse(sm2.verify(key, b"message digests", signature))
        self.assertFalse(sm2.verify(b"\x02" + key[1:], b"message digest", signature))
        for at in (0, 31, 32, 63):
            changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1:]
            self.assertFalse(sm2.verify(key, b"message digest", changed))

    def test_every_consistency_and_inclusion_path_verifies_and_no_other(self):
        def root(leaves):
            return root_of(sha256, [leaf_hash(sha256, leaf) for leaf in leaves])

        def split(size):
            return 1 << (size - 1).bit_length() - 1

        def subproof(m, leaves, whole):
            if m == len(leaves):
                return [] if whole else [root(leaves)]
            k = split(len(leaves))
            if m <= k:
                return subproof(m, leaves[:k], whole) + [root(leaves[k:])]
            return subproof(m - k, leaves[k:], False) + [root(leaves[:k])]

        def path(index, leaves):
            if len(leaves) == 1:
                return []
            k = split(len(leaves))
            if index < k:
                return path(index, leaves[:k]) + [root(leaves[k:])]
            return path(index - k, leaves[k:]) + [root(leaves[:k])]

        leaves = [bytes([i]) for i in range(20)]
        self.assertEqual(root(leaves[:3]), node_hash(sha256, root(leaves[:2]), root(leaves[2:3])))
        for new in range(1, 21):
            for index in range(new):
                check_inclusion(sha256, leaves[index], index, new, path(index, leaves[:new]), root(leaves[:new]))
            for old in range(1, new):
                proof = subproof(old, leaves[:new], True)
                given = old, root(leaves[:old]), new, root(leaves[:new])
                self.assertTrue(consistent(sha256, *given, proof))
                self.assertFalse(consistent(sha256, *given, proof[:-1]))
                self.assertFalse(consistent(sha256, *given, proof + [bytes(32)]))
                self.assertFalse(consistent(sha256, old, bytes(32), *given[2:], proof))

    def test_consistency_with_a_known_checkpoint(self):
        def point(height, size, root=bytes(32), time=5, ledger=b"l"):
            return Checkpoint(ledger, height, time, size, root, root, bytes(32), b"")

        own = point(3, 10)
        for expected, known in [
            ("", own), ("other-ledger", point(3, 10, ledger=b"m")), ("fork", point(3, 11)), ("fork", point(2, 11)),
            ("fork", point(2, 10, time=6)), ("fork", point(2, 10, root=bytes(31) + b"1")), ("no-proof", point(2, 9)),
        ]:
            self.assertEqual(check_consistency(own, Known(known)).reason, expected)
        self.assertEqual(check_consistency(own, Known(point(2, 9), [bytes(32)], [bytes(32)])).reason, "wrong-proof")

    def test_cbor_has_one_encoding(self):
        for text, deterministic in [("00", True), ("1817", False), ("1818", True), ("1900ff", False), ("1a0000ffff", False),
                                    ("a201000200", True), ("a202000100", False), ("a201000100", False), ("fb0000000000000000", True)]:
            data = bytes.fromhex(text)
            self.assertEqual(cbor.encode(cbor.decode_first(data)) == data, deterministic, text)
        for text in ("1800", "1817", "1b00000000ffffffff", "590001aa", "a201000100", "81a201000100", "0000"):
            with self.assertRaises(cbor.Malformed, msg=text):
                cbor.decode(bytes.fromhex(text))
        self.assertEqual(cbor.decode(bytes.fromhex("a202000100")), {1: 0, 2: 0})
        for text in ("", "18", "1c", "ff", "a1", "61ff", "f818", "9f00ff", "5f4100ff", "bfff", "81ff", "8200"):
            with self.assertRaises(cbor.Malformed, msg=text):
                cbor.decode_first(bytes.fromhex(text))
        self.assertEqual(cbor.first_entry(bytes.fromhex("a10119012cff")), (1, 300))
        for text in ("", "a0", "a00102", "a101", "a12002", "820102", "bf0102ff"):
            self.assertIsNone(cbor.first_entry(bytes.fromhex(text)), text)
        with self.assertRaises(cbor.Malformed):
            cbor.decode(b"\x81" * 100_000 + b"\x00")

    def test_der_has_one_encoding(self):
        for text in ("0101ff", "02017f", "02020080", "3000", "3103020100", "170d3237303131353038303030305a"):
            der.check_canonical(bytes.fromhex(text))
        for text in ("010101", "0200", "0202007f", "0202ff80", "308100", "3080", "2400", "3106020101020100", "0302017f", "0601", "1000",
                     "170d3237303131333038303030305b", "02"):
            with self.assertRaises(der.DerError, msg=text):
                der.check_canonical(bytes.fromhex(text))

    def test_a_general_statement_is_kept_as_it_is(self):
        ledger = bytes(32)
        claims = {1: xz_uri(ledger), 2: "s", 3: xz_uri(ledger)}
        header = {1: -8, 3: "text/plain", 4: bytes(8), 15: claims, "x": cbor.Opaque(b"\xf5")}

        def statement(header, unprotected=None):
            return cbor.encode(cbor.Tagged(18, [cbor.encode(header), unprotected or {}, b"payload", bytes(64)]))

        read = read_statement(statement(header))
        self.assertEqual((read.kind, read.audience, read.issued_at), (GENERAL, ledger, None))
        self.assertEqual(read.digests, [("sha256", hashlib.sha256(b"payload").digest())])
        self.assertEqual(read_statement(statement(header | {3: 50})).content_type, "50")
        for wrong in (header | {2: [1]}, header | {4: bytes(7)}, header | {15: claims | {1: "a"}}, header | {15: claims | {2: ""}},
                      header | {15: claims | {3: "a"}}, header | {15: {1: claims[1]}}, header | {3: 1 << 16}, header | {b"x": 0}):
            with self.assertRaises(cbor.Malformed):
                read_statement(statement(wrong))
        with self.assertRaises(cbor.Malformed):
            read_statement(statement(header, {4: b""}))


if __name__ == "__main__":
    unittest.main()
