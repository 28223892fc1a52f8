#!/usr/bin/env bash
# Makes a base that has met traffic, country roads and lamps: drives on empty roads, drives with other road users whose
# expert waits 3 m before a line (its camera sees the lamp there), and drives that the shipped checkpoint steers and the
# expert labels, never in the towns where policies are judged or selected; then behaviour cloning from the shipped
# checkpoint with the rows of the picture where lamps are. 214 drives: about 25 minutes of collecting, 8 of training.
# Run again after an interruption: finished drives are kept, and the training goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
episodes=out/episodes/traffic
run=out/sft_traffic
start=checkpoints/sft_waypoint_bc_v0.pt

collect() { # FOLDER DRIVES TOWN... -- OPTION...: so many drives in each town
  local folder=$1 drives=$2 towns=()
  shift 2
  while [ "$1" != -- ]; do
    towns+=("$1")
    shift
  done
  shift
  .venv/bin/python -m training.data.collect_carla --out "$episodes/$folder" --town "${towns[@]}" --episodes "$drives" \
    --seed 11 --jobs 2 "$@"
}
collect expert 8 Lite02 Lite03 generate:{5,6} country:{3,4,11} --
collect encounters 10 signals:{1,2,3,4,5,6,9} -- --encounters 0.75 --traffic 6 --line-gap-m 3
collect country 8 country:{1,2,5,6} -- --encounters 0.6 --traffic 5 --line-gap-m 3
collect dagger 8 signals:{7,8,11,12} country:{7,8,10} -- --encounters 0.75 --traffic 5 --line-gap-m 3 \
  --driver "checkpoint:$start"
.venv/bin/torchrun --standalone --nproc-per-node 2 -m training.sft.train_waypoint_bc_torch_v0 \
  --episodes-glob "$episodes/**/*.json" --out-dir "$run" --num-steps 3200 --num-threads 1 --val-every-steps 1600 \
  --crop-top-px 20 --init-model "$start" $([ -f "$run/state.pt" ] && echo --resume)
