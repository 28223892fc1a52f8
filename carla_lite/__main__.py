"""``python -m carla_lite``: the command line of the server."""

import sys

from carla_lite.wire.cli import main

sys.exit(main())
