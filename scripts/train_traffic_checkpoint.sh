#!/usr/bin/env bash
# Makes the bases that reinforcement learning refines; drives are never in the towns where policies are judged or selected. Run
# again after an interruption: finished drives are kept, and the training goes on where it stopped.
#   bash scripts/train_traffic_checkpoint.sh v0   a base that has met traffic, country roads and lamps, from the shipped
#                                                 checkpoint: 214 drives, 25 minutes of collecting, 8 of training
#   bash scripts/train_traffic_checkpoint.sh v1   from v0, a base that sees lamps: 145 drives that tell what is ahead, many of
#                                                 them past red lights, and an auxiliary task; 25 minutes and 7
# Where there are lights, the expert waits 3 m before a line (its camera sees the lamp there); some drives are steered by the
# checkpoint that the training starts from and labelled by the expert (DAgger).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:-}
episodes=out/episodes/traffic_$version
run=out/sft_traffic_$version

collect() { # FOLDER DRIVES TOWN... -- OPTION...: so many drives in each town
  local folder=$1 drives=$2 towns=()
  shift 2
  while [ "$1" != -- ]; do
    towns+=("$1")
    shift
  done
  shift
  .venv/bin/python -m training.data.collect_carla --out "$episodes/$folder" --town "${towns[@]}" --episodes "$drives" \
    --jobs 2 "$@"
}
train() { # OPTION...
  .venv/bin/torchrun --standalone --nproc-per-node 2 -m training.sft.train_waypoint_bc_torch_v0 \
    --episodes-glob "$episodes/**/*.json" --out-dir "$run" --num-threads 1 --crop-top-px 20 --init-model "$start" \
    "$@" $([ -f "$run/state.pt" ] && echo --resume)
}
case $version in
v0)
  start=checkpoints/sft_waypoint_bc_v0.pt
  collect expert 8 Lite02 Lite03 generate:{5,6} country:{3,4,11} -- --seed 11
  collect encounters 10 signals:{1,2,3,4,5,6,9} -- --seed 11 --encounters 0.75 --traffic 6 --line-gap-m 3
  collect country 8 country:{1,2,5,6} -- --seed 11 --encounters 0.6 --traffic 5 --line-gap-m 3
  collect dagger 8 signals:{7,8,11,12} country:{7,8,10} -- --seed 11 --encounters 0.75 --traffic 5 --line-gap-m 3 \
    --driver "checkpoint:$start"
  train --num-steps 3200 --val-every-steps 1600
  ;;
v1)
  start=checkpoints/sft_traffic_base_v0.pt
  collect lights 8 signals:{1,2,3,5,6,9,13,14} -- --seed 21 --encounters 0.3 --late-green 0.6 --traffic 3 --line-gap-m 3
  collect dagger 5 signals:{7,8,11,12} country:{7,8} -- --seed 21 --encounters 0.6 --late-green 0.8 --traffic 4 \
    --line-gap-m 3 --driver "checkpoint:$start"
  collect encounters 6 signals:{4,10,15,16} -- --seed 21 --encounters 0.85 --traffic 5 --line-gap-m 3
  collect expert 3 Lite02 Lite03 generate:{5,6} country:{1,2,3,4,11} -- --seed 21 --line-gap-m 3
  train --num-steps 3600 --val-every-steps 1200 --change-weight 3 --ahead-weight 1
  ;;
*)
  echo "usage: $0 v0|v1" >&2
  exit 2
  ;;
esac
