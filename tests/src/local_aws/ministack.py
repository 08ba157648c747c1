"""Runs MiniStack for as long as the process that started it lives.

The harness holds the other end of our standard input. When it ends, in whatever way (done, panic,
Ctrl-C, kill -9), the pipe closes, and MiniStack, the functions it runs and their files go with it.
"""

import os
import runpy
import shutil
import signal
import sys
import threading


def end_with_the_harness():
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


# A group of our own: functions are born into it, and a Ctrl-C in the terminal is the harness's affair.
os.setpgrp()
threading.Thread(target=end_with_the_harness, daemon=True).start()
sys.argv = ["ministack"]
runpy.run_module("ministack", run_name="__main__")
