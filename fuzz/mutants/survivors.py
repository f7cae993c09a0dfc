#!/usr/bin/env python3
"""Runs the proof's other tests on the mutants that no vector noticed, and prints the whole list with what noticed each.

usage: survivors.py FOLDER LIST    (FOLDER as `mutants` made it; LIST is what its example `mutants` printed)

What survives is `equivalent` where equivalent.txt argues that no input can tell it. The exit code is 1 where something survives without an argument, or an argument does not hold.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# The quick ones first; each is (target, arguments).
TESTS = [
    ("mickai_proof", ["--skip", "tamper", "--skip", "mldsa"]),
    ("exports", []),
    ("vectors", ["hold_on_every_path"]),
    ("fuzz", ["every_target_holds"]),
    ("mickai_proof", ["tamper::the_seeded_flips_give_the_committed_hash"]),
]
ARGUED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "equivalent.txt")
SECONDS_MAX = 300
BYTES_MAX = 4 << 30


def programs(folder):
    """The test programs of the switchable copy, by name."""
    build = ["cargo", "test", "--offline", "--manifest-path", f"{folder}/Cargo.toml", "--no-run", "--message-format=json"]
    made = subprocess.run(build, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    items = [json.loads(line) for line in made.splitlines() if line.startswith(b"{")]
    built = {item["target"]["name"]: item["executable"] for item in items if item.get("executable") and item["profile"]["test"]}
    # A build of the proof itself into the same target folder would put its own programs in their place.
    os.makedirs(f"{folder}/programs", exist_ok=True)
    return {name: shutil.copy(program, f"{folder}/programs/{name}") for name, program in built.items()}


def limited():
    """A mutant that does not end may take all memory before its time is up."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES_MAX, BYTES_MAX))


def noticed(program, arguments, number, folder):
    """The first test that fails, `no end` where none ends, or nothing."""
    environment = dict(os.environ, MUTANT=number, RUST_BACKTRACE="0", PROPTEST_MAX_SHRINK_ITERS="0")
    try:
        done = subprocess.run([program, *arguments], env=environment, cwd=f"{folder}/foundations/proof", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX, preexec_fn=limited)
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    failed = [line.split()[1] for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("test ") and line.endswith("FAILED")]
    return failed[0] if failed else f"exit {done.returncode}"


def arguments_by_mutant():
    """Why a mutant is none, by file, change and text: the line where it stands may move. As many arguments as there are such mutants."""
    argued = {}
    with open(ARGUED, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                *mutant, why = line.rstrip("\n").split("\t")
                argued.setdefault(tuple(mutant), []).append(why)
    return argued


def first_test(built, number, folder):
    """The first test of all that fails with the mutant on."""
    return next(filter(None, (noticed(built[name], arguments, number, folder) for name, arguments in TESTS)), None)


def main():
    folder, listed = sys.argv[1:]
    built = programs(folder)
    for name, arguments in TESTS:
        assert noticed(built[name], arguments, "0", folder) is None, f"{name} fails without any mutant"
    counts = {"killed": 0, "equivalent": 0, "SURVIVED": 0}
    argued = arguments_by_mutant()
    with open(listed, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line.startswith(("killed\t", "SURVIVED\t"))]
    pool = ThreadPoolExecutor(os.cpu_count())
    tests = {number: pool.submit(first_test, built, number, folder) for word, number, *_ in rows if word == "SURVIVED"}
    for word, number, file, line, change, text, *by in rows:
        if word == "SURVIVED":
            found = tests[number].result()
            whys = argued.get((file, change, text))
            if found:
                word, by = "killed", [f"test {found}"]
            elif whys:
                word, by = "equivalent", [whys.pop()]
        counts[word] += 1
        print("\t".join([word, number, file, line, change, text, *by]), flush=True)
    unused = [mutant for mutant, whys in argued.items() for _ in whys]
    for mutant in unused:
        print("\t".join(["UNUSED", *mutant, "argued, but killed, or no longer a mutant"]))
    print(f"killed {counts['killed']}, equivalent {counts['equivalent']} (argued), survived {counts['SURVIVED']}")
    return 1 if unused or counts["SURVIVED"] else 0


sys.exit(main())
