"""Draws the golden images anew: ``python tests/golden/render/refresh.py``.

Refreshing is legitimate only when the look was changed on purpose; look at every image before committing it.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "unit" / "carla_lite" / "render")]


def main() -> None:
    from PIL import Image
    from render_views import golden_views
    from tiny_town import make_town

    from carla_lite.render import Renderer

    renderer = Renderer(make_town())
    for name, (camera, dynamic) in golden_views().items():
        bgra = renderer.rgb(camera, dynamic)
        Image.fromarray(bgra[..., 2::-1].copy()).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
