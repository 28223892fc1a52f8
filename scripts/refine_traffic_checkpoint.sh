#!/usr/bin/env bash
# Refines a base by reinforcement learning with several seeds, drives base and heads through the suites town and traffic
# and through 128 drives in the test towns, and compares them: docs/results/rl_refinement.md. About 10 minutes of training
# and 7 of evaluation per seed on two cores.
# Run again after an interruption: finished parts are kept, a run resumes.
#   bash scripts/refine_traffic_checkpoint.sh [ppo|grpo|grpo_short] [SEED...]   over checkpoints/sft_traffic_base_v1.pt;
#                                                                               grpo_short: groups of 20 instead of 40 s
#   BASE=v0 bash scripts/refine_traffic_checkpoint.sh [ppo|grpo] [SEED...]      over the base before, which sees no lamps
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=${1:-ppo}
seeds=("${@:2}")
[ ${#seeds[@]} -gt 0 ] || seeds=(0 1 2 3 4)
case $name in
ppo | grpo | grpo_short) ;;
*) echo "'$name' is none of them; usage: [BASE=v0|v1] $0 [ppo|grpo|grpo_short] [SEED...]" >&2 && exit 2 ;;
esac
algorithm=${name%%_*}
version=${BASE:-v1}
case $version in
v0) settings=training/rl/settings/${name}_traffic.yaml every=25000 ;;
v1) settings=training/rl/settings/${name}_traffic_v1.yaml every=50000 ;;
*) echo "BASE is $version, expected v0 or v1" >&2 && exit 2 ;;
esac
[ -f "$settings" ] || { echo "there is no $name over the base $version: no file $settings" >&2 && exit 2; }
[ -x .venv/bin/python ] || { echo "there is no .venv here: run make setup first" >&2 && exit 2; }
base=checkpoints/sft_traffic_base_$version.pt
out=out/rl_traffic_$version

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
results=() heads=()
for seed in "${seeds[@]}"; do
  run=$out/${name}_$seed
  if [ ! -f "$run/final.pt" ]; then
    .venv/bin/python -m "training.rl.train_${algorithm}_waypoint_delta" --env drive --sft-model "$base" --out-dir "$run" \
      --env-steps 100000 --eval-every "$every" --eval-episodes 64 --seed "$seed" \
      --config "$settings" $([ -f "$run/state.pt" ] && echo --resume)
  fi
  evaluate "$run" --delta-checkpoint "$run/final.pt"
  results+=("$run"/{town,traffic}/results.json)
  heads+=("$run/final.pt")
done
.venv/bin/python -m training.eval.compare_seeds --base "$out"/base/{town,traffic}/results.json --seeds "${results[@]}" \
  --output "$out/$name.json"
.venv/bin/python -m training.rl.judge_heads --sft-model "$base" --config "$settings" --"$algorithm" "${heads[@]}" \
  --drives 128 --output "$out/judged.json"
