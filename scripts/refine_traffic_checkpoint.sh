#!/usr/bin/env bash
# Refines checkpoints/sft_traffic_base_v0.pt by reinforcement learning with several seeds, drives base and heads through the
# suites town and traffic, and compares them: docs/results/rl_refinement.md. About 10 minutes of training and 10 of
# evaluation per seed on two cores. Run again after an interruption: finished parts are kept, a run resumes.
#   bash scripts/refine_traffic_checkpoint.sh [ppo|grpo] [SEED...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
algorithm=${1:-ppo}
seeds=("${@:2}")
[ ${#seeds[@]} -gt 0 ] || seeds=(0 1 2 3 4)
case $algorithm in ppo | grpo) ;; *) echo "usage: $0 [ppo|grpo] [SEED...]" >&2 && exit 2 ;; esac
base=checkpoints/sft_traffic_base_v0.pt
out=out/rl_traffic

evaluate() { # FOLDER OPTION...: drives what is missing of both suites
  local suite options
  for suite in town traffic; do
    options=()
    [ "$suite" = traffic ] && options=(--seeds 0 1)
    [ -f "$1/$suite/results.json" ] && options+=(--resume)
    .venv/bin/python -m training.eval.run_carla_closed_loop_eval --smoke --no-video --suite "$suite" --workers 2 \
      --output-dir "$1/$suite" --checkpoint "$base" "${@:2}" "${options[@]}"
  done
}

evaluate "$out/base"
results=()
for seed in "${seeds[@]}"; do
  run=$out/${algorithm}_$seed
  if [ ! -f "$run/final.pt" ]; then
    .venv/bin/python -m "training.rl.train_${algorithm}_waypoint_delta" --env drive --sft-model "$base" --out-dir "$run" \
      --env-steps 100000 --eval-every 25000 --eval-episodes 64 --seed "$seed" \
      --config "training/rl/settings/${algorithm}_traffic.yaml" $([ -f "$run/state.pt" ] && echo --resume)
  fi
  evaluate "$run" --delta-checkpoint "$run/final.pt"
  results+=("$run"/{town,traffic}/results.json)
done
.venv/bin/python -m training.eval.compare_seeds --base "$out"/base/{town,traffic}/results.json --seeds "${results[@]}" \
  --output "$out/$algorithm.json"
