"""Command line options that every reader of bags shares: which topic is what."""

from __future__ import annotations

import argparse

from waypilot.bags.layout import LayoutOptions


def add_topic_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--odometry``, ``--route`` and ``--camera``."""
    parser.add_argument("--odometry", default="", help="topic of the odometry (default: found)")
    parser.add_argument("--route", default="", help="topic of the route (default: found)")
    parser.add_argument("--camera", type=_camera, action="append", default=[], metavar="NAME=TOPIC", help="repeatable")


def layout_options(options: argparse.Namespace) -> LayoutOptions:
    """Read them."""
    return LayoutOptions(odometry=options.odometry, route=options.route, cameras=dict(options.camera))


def _camera(text: str) -> tuple[str, str]:
    name, separator, topic = text.partition("=")
    if not separator or not topic:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=TOPIC")
    return name, topic
