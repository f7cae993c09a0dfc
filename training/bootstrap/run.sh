#!/bin/sh
# Everything from a fresh machine: environment, data, training, export, measurement. Usage: run.sh WORK_FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:?usage: run.sh WORK_FOLDER}
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"
# Two training processes share the work; each must stay on one thread.
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
python="$work/venv/bin/python"
"$python" "$here/train.py" --out "$work/first" --cool-from 985
"$python" "$here/train.py" --out "$work/second" --after "$work/first/hf" --shards 6 --cool-from 0 --rate 1.5e-3
"$python" "$here/export.py" "$work/second/hf" "$work/bootstrap.gguf"
"$python" "$here/export.py" "$work/second/hf" "$work/bootstrap-f32.gguf" --type f32
for set in dev fresh; do
    "$python" "$here/evaluate.py" "$here/$set.jsonl" --model "$work/bootstrap.gguf"
done
