#!/usr/bin/env python3
"""Ours and others side by side: provable deposits a second on the same machine, one after another.

    benches/beside.py [--seconds 10] [--clients 128 512] [--tool target/release/xiezhi]

- xiezhi: four institutions, consensus, every signature checked, duplicates refused, fsync; each answer is a certificate that was checked.
- PostgreSQL: one server, a unique index on the digest, synchronous commit. No signature, no proof, one operator: the ceiling.
- siglog (a C2SP tile log with SQLite): one operator, no signature checked. An entry counts once a checkpoint covers it.

A subject that is not installed is left out, and the table says so: PostgreSQL and wrk are Debian's packages, siglog is
`cargo install siglog --version =0.1.0 --bin siglog`. Processor time is that of the servers, without the load generator's.
"""

import argparse
import base64
import glob
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

STATEMENT_BYTES = 300

PGBENCH = """\\set r random(1, 9223372036854775806)
INSERT INTO deposit (digest, statement) VALUES
  (sha256(convert_to(:client_id || ' ' || :r, 'utf8')), decode(repeat('ab', %d), 'hex')) RETURNING id;
""" % STATEMENT_BYTES

WRK = """local count = 0
local name = ''
function setup(thread) thread:set('seed', math.random(1, 2^31)) end
function init() math.randomseed(seed + os.time()); name = tostring(math.random(1, 2^31)) end
function request()
  count = count + 1
  local body = string.format('{"name": "%%s-%%d", "pad": "%s"}', name, count)
  return wrk.format('POST', '/add', {['Content-Type'] = 'application/json'}, body)
end
""" % ("ab" * (STATEMENT_BYTES // 2))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(server):
    """Processor seconds of a server, its living children and those it has reaped."""
    ticks = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as stat:
                head, rest = stat.read().rsplit(")", 1)
        except OSError:
            continue
        fields, pid = rest.split(), int(head.split(" ", 1)[0])
        if pid == server:
            ticks += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == server:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing listens at port {port}")


def row(subject, clients, rate, p50, p99, cpu_us, note):
    return {"subject": subject, "clients": clients, "per_second": rate, "p50_ms": p50, "p99_ms": p99, "cpu_us": cpu_us, "note": note}


def ours(tool, clients, seconds):
    if not os.path.exists(tool):
        sys.exit(f"{tool} is missing: cargo build --release")
    asked = [tool, "bench", "--json", "--seconds", str(seconds), "--clients", ",".join(map(str, clients))]
    done = subprocess.run(asked, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for one in json.loads(done.stdout):
        subject = "xiezhi, 4 nodes" + (", " + one["what"] if "batch" in one["what"] else "")
        yield row(subject, one["clients"], one["per_second"], one["p50_ms"], one["p99_ms"], one["cpu_us_per_validator"] * 4, "whole alliance")


def as_nobody(command):
    """PostgreSQL refuses to run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command] if os.geteuid() == 0 else command


def postgres(clients, seconds):
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs:
        yield "PostgreSQL: not installed"
        return
    bin_dir, port = programs[-1], free_port()
    with tempfile.TemporaryDirectory(prefix="beside-") as home:
        os.chmod(home, 0o777)
        data, script = f"{home}/data", f"{home}/insert.sql"
        with open(script, "w") as out:
            out.write(PGBENCH)
        subprocess.run(as_nobody([f"{bin_dir}/initdb", "-A", "trust", "-U", "bench", "-D", data]), check=True, stdout=subprocess.DEVNULL)
        settings = ["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", f"max_connections={max(clients) + 10}",
                    "-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB", "-c", f"unix_socket_directories={home}"]
        server = subprocess.Popen(as_nobody([f"{bin_dir}/postgres", "-D", data, "-p", str(port), *settings]),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for(port)
            connect = ["-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
            time.sleep(1)
            table = "CREATE TABLE deposit (id bigserial PRIMARY KEY, digest bytea UNIQUE NOT NULL, statement bytea NOT NULL, at timestamptz NOT NULL DEFAULT now())"
            subprocess.run([f"{bin_dir}/psql", *connect, "-q", "-c", table, "postgres"], check=True)
            for count in clients:
                log = f"{home}/log-{count}"
                before, begun = cpu_seconds(server.pid), time.time()
                asked = [f"{bin_dir}/pgbench", *connect, "-n", "-M", "prepared", "-f", script, "-c", str(count), "-j", str(min(2, count)), "-T", str(seconds),
                         "-l", f"--log-prefix={log}", "postgres"]
                said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
                cpu = cpu_seconds(server.pid) - before
                done = int(re.search(r"transactions actually processed: (\d+)", said)[1])
                times = sorted(int(line.split()[2]) for name in glob.glob(log + "*") for line in open(name))
                at = lambda share: times[int(len(times) * share)] / 1000
                yield row("PostgreSQL", count, done / (time.time() - begun), at(0.5), at(0.99), cpu / done * 1e6, "no signature, no proof")
        finally:
            server.terminate()
            server.wait()


def note_key(name):
    """A private key in note form; an all-7 seed, since the log lives for seconds. Needs the `cryptography` package only where it is there."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        return None
    seed = bytes([7] * 32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    secret = base64.b64encode(b"\x01" + seed).decode()
    return f"PRIVATE+KEY+{name}+{key_id.hex()}+{secret}"


def siglog(clients, seconds):
    program, wrk = shutil.which("siglog"), shutil.which("wrk")
    key = note_key("bench.example/log")
    if not (program and wrk and key):
        missing = [name for name, there in (("siglog", program), ("wrk", wrk), ("python3 cryptography", key)) if not there]
        yield "siglog: not installed: " + ", ".join(missing)
        return
    for count in clients:
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="beside-") as home:
            script = f"{home}/load.lua"
            with open(script, "w") as out:
                out.write(WRK)
            environment = dict(os.environ, LOG_ORIGIN="bench.example/log", LOG_PRIVATE_KEY=key, DATABASE_URL=f"sqlite:{home}/log.db?mode=rwc",
                               STORAGE_BACKEND="fs", FS_ROOT=f"{home}/tiles", LISTEN_ADDR=f"127.0.0.1:{port}", CHECKPOINT_INTERVAL="1",
                               BATCH_MAX_AGE_MS="50", BATCH_MAX_SIZE="1024", RUST_LOG="error")
            server = subprocess.Popen([program], env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                wait_for(port)
                size = lambda: checkpoint_size(port)
                before, begun, first = cpu_seconds(server.pid), time.time(), size()
                asked = [wrk, "--latency", "-t", str(min(2, count)), "-c", str(count), "-d", f"{seconds}s", "--timeout", "30s", "-s", script, f"http://127.0.0.1:{port}"]
                said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
                elapsed = time.time() - begun
                cpu = cpu_seconds(server.pid) - before
                time.sleep(3)
                done = size() - first
                at = lambda share: milliseconds(re.search(rf"\s{share}%\s+(\S+)", said)[1])
                yield row("siglog", count, done / elapsed, at(50), at(99), cpu / max(done, 1) * 1e6, "one operator, no signature checked")
            finally:
                server.terminate()
                server.wait()


def checkpoint_size(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/checkpoint", timeout=10) as answer:
            return int(answer.read().decode().splitlines()[1])
    except urllib.error.HTTPError:
        return 0


def milliseconds(text):
    for unit, factor in (("us", 0.001), ("ms", 1), ("s", 1000), ("m", 60_000)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    return float(text)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--clients", type=int, nargs="+", default=[128, 512])
    options.add_argument("--tool", default="target/release/xiezhi")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    rows, absent = [], []
    for one in (*ours(chosen.tool, chosen.clients, chosen.seconds), *postgres(chosen.clients, chosen.seconds), *siglog(chosen.clients, chosen.seconds)):
        (absent if isinstance(one, str) else rows).append(one)
        print(one if isinstance(one, str) else f"{one['subject']}, {one['clients']} clients: {one['per_second']:.0f}/s", file=sys.stderr)
    if chosen.json:
        print(json.dumps({"rows": rows, "absent": absent}, indent=2))
        return
    reference = {one["clients"]: one["per_second"] for one in rows if one["subject"] == "xiezhi, 4 nodes"}
    print("| subject | clients | deposits/s | ratio to ours | p50 ms | p99 ms | servers' CPU µs each | |\n|---|---|---|---|---|---|---|---|")
    for one in rows:
        ratio = f"{one['per_second'] / reference[one['clients']]:.2f}" if one["clients"] in reference else ""
        print(f"| {one['subject']} | {one['clients']} | {one['per_second']:.0f} | {ratio} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} | {one['cpu_us']:.0f} | {one['note']} |")
    for line in absent:
        print(line)


if __name__ == "__main__":
    main()
