"""carla_lite: a CPU-only server that speaks CARLA 0.9.16's wire protocol.

``maps`` makes and reads towns, ``engine`` moves the world, ``render`` draws it, ``wire`` talks to the unmodified
``carla`` client. The engine and the renderer know no sockets; everything inside uses REP 103 axes and SI units,
and only ``wire`` converts to CARLA's left-handed axes and degrees.
"""
