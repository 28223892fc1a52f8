#!/usr/bin/env bash
# Reproduces checkpoints/sft_waypoint_bc_v0.pt: 122 expert drives in eight towns (never Lite01, where it is judged), then
# behaviour cloning. About 25 minutes on two idle cores. Run again after an interruption: finished drives are kept, and
# the training goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
episodes=out/episodes/expert
run=out/sft_waypoint_bc_torch_v0

for town_and_drives in Lite02:25 Lite03:25 generate:{1,2,3,4,5,6}:12; do
  .venv/bin/python -m training.data.collect_carla \
    --out "$episodes" --town "${town_and_drives%:*}" --episodes "${town_and_drives##*:}" --seed 1
done
.venv/bin/python -m waypilot.episodes check "$episodes/**/*.json"
.venv/bin/python -m training.sft.train_waypoint_bc_torch_v0 \
  --episodes-glob "$episodes/**/*.json" --out-dir "$run" --num-steps 5000 --num-threads 1 $([ -f "$run/state.pt" ] && echo --resume)
