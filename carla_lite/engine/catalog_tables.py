"""Vehicles and walkers: ids, attributes and sizes as CARLA 0.9.16 has them, masses and wheelbases as such cars have."""

from __future__ import annotations

from typing import NamedTuple

Vector3 = tuple[float, float, float]
AttributeRow = tuple[str, str, str]
"""Name, type (a name of ``AttributeType``), default."""

PAINTS = ("17,37,103", "180,180,180", "137,0,0", "26,26,26", "235,235,235")
WHITE = ("235,235,235",)


class VehicleRow(NamedTuple):
    """One vehicle; half extents are (length, width, height) / 2."""

    type_id: str
    half_extent_m: Vector3
    mass_kg: float
    wheelbase_m: float
    max_steer_deg: float = 70.0
    base_type: str = "car"
    special_type: str = ""
    generation: int = 1
    wheels: int = 4
    has_lights: bool = False
    has_doors: bool = False
    colors: tuple[str, ...] = PAINTS


VEHICLES = (
    VehicleRow("vehicle.audi.a2", (1.853, 0.894, 0.775), 1200.0, 2.41),
    VehicleRow("vehicle.audi.etron", (2.428, 1.016, 0.825), 2360.0, 2.93),
    VehicleRow("vehicle.audi.tt", (2.091, 0.997, 0.693), 1335.0, 2.51, has_lights=True),
    VehicleRow("vehicle.bmw.grandtourer", (2.306, 1.121, 0.834), 1630.0, 2.78),
    VehicleRow("vehicle.chevrolet.impala", (2.679, 1.017, 0.705), 1740.0, 2.84),
    VehicleRow("vehicle.citroen.c3", (1.994, 0.925, 0.809), 1110.0, 2.47),
    VehicleRow("vehicle.dodge.charger_2020", (2.504, 0.941, 0.767), 1920.0, 3.05, generation=2, has_lights=True,
               has_doors=True),
    VehicleRow("vehicle.dodge.charger_police", (2.487, 1.019, 0.771), 1920.0, 3.05, special_type="emergency",
               has_lights=True, colors=WHITE),
    VehicleRow("vehicle.dodge.charger_police_2020", (2.619, 0.965, 0.819), 1920.0, 3.05, special_type="emergency",
               generation=2, has_lights=True, has_doors=True, colors=WHITE),
    VehicleRow("vehicle.ford.mustang", (2.359, 0.947, 0.650), 1640.0, 2.72, has_lights=True),
    VehicleRow("vehicle.ford.crown", (2.683, 0.900, 0.787), 1800.0, 2.91, special_type="taxi", generation=2,
               has_lights=True, has_doors=True, colors=("255,183,0",)),
    VehicleRow("vehicle.jeep.wrangler_rubicon", (1.933, 0.953, 0.939), 1880.0, 2.42),
    VehicleRow("vehicle.lincoln.mkz_2017", (2.451, 1.064, 0.755), 1700.0, 2.85, has_lights=True),
    VehicleRow("vehicle.lincoln.mkz_2020", (2.446, 0.918, 0.745), 1700.0, 2.85, generation=2, has_lights=True,
               has_doors=True),
    VehicleRow("vehicle.mercedes.coupe", (2.513, 1.076, 0.825), 1870.0, 2.84, has_lights=True),
    VehicleRow("vehicle.mercedes.coupe_2020", (2.337, 0.906, 0.721), 1870.0, 2.84, generation=2, has_lights=True,
               has_doors=True),
    VehicleRow("vehicle.micro.microlino", (1.104, 0.740, 0.688), 513.0, 1.57, special_type="electric"),
    VehicleRow("vehicle.mini.cooper_s", (1.903, 0.985, 0.738), 1200.0, 2.49),
    VehicleRow("vehicle.mini.cooper_s_2021", (2.276, 1.049, 0.884), 1270.0, 2.50, generation=2, has_lights=True,
               has_doors=True),
    VehicleRow("vehicle.nissan.micra", (1.817, 0.923, 0.751), 1070.0, 2.45),
    VehicleRow("vehicle.nissan.patrol", (2.302, 0.966, 0.927), 2750.0, 2.90),
    VehicleRow("vehicle.nissan.patrol_2021", (2.783, 1.075, 1.023), 2750.0, 3.08, generation=2, has_lights=True,
               has_doors=True),
    VehicleRow("vehicle.seat.leon", (2.096, 0.908, 0.737), 1300.0, 2.58),
    VehicleRow("vehicle.tesla.model3", (2.396, 1.082, 0.744), 1845.0, 2.875, generation=2, special_type="electric",
               has_lights=True),
    VehicleRow("vehicle.tesla.cybertruck", (3.137, 1.195, 1.049), 3000.0, 3.81, base_type="truck",
               special_type="electric", has_lights=True, colors=("140,140,145",)),
    VehicleRow("vehicle.toyota.prius", (2.257, 1.003, 0.762), 1400.0, 2.70),
    VehicleRow("vehicle.carlamotors.carlacola", (2.602, 1.313, 1.234), 5500.0, 3.30, base_type="truck",
               colors=("175,20,25",)),
    VehicleRow("vehicle.carlamotors.european_hgv", (3.968, 1.446, 1.731), 9000.0, 4.20, max_steer_deg=50.0,
               base_type="truck", generation=2, has_lights=True, has_doors=True, colors=WHITE),
    VehicleRow("vehicle.carlamotors.firetruck", (4.234, 1.446, 1.914), 12000.0, 4.40, max_steer_deg=50.0,
               base_type="truck", special_type="emergency", generation=2, has_lights=True, has_doors=True,
               colors=("165,15,15",)),
    VehicleRow("vehicle.ford.ambulance", (3.183, 1.176, 1.216), 4500.0, 3.51, max_steer_deg=60.0, base_type="van",
               special_type="emergency", generation=2, has_lights=True, has_doors=True, colors=WHITE),
    VehicleRow("vehicle.mercedes.sprinter", (2.958, 0.994, 1.280), 2800.0, 3.67, max_steer_deg=60.0, base_type="van",
               generation=2, has_lights=True, has_doors=True),
    VehicleRow("vehicle.volkswagen.t2", (2.240, 1.035, 1.019), 1300.0, 2.40, base_type="van", has_lights=True),
    VehicleRow("vehicle.volkswagen.t2_2021", (2.221, 0.887, 0.994), 1300.0, 2.40, base_type="van", generation=2,
               has_lights=True, has_doors=True),
    # CARLA's box of this bus, 3.94 m wide and 4.25 m high, is far larger than the bus: it would not fit into a lane.
    VehicleRow("vehicle.mitsubishi.fusorosa", (5.136, 1.263, 1.680), 6500.0, 5.20, max_steer_deg=50.0,
               base_type="bus", generation=2, has_lights=True),
    VehicleRow("vehicle.harley-davidson.low_rider", (1.175, 0.383, 0.825), 380.0, 1.63, base_type="motorcycle",
               wheels=2, has_lights=True),
    VehicleRow("vehicle.kawasaki.ninja", (1.022, 0.398, 0.762), 260.0, 1.40, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.yamaha.yzf", (1.095, 0.433, 0.765), 260.0, 1.40, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.vespa.zx125", (0.909, 0.433, 0.795), 190.0, 1.29, base_type="motorcycle", wheels=2,
               has_lights=True),
    VehicleRow("vehicle.bh.crossbike", (0.755, 0.433, 0.806), 85.0, 1.05, base_type="bicycle", wheels=2),
    VehicleRow("vehicle.diamondback.century", (0.828, 0.291, 0.810), 85.0, 1.02, base_type="bicycle", wheels=2),
    VehicleRow("vehicle.gazelle.omafiets", (0.922, 0.330, 0.888), 90.0, 1.15, base_type="bicycle", wheels=2),
)  # fmt: skip

WALKER_COUNT = 52
ADULT_HALF_EXTENT_M: Vector3 = (0.188, 0.188, 0.930)
BOY_HALF_EXTENT_M: Vector3 = (0.188, 0.188, 0.650)
CHILD_HALF_EXTENT_M: Vector3 = (0.250, 0.250, 0.550)
CHILD_WALKERS: dict[int, Vector3] = {
    **dict.fromkeys((9, 10, 11, 48, 49), CHILD_HALF_EXTENT_M),
    **dict.fromkeys((12, 13, 14), BOY_HALF_EXTENT_M),
}
"""Half extents of the walkers that are children, by number."""
ADULT_MASS_KG = 75.0
CHILD_MASS_KG = 35.0
WALKER_ATTRIBUTES: tuple[AttributeRow, ...] = (
    ("is_invincible", "BOOL", "true"),
    ("can_use_wheelchair", "BOOL", "false"),
    ("use_wheelchair", "BOOL", "false"),
)
