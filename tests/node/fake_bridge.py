"""The real bridge node on a kinematic session: ``python fake_bridge.py [--lost-after N] --ros-args ...``."""

import sys
from pathlib import Path

from waypilot_ros import carla_bridge_node

sys.path.insert(0, str(Path(__file__).parent))
from kinematic_session import KinematicSession

lost_after = None
if "--lost-after" in sys.argv:
    at = sys.argv.index("--lost-after")
    lost_after = int(sys.argv[at + 1])
    del sys.argv[at : at + 2]

carla_bridge_node.SimulatorSession = lambda config: KinematicSession(lost_after)
carla_bridge_node.main()
