"""A node ends when it is asked to, also where something in it hangs."""

import signal
import subprocess
import sys
import textwrap

WAIT_S = 60.0

HANGING = """
    import sys, time
    from rclpy.node import Node
    from waypilot_ros.spin import run_node

    class Hanging(Node):
        def close(self):
            time.sleep(600)

    def make_node():
        node = Hanging("hanging")
        print("made", flush=True)
        return node

    sys.exit(run_node(make_node))
"""


def test_a_node_whose_end_hangs_is_ended_and_tells_where_it_was():
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(HANGING)], stdout=-1, stderr=-1, text=True) as node:
        try:
            assert node.stdout.readline() == "made\n"
            node.send_signal(signal.SIGTERM)
            _, told = node.communicate(timeout=WAIT_S)
        finally:
            node.kill()
    assert node.returncode == 1
    assert "Timeout" in told
    assert "in close" in told
