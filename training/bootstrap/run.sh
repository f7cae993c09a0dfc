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
"$python" "$here/train.py" --out "$work/train"
"$python" "$here/export.py" "$work/train/hf" "$work/bootstrap.gguf"
"$python" "$here/export.py" "$work/train/hf" "$work/bootstrap-f32.gguf" --f32
"$python" "$here/evaluate.py" "$here/dev.jsonl" --model "$work/bootstrap.gguf"
