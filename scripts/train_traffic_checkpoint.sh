#!/usr/bin/env bash
# Makes a base that has met traffic: 122 expert drives on empty roads, 184 with other road users and lights that turn
# green late (never in the towns where policies are judged), then behaviour cloning from the shipped checkpoint with
# the rows of the picture where lamps are. About 30 minutes of collecting and 12 of training on two idle cores. Run
# again after an interruption: finished drives are kept, and the training goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
episodes=out/episodes/traffic
run=out/sft_traffic

collect() { # SPEC (town:drives) OPTION...
  local spec=$1
  shift
  .venv/bin/python -m training.data.collect_carla --town "${spec%:*}" --episodes "${spec##*:}" --seed 1 --jobs 2 "$@"
}
for spec in Lite02:25 Lite03:25 generate:{1,2,3,4,5,6}:12; do
  collect "$spec" --out "$episodes/expert"
done
for spec in signals:{1,2,3,4,5,6}:14 signals:{7,8,9,10}:12; do
  collect "$spec" --out "$episodes/encounters" --encounters 0.75 --traffic 6
done
for spec in Lite02:14 Lite03:14 generate:{3,4,5,6}:6; do
  collect "$spec" --out "$episodes/encounters" --encounters 0.75 --traffic 4
done
.venv/bin/torchrun --standalone --nproc-per-node 2 -m training.sft.train_waypoint_bc_torch_v0 \
  --episodes-glob "$episodes/**/*.json" --out-dir "$run" --num-steps 4000 --num-threads 1 --val-every-steps 2000 \
  --crop-top-px 20 --init-model checkpoints/sft_waypoint_bc_v0.pt $([ -f "$run/state.pt" ] && echo --resume)
