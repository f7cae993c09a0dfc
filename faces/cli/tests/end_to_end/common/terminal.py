"""Starts a program in a terminal of its own, follows steps given as JSON, prints what the terminal showed and ends with the program's exit code."""
import json
import os
import pty
import re
import select
import sys
import time

PATIENCE_S = 60

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)

shown = b""


def more():
    """Reads what is there, waiting for it; False when the program has ended."""
    global shown
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if not ready:
        return True
    try:
        read = os.read(terminal, 65536)
    except OSError:
        return False
    shown += read
    return bool(read)


def wait(what, seen):
    end = time.monotonic() + PATIENCE_S
    while not seen():
        if not more() and not seen() or time.monotonic() > end:
            sys.stdout.buffer.write(shown)
            sys.exit(f"the terminal never showed {what}")


begin = 0
for verb, value in steps:
    if verb == "sees":
        pattern = re.compile(value.encode())
        wait(value, lambda: pattern.search(shown, begin))
        begin = pattern.search(shown, begin).end()
    elif verb == "sees_bytes":
        wait(f"{value} more bytes", lambda: len(shown) >= begin + value)
        begin += value
    else:
        os.write(terminal, value.encode())
while more():
    pass
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
